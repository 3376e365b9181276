"""Prepared data: memory-mapped uint8 images, tables with their rows, and a card.

For each split a folder holds `SPLIT.npy` of shape (N, C, H, W) and `SPLIT.parquet` with
one row per image: `label` if the data set has classes, and whatever else is known. Its
`card.json` says counts, shape, classes, attributes, source, licence, checksums and
preprocessing. The card is written last, so a folder with a card is complete.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.config.run_spec import DataFacts
from vlae.data.datasets.base import Split
from vlae.data.npy_writer import GrowingArray
from vlae.system.errors import UserError, closest
from vlae.system.files import atomic, read_json, sha256, write_json

CARD = "card.json"
MAX_NAMED_LABELS = 12
"""Number of labels that a message names, at most."""

Progress = Callable[[str, int, int], None]
"""Function of the name of a split, images done, and images in all."""


@dataclass(frozen=True)
class Prepared:
    """An opened folder of prepared data.

    Args:
        card: content of `card.json`.
        folder: where the arrays and tables lie.
    """

    card: dict[str, Any]
    folder: Path

    def images(self, split: str) -> np.ndarray:
        """Return the images of a split: a memory-mapped uint8 array (N, C, H, W).

        Raises:
            UserError: if the file is not the array that the card describes.
        """
        path = self.folder / f"{split}.npy"
        expected = (self.card["counts"][split], *self.card["shape"])
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise _broken(path, str(error)) from None
        if not isinstance(array, np.memmap):  # numpy opens zip files as well
            raise _broken(path, "not an .npy file")
        if array.shape != expected or array.dtype != np.uint8:
            raise _broken(path, f"{array.dtype} {array.shape}, expected {expected}")
        return array

    def table(self, split: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the table of a split, one row per image.

        Args:
            split: `train` or `test`.
            columns: names of the columns to read; None reads all of them.

        Raises:
            UserError: if the file cannot be read.
        """
        path = self.folder / f"{split}.parquet"
        try:
            return pd.read_parquet(path, columns=columns)
        except (OSError, ValueError) as error:
            raise _broken(path, str(error)) from None


def taught(data: DataFacts) -> list[str]:
    """Return the columns of a table that `targets` reads; empty if it reads none."""
    return ["label"] if data.classes else list(data.attributes)


def targets(table: pd.DataFrame, data: DataFacts) -> np.ndarray:
    """Return what a classifier learns from a table.

    Args:
        table: one row per image, with at least the columns `taught(data)`.
        data: facts of the data set, from a run spec.

    Returns:
        classes (N,) if the data set has classes; else attributes (N, A) of zeros and
        ones if it has attributes; else zeros (N,). The dtype is always int64.
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
    """Open a prepared folder, and check the files that are newer than its card.

    Raises:
        UserError: if the card is missing or broken, or if the checksum of a newer file
            is not the one on the card.
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


def of_card(card: Path) -> Path:
    """Return the folder of the prepared data that a card describes.

    Raises:
        UserError: if the file does not have the name of a card.
    """
    if card.name != CARD:
        raise UserError(
            f"{card}: expected the {CARD} of prepared data, with the arrays and tables "
            "beside it."
        )
    return card.parent


def write(
    folder: Path,
    splits: Sequence[Split],
    card: dict[str, Any],
    progress: Progress,
    key: str = "",
    threads: int = 1,
) -> dict[str, Any]:
    """Write every split and then the card.

    Args:
        folder: where the files go.
        splits: at least `train` and `test`.
        card: `shape`, `classes`, `source`, `licence`, `preprocessing`, ...; counts,
            checksums, classes without images and the facts of the splits are added.
            With `classes: 0` no column of labels is expected; `attributes` names
            columns of zeros and ones.
        progress: called with the name of a split, the number of images done and the
            number of all; first with the number that an interrupted step had done.
        key: what determines the images of resumable splits; an interrupted step with
            the same key is continued. "" prepares everything again.
        threads: number of threads that read images.

    Returns:
        the complete card.

    Raises:
        UserError: if shapes, counts, labels or attributes are not what `card` says.
    """
    for split in splits:
        if split.resumable:  # Find mistakes in a table before hours of decoding.
            _check_table(split.table(), card, split.name)
    arrays = [
        _write_images(folder, split, card, progress, key, threads) for split in splits
    ]
    tables = {split.name: split.table() for split in splits}
    for name, table in tables.items():
        _check_table(table, card, name)
    hashes = {f"{n}.parquet": _write_table(folder, n, t) for n, t in tables.items()}
    # Arrays get their names only now, so that what looks finished is.
    checksums = {array.path.name: array.finish() for array in arrays} | hashes
    complete = {
        **card,
        **{key: fact for split in splits for key, fact in split.facts.items()},
        "counts": {split.name: split.count for split in splits},
        **_empty_classes(tables.values(), card),
        "attributes": card.get("attributes", []),
        "sha256": checksums,
    }
    write_json(folder / CARD, complete)
    return complete


def _write_images(
    folder: Path,
    split: Split,
    card: dict[str, Any],
    progress: Progress,
    key: str,
    threads: int,
) -> GrowingArray:
    """Write the images of a split to an array that does not have its name yet."""
    shape = tuple(card["shape"])
    path = folder / f"{split.name}.npy"
    key = f"{key}{split.identity}" if split.resumable and key else ""
    with GrowingArray(path, (split.count, *shape), key) as array:
        chunks = split.chunks(array.done, threads)
        progress(split.name, array.done, split.count)
        for chunk in chunks:
            if chunk.shape[1:] != shape:
                raise UserError(
                    f"split '{split.name}': images of shape {chunk.shape[1:]}, "
                    f"expected {shape}; correct the data set's 'shape'."
                )
            array.append(chunk)
            progress(split.name, array.done, split.count)
    if array.done != split.count:
        raise UserError(
            f"split '{split.name}': {array.done} images, expected {split.count}."
        )
    return array


def _write_table(folder: Path, split: str, table: pd.DataFrame) -> str:
    """Write the table of a split, and return its sha256 in hexadecimal."""
    path = folder / f"{split}.parquet"
    try:
        with atomic(path) as temporary:
            table.to_parquet(temporary, index=False)
    except (ValueError, TypeError) as error:  # those of pyarrow are of these kinds
        raise UserError(
            f"{path}: the table of the split '{split}' cannot be written ({error}). "
            "Give every column values of one kind."
        ) from error
    return sha256(path)


def _check_table(table: pd.DataFrame, card: dict[str, Any], split: str) -> None:
    """Raise UserError unless a table has the classes and attributes that `card` names.

    Args:
        table: one row per image.
        card: `attributes` and `classes`, if there are any.
        split: name of the split, for messages.
    """
    name = card.get("name", "")
    for attribute in card.get("attributes", []):
        key = f"datasets.{name}.attributes"
        if attribute not in table:
            raise UserError(
                f"{key}: the data have no column '{attribute}'; "
                + closest(attribute, map(str, table.columns))
            )
        if not table[attribute].isin([0, 1]).all():
            raise UserError(
                f"{key}: '{attribute}' has values other than 0 and 1 in the split "
                f"'{split}'. Choose columns of zeros and ones."
            )
    if card["classes"] == 0:
        return
    key = f"datasets.{name}.classes: {card['classes']}"
    if "label" not in table:
        raise UserError(
            f"{key}, but the split '{split}' has no labels. Give labels, or set "
            "classes: 0."
        )
    if not table["label"].isin(range(card["classes"])).all():
        found = sorted(map(str, table["label"].unique()))
        shown = ", ".join(found[:MAX_NAMED_LABELS])
        more = len(found) - MAX_NAMED_LABELS
        rest = f" and {more} more" if more > 0 else ""
        raise UserError(
            f"{key}, but the split '{split}' has the labels {shown}{rest}; expected "
            f"whole numbers from 0 to {card['classes'] - 1}. Correct the number; if it "
            f"is right, the raw file is damaged: delete results/raw/{name} and run "
            "again."
        )


def _empty_classes(
    tables: Iterable[pd.DataFrame], card: dict[str, Any]
) -> dict[str, list[int]]:
    """Return an entry for the card that lists classes without images, if any are."""
    if not card["classes"]:
        return {}
    found = pd.concat([table["label"] for table in tables]).unique()
    empty = sorted({*range(card["classes"])} - {*found.tolist()})
    return {"empty_classes": empty} if empty else {}
