"""Images in the arrays of one `.npz` file, or in an `.npy` file.

The file holds the arrays `train_images` and `test_images`, with `train_labels` and
`test_labels` if there are classes; or `images` and `labels`, of which `test` images are
held out at random. `arrays` gives other names for them. Other arrays are left alone,
and named on the card. For example::

    mine:
      module: arrays
      shape: [3, 32, 32]
      classes: 10
      arrays: {images: X, labels: y}
      files:
        arrays: {path: mine.npz}

Images are (N, H, W) if they are grey, else (N, 3, H, W) or (N, H, W, 3); if both fit,
the first is meant. Grey ones may also be rows (N, H * W). With `transposed: true` rows
and columns are swapped. Images of another size are refused, unless `resize: true` asks
to crop and resize them, as the module `images` does, and to turn colour into grey or
grey into colour.

Numbers become levels from 0 to 255 where one meaning is possible: 0 to 255 as they
come; 0 to 1, also of bools; and 0 to 65535. `levels: [black, white]` states the meaning
of others. The card says which range was found.

Labels are numbers or words, one per image; one-hot rows (N, classes) are recognised,
and `label_column` chooses one of several numbers. Numbers from 0 to `classes` - 1 are
classes. Other labels are numbered in their order.

The table has the column `index`, the position in the array. Arrays of objects (pickles)
are not read. Images are read from front to back, one part at a time, so there may be
any number of them. Images that are held out at random come in random order. Only an
array in Fortran's order, whose images are scattered over the file, is read as a whole.
"""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from vlae.data.datasets import _mapped
from vlae.data.datasets._labels import StoredLabels
from vlae.data.datasets._npz import HoldsObjects, broken, member
from vlae.data.datasets._split_arrays import SPLITS, WHOLE, Part, stored_splits
from vlae.data.datasets.base import Stored
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError, closest

Opened = np.lib.npyio.NpzFile
_ROLES = [
    prefix + what for prefix in ("", "train_", "test_") for what in ("images", "labels")
]


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Return train and test images.

    Args:
        definition: the data set's settings, see above.
        raw: folder with the file.

    Raises:
        UserError: if the file is broken, if an array is missing or does not hold such
            images or labels, or if the meaning of levels or labels is not certain.
    """
    path = raw / definition["files"]["arrays"]["name"]
    try:
        opened = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises many kinds
        raise broken(path, error) from error
    if not isinstance(opened, Opened):
        images = _mapped.Mapped(str(path), opened)
        return stored_splits(definition, {WHOLE: Part(images, None)}, [], index=True)
    # Nothing is decompressed yet. `Archive` refuses files that would expand endlessly.
    with opened, Archive(path):
        return _splits(definition, opened, path)


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays in an `.npz` file that can be read, by name.

    Raises:
        UserError: if it is not a complete `.npz` file.
    """
    found = {}
    with Archive(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.names()]
    for name in names:
        with contextlib.suppress(HoldsObjects):
            found[name] = member(path, name).shape
    return found


def _splits(definition: dict[str, Any], opened: Opened, path: Path) -> list[Stored]:
    names = {role: definition.get("arrays", {}).get(role, role) for role in _ROLES}
    if definition["classes"] == 0:
        names = {role: name for role, name in names.items() if "labels" not in role}
    separate = names["train_images"] in opened.files
    prefixes = {s: f"{s}_" for s in SPLITS} if separate else {WHOLE: ""}
    used = {
        prefix + what: names[prefix + what]
        for prefix in prefixes.values()
        for what in ("images", "labels")
        if prefix + what in names
    }
    for name in used.values():
        if name not in opened.files:
            raise UserError(
                f"{path}: no array '{name}'; {closest(name, opened.files)} Name yours "
                "in 'arrays' of the data set."
            )
    parts = {
        split: Part(
            member(path, used[f"{prefix}images"]),
            _labels(opened, path, used.get(f"{prefix}labels")),
        )
        for split, prefix in prefixes.items()
    }
    left = [name for name in opened.files if name not in used.values()]
    notes = [f"arrays left alone: {', '.join(left)}"] if left else []
    return stored_splits(definition, parts, notes, index=True)


def _labels(opened: Opened, path: Path, name: str | None) -> StoredLabels | None:
    if name is None:
        return None
    place = str(member(path, name))  # refuses what should not be read
    try:
        return StoredLabels(opened[name], place)
    except Exception as error:  # numpy and zlib raise many kinds
        raise broken(path, f"'{name}': {str(error) or repr(error)}") from error
