"""Images in the arrays of one `.npz` file.

Arrays `train_images` and `test_images`, with `train_labels` and `test_labels` where
there are classes; or `images` and `labels`, of which `test` images are held out at
random. `arrays` gives other names for them. Images are (N, H, W) if grey, otherwise
(N, C, H, W) or (N, H, W, C), in this order where both fit; uint8, or floating-point
numbers from 0 (black) to 1, which are rounded to the 256 levels. Labels are whole
numbers from 0 on. Arrays of objects (pickles) are refused. The table has the column
`index`, the position in the array.

Images are read from front to back, a part at a time, however many there are; an array
in Fortran's order, whose images lie scattered over the file, is read whole. Example::

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
        UserError: if it is none.
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
            raise self._no_levels()

    def __len__(self) -> int:
        return len(self.stored)

    def __str__(self) -> str:
        return f"{self.stored.path}: '{self.stored.name}'"

    @property
    def levels(self) -> bool:
        """Whether they are levels 0-255, not numbers from 0 to 1."""
        return self.stored.dtype == np.uint8

    def chunks(self) -> Iterator[np.ndarray]:
        """All images, uint8 (n, C, H, W), in parts.

        Raises:
            UserError: while iterating, if the file is damaged, or numbers are not
                from 0 to 1.
        """
        axes = self._known()[self.stored.shape[1:]]
        for part in self.stored.chunks():
            images = np.expand_dims(part, 1) if part.ndim == 3 else part.transpose(axes)
            if not self.levels:
                if not (images.min() >= 0 and images.max() <= 1):  # so is NaN refused
                    raise self._no_levels()
                images = np.rint(images.astype("float64") * 255).astype(np.uint8)
            yield images

    def _known(self) -> dict[tuple[int, ...], tuple[int, ...]]:
        """Stored shapes of an image, and the order of axes that they need."""
        channels, height, width = self.shape
        known: dict[tuple[int, ...], tuple[int, ...]] = {}
        if channels == 1:
            known[height, width] = (0, 1, 2)
        known[height, width, channels] = (0, 3, 1, 2)
        known[self.shape] = (0, 1, 2, 3)  # the last wins where both fit
        return known

    def _no_levels(self) -> UserError:
        return UserError(
            f"{self} is {self.stored.dtype}; expected uint8, or floating-point numbers "
            "from 0 to 1."
        )


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Train and test images.

    Raises:
        UserError: if the file is broken, an array is missing or no images or labels;
            what is wrong with the values of images is found when their turn comes.
    """
    path = raw / definition["files"]["arrays"]["name"]
    try:
        opened = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy raises many kinds
        raise broken(path, error) from None
    if not isinstance(opened, np.lib.npyio.NpzFile):
        raise broken(path, "a single array")
    # Nothing is decompressed yet; what would expand without end is refused here.
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
    """Images, of which none is read yet, and labels where there are any."""
    name = _named(definition, f"{prefix}images")
    _check_there(opened, path, name)
    images = _Images(member(path, name), tuple(definition["shape"]))
    name = _named(definition, f"{prefix}labels")
    if name not in opened.files and definition["classes"] == 0:
        return images, None
    _check_there(opened, path, name)
    try:
        labels = opened[name]
    except Exception as error:  # an absurd shape is a MemoryError, for one
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
    """The images `rows`, whose numbers ascend, from the one at `start` on, in parts.

    One thread reads, whatever `threads` says: the file is one stream.
    """
    del threads
    wanted, first = rows[start:], 0
    for part in images.chunks():
        low, high = np.searchsorted(wanted, [first, first + len(part)])
        if low < high:
            yield part[wanted[low:high] - first]
        first += len(part)
