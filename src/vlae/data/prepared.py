"""Prepared data: memory-mapped uint8 images, a table beside them, a card.

A folder holds, for each split, `SPLIT.npy` of shape (N, C, H, W) and
`SPLIT.parquet` with a row per image (`label` where there are classes, and whatever
else is known), and `card.json`: counts, shape, classes, attributes, source, licence,
checksums and preprocessing. The card is written last, so a folder with a card is
complete.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.config.run_spec import DataFacts
from vlae.data.datasets.base import Split, Stored
from vlae.data.npy_writer import Growing
from vlae.system.errors import UserError, closest
from vlae.system.files import atomic, read_json, sha256, write_json

CARD = "card.json"


@dataclass(frozen=True)
class Prepared:
    """An opened folder. Images stay on disk until they are indexed."""

    card: dict[str, Any]
    folder: Path

    def images(self, split: str) -> np.ndarray:
        """Memory-mapped uint8 array (N, C, H, W)."""
        path = self.folder / f"{split}.npy"
        expected = (self.card["counts"][split], *self.card["shape"])
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise _broken(path, str(error)) from None
        if not isinstance(array, np.memmap):  # a zip file is opened as well
            raise _broken(path, "not an .npy file")
        if array.shape != expected or array.dtype != np.uint8:
            raise _broken(path, f"{array.dtype} {array.shape}, expected {expected}")
        return array

    def table(self, split: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """One row an image: `label`, where there are classes, and the known factors.

        Args:
            columns: those that are wanted; the others are not read.
        """
        path = self.folder / f"{split}.parquet"
        try:
            return pd.read_parquet(path, columns=columns)
        except (OSError, ValueError) as error:
            raise _broken(path, str(error)) from None


def taught(data: DataFacts) -> list[str]:
    """Columns of a table that `targets` reads; none where there is nothing to learn."""
    return ["label"] if data.classes else list(data.attributes)


def targets(table: pd.DataFrame, data: DataFacts) -> np.ndarray:
    """What a classifier learns from a table, for the facts `data` of a run spec.

    Returns:
        classes (N,); else attributes (N, A) of 0 and 1; zeros (N,) where the data
        set has neither. All int64.
    """
    if data.classes:
        return table["label"].to_numpy("int64")
    if data.attributes:
        return table[list(data.attributes)].to_numpy("int64")
    return np.zeros(len(table), "int64")


def _broken(path: Path, why: str) -> UserError:
    return UserError(
        f"{path}: unreadable prepared data ({why}). Delete its folder and run again."
    )


def load(folder: Path) -> Prepared:
    """Open a prepared folder; what was written after its card is checked against it.

    Raises:
        UserError: if its card is missing or broken, or an array is another one.
    """
    card = read_json(folder / CARD, "data card")
    written = (folder / CARD).stat().st_mtime
    for name, expected in card.get("sha256", {}).items():
        path = folder / name
        if (
            path.exists()
            and path.stat().st_mtime > written
            and sha256(path) != expected
        ):
            raise _broken(path, "it was changed after its card.json was written")
    return Prepared(card, folder)


def write(
    folder: Path,
    splits: Sequence[Split | Stored],
    card: dict[str, Any],
    progress: Callable[[str, int, int], None],
    key: str = "",
    threads: int = 1,
) -> dict[str, Any]:
    """Write every split and then the card.

    Args:
        splits: at least `train` and `test`.
        card: `shape`, `source`, `licence`, `preprocessing`, ...; counts, classes
            and checksums are added, and the facts of the splits. `classes: 0` takes
            no column for labels; `attributes` names columns of zeros and ones.
        progress: called with split, images done, images in all; at first with what
            an interrupted step had done, which is nothing but for `Stored` images.
        key: what determines `Stored` images; "" prepares them all anew.
        threads: for `Stored` images.

    Returns:
        the complete card.

    Raises:
        UserError: if shapes, counts, labels or attributes are not what `card` says.
    """
    shape = tuple(card["shape"])
    images: list[Growing] = []
    tables: dict[str, pd.DataFrame] = {}
    classes = 0
    for split in splits:
        stored = isinstance(split, Stored)
        path = folder / f"{split.name}.npy"
        with Growing(path, (split.count, *shape), key if stored else "") as growing:
            if isinstance(split, Stored):
                table = split.table
                classes = max(classes, _classes(table, card, split.name))
                chunks = split.images(growing.done, threads)
                progress(split.name, growing.done, split.count)
                for chunk in chunks:
                    _append(growing, chunk, split, progress)
            else:
                rows = []
                progress(split.name, 0, split.count)
                for chunk, part in split.chunks:
                    _append(growing, chunk, split, progress)
                    rows.append(part)
                table = pd.concat(rows, ignore_index=True)
                classes = max(classes, _classes(table, card, split.name))
        if growing.done != split.count:
            raise UserError(
                f"split '{split.name}': {growing.done} images, expected {split.count}."
            )
        images.append(growing)
        tables[split.name] = table
    # Names only now: Snakemake deletes what an interrupted rule had finished.
    checksums = {growing.path.name: growing.finish() for growing in images}
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        with atomic(path) as temporary:
            table.to_parquet(temporary, index=False)
        checksums[path.name] = sha256(path)
    complete = {
        **card,
        **{key: fact for split in splits for key, fact in split.facts.items()},
        "counts": {split.name: split.count for split in splits},
        "classes": classes,
        "attributes": card.get("attributes", []),
        "sha256": checksums,
    }
    write_json(folder / CARD, complete)
    return complete


def _append(
    growing: Growing,
    chunk: np.ndarray,
    split: Split | Stored,
    progress: Callable[[str, int, int], None],
) -> None:
    expected = growing.shape[1:]
    if chunk.shape[1:] != expected:
        raise UserError(
            f"split '{split.name}': images of shape {chunk.shape[1:]}, "
            f"expected {expected}; correct the data set's 'shape'."
        )
    growing.append(chunk)
    progress(split.name, growing.done, split.count)


def _classes(table: pd.DataFrame, card: dict[str, Any], split: str) -> int:
    """Number of classes in `table`, whose columns must be what `card` says."""
    name = card.get("name", "")
    for attribute in card.get("attributes", []):
        key = f"datasets.{name}.attributes"
        if attribute not in table:
            raise UserError(
                f"{key}: the data have no '{attribute}'; "
                + closest(attribute, map(str, table.columns))
            )
        if not table[attribute].isin([0, 1]).all():
            raise UserError(
                f"{key}: '{attribute}' has values other than 0 and 1 in the split "
                f"'{split}'. Choose columns of zeros and ones."
            )
    if card.get("classes") == 0:
        return 0
    if "label" not in table:
        raise UserError(
            f"datasets.{name}.classes: {card.get('classes')}, but the split '{split}' "
            "has no labels. Give labels, or set classes: 0."
        )
    return int(table["label"].max()) + 1
