"""Images in the arrays of one `.npz` file.

The file holds the arrays `train_images` and `test_images`, with `train_labels` and
`test_labels` if there are classes; or `images` and `labels`, of which `test` images are
held out at random. `arrays` gives other names for them. Images are (N, H, W) if they
are grey, else (N, C, H, W) or (N, H, W, C); if both fit, the first is meant. They are
uint8, or floating-point numbers from 0 (black) to 1, which are rounded to the 256
levels. Labels are whole numbers from 0 on. Arrays of objects (pickles) are refused. The
table has the column `index`, the position in the array.

Images are read from front to back, one part at a time, so there may be any number of
them. Only an array in Fortran's order, whose images are scattered over the file, is
read as a whole. For example::

    mine:
      module: arrays
      shape: [3, 32, 32]
      classes: 10
      arrays: {images: X, labels: y}
      test: 0.1
      seed: 0
      files:
        arrays: {name: mine.npz, remote: mine.npz, checksum: null}
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.data.datasets._labels import drawn, held_out, whole_numbers
from vlae.data.datasets._npz import Member, broken, member
from vlae.data.datasets.base import Stored
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError, closest


@dataclass(frozen=True)
class _Images:
    """A stored array of images that become (N, *shape).

    Raises:
        UserError: if shape or dtype are wrong, or if there are no images.
    """

    stored: Member
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        if self.stored.shape[1:] not in self._known():
            raise UserError(
                f"{self} has shape {self.stored.shape}, but the data set's 'shape' in "
                f"the configuration is {list(self.shape)} (channels, height, width)."
            )
        if not len(self):
            raise UserError(f"{self} holds no images.")
        if not self.levels and self.stored.dtype.kind != "f":
            raise self._wrong_values()

    def __len__(self) -> int:
        return len(self.stored)

    def __str__(self) -> str:
        return f"{self.stored.path}: '{self.stored.name}'"

    @property
    def levels(self) -> bool:
        """Whether values are levels from 0 to 255, and not numbers from 0 to 1."""
        return self.stored.dtype == np.uint8

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield all images in parts, uint8 (n, C, H, W).

        Raises:
            UserError: while iterating, if the file is damaged, or if numbers are not
                from 0 to 1.
        """
        axes = self._known()[self.stored.shape[1:]]
        for part in self.stored.chunks():
            images = np.expand_dims(part, 1) if part.ndim == 3 else part.transpose(axes)
            if not self.levels:
                # Comparisons with NaN are false, so NaN is refused as well.
                if not (images.min() >= 0 and images.max() <= 1):
                    raise self._wrong_values()
                images = np.rint(images.astype("float64") * 255).astype(np.uint8)
            yield images

    def _known(self) -> dict[tuple[int, ...], tuple[int, ...]]:
        """Return the order of axes that each possible stored shape needs."""
        channels, height, width = self.shape
        known: dict[tuple[int, ...], tuple[int, ...]] = {}
        if channels == 1:
            known[height, width] = (0, 1, 2)
        known[height, width, channels] = (0, 3, 1, 2)
        known[self.shape] = (0, 1, 2, 3)  # replaces the entry before if both fit
        return known

    def _wrong_values(self) -> UserError:
        return UserError(
            f"{self} is {self.stored.dtype}; expected uint8, or floating-point numbers "
            "from 0 to 1."
        )


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Return train and test images.

    Wrong values of images are found only when the images are read.

    Args:
        definition: the data set's settings, see above.
        raw: folder with the file.

    Raises:
        UserError: if the file is broken, or if an array is missing or does not hold
            such images or labels.
    """
    path = raw / definition["files"]["arrays"]["name"]
    try:
        opened = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy raises many kinds
        raise broken(path, error) from None
    if not isinstance(opened, np.lib.npyio.NpzFile):
        raise broken(path, "a single array")
    # Nothing is decompressed yet. `Archive` refuses files that would expand endlessly.
    with opened, Archive(path):
        return _splits(definition, opened, path)


def _splits(
    definition: dict[str, Any], opened: np.lib.npyio.NpzFile, path: Path
) -> list[Stored]:
    names = ("train", "test")
    if _named(definition, "train_images") in opened.files:
        how = "splits as they come"
        pairs = {n: _pair(definition, opened, path, f"{n}_") for n in names}
        parts = {n: np.arange(len(images)) for n, (images, _) in pairs.items()}
    else:
        pairs = dict.fromkeys(names, _pair(definition, opened, path, ""))
        parts = held_out(len(pairs["test"][0]), definition)
        how = drawn(definition)
    done = (
        "none: levels 0-255 as they come"
        if all(images.levels for images, _ in pairs.values())
        else "numbers from 0 to 1 multiplied by 255 and rounded"
    )
    facts = {"preprocessing": f"{done}; {how}"}
    return [
        Stored(
            name,
            _table(pairs[name][1], rows),
            partial(_chosen, pairs[name][0], rows),
            facts,
        )
        for name, rows in parts.items()
    ]


def _named(definition: dict[str, Any], role: str) -> str:
    name: str = definition.get("arrays", {}).get(role, role)
    return name


def _pair(
    definition: dict[str, Any],
    opened: np.lib.npyio.NpzFile,
    path: Path,
    prefix: str,
) -> tuple[_Images, np.ndarray | None]:
    """Return images, of which none has been read, and labels or None."""
    name = _named(definition, f"{prefix}images")
    _check_there(opened, path, name)
    images = _Images(member(path, name), tuple(definition["shape"]))
    name = _named(definition, f"{prefix}labels")
    if name not in opened.files and definition["classes"] == 0:
        return images, None
    _check_there(opened, path, name)
    try:
        labels = opened[name]
    except Exception as error:  # many kinds: an absurd shape gives a MemoryError
        raise broken(path, f"'{name}': {str(error) or repr(error)}") from None
    return images, whole_numbers(labels, len(images), f"{path}: '{name}'")


def _check_there(opened: np.lib.npyio.NpzFile, path: Path, name: str) -> None:
    if name not in opened.files:
        raise UserError(
            f"{path}: no array '{name}'; {closest(name, opened.files)} Name yours in "
            "'arrays' of the data set."
        )


def _table(labels: np.ndarray | None, rows: np.ndarray) -> pd.DataFrame:
    labelled = {} if labels is None else {"label": labels[rows]}
    return pd.DataFrame({**labelled, "index": rows})


def _chosen(
    images: _Images, rows: np.ndarray, start: int, threads: int
) -> Iterator[np.ndarray]:
    """Yield the images `rows`, which ascend, from position `start` of `rows` on."""
    del threads  # The file is one stream, so only one thread can read it.
    wanted, first = rows[start:], 0
    for part in images.chunks():
        low, high = np.searchsorted(wanted, [first, first + len(part)])
        if low < high:
            yield part[wanted[low:high] - first]
        first += len(part)
