"""Prepared data: memory-mapped uint8 images, a table beside them, a card.

A folder holds, for each split, `SPLIT.npy` of shape (N, C, H, W) and
`SPLIT.parquet` with a row per image (`label` and whatever factors are known),
and `card.json`: counts, shape, classes, source, licence, checksums and
preprocessing. The card is written last, so a folder with a card is complete.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.errors import UserError
from vlae.files import atomic, read_json, sha256, write_json

CARD = "card.json"
Chunk = tuple[np.ndarray, pd.DataFrame]


@dataclass(frozen=True)
class Split:
    """What a dataset module offers: `chunks` of images (n, C, H, W) and rows."""

    name: str
    count: int
    chunks: Iterator[Chunk]


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
        if array.shape != expected or array.dtype != np.uint8:
            raise _broken(path, f"{array.dtype} {array.shape}, expected {expected}")
        return array

    def table(self, split: str) -> pd.DataFrame:
        """One row an image: `label` and the known factors."""
        path = self.folder / f"{split}.parquet"
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise _broken(path, str(error)) from None


def targets(table: pd.DataFrame, data: dict[str, Any]) -> np.ndarray:
    """What a classifier learns from a table, for the facts `data` of a run spec.

    Returns:
        classes (N,); else attributes (N, A) of 0 and 1; zeros (N,) where the data
        set has neither. All int64.
    """
    if data["classes"]:
        return table["label"].to_numpy("int64")
    if data["attributes"]:
        return table[data["attributes"]].to_numpy("int64")
    return np.zeros(len(table), "int64")


def _broken(path: Path, why: str) -> UserError:
    return UserError(
        f"{path}: unreadable prepared data ({why}). Delete its folder and run again."
    )


def load(folder: Path) -> Prepared:
    """Open a prepared folder.

    Raises:
        UserError: if its card is missing or broken.
    """
    return Prepared(read_json(folder / CARD, "data card"), folder)


def write(
    folder: Path,
    splits: list[Split],
    card: dict[str, Any],
    progress: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Write every split and then the card.

    Args:
        splits: at least `train` and `test`.
        card: `shape`, `source`, `licence`, `preprocessing`, ...; counts, classes
            and checksums are added.
        progress: called with split, images done, images in all.

    Returns:
        the complete card.
    """
    shape = tuple(card["shape"])
    counts: dict[str, int] = {}
    checksums: dict[str, str] = {}
    classes = 0
    for split in splits:
        tables = []
        images_path = folder / f"{split.name}.npy"
        with atomic(images_path) as temporary:
            images = np.lib.format.open_memmap(
                temporary, "w+", np.uint8, (split.count, *shape)
            )
            done = 0
            for chunk, table in split.chunks:
                if chunk.shape[1:] != shape:
                    raise UserError(
                        f"split '{split.name}': images of shape {chunk.shape[1:]}, "
                        f"expected {shape}; correct the data set's 'shape'."
                    )
                images[done : done + len(chunk)] = chunk
                done += len(chunk)
                tables.append(table)
                progress(split.name, done, split.count)
            if done != split.count:
                raise UserError(
                    f"split '{split.name}': {done} images, expected {split.count}."
                )
            images.flush()
            del images
        table = pd.concat(tables, ignore_index=True)
        table_path = folder / f"{split.name}.parquet"
        with atomic(table_path) as temporary:
            table.to_parquet(temporary, index=False)
        counts[split.name] = split.count
        classes = max(classes, int(table["label"].max()) + 1)
        checksums |= {p.name: sha256(p) for p in (images_path, table_path)}
    complete = {**card, "counts": counts, "classes": classes, "sha256": checksums}
    write_json(folder / CARD, complete)
    return complete
