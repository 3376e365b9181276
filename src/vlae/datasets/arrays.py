"""Images in the arrays of one `.npz` file.

Arrays `train_images` and `test_images`, with `train_labels` and `test_labels` where
there are classes; or `images` and `labels`, of which `test` images are held out at
random. `arrays` gives other names for them. Images are (N, H, W) if grey, otherwise
(N, C, H, W) or (N, H, W, C), in this order where both fit; uint8, or floating-point
numbers from 0 (black) to 1, which are rounded to the 256 levels. Labels are whole
numbers from 0 on. Arrays of objects (pickles) are refused. The table has the column
`index`, the position in the array. Example::

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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.archives import Archive
from vlae.datasets._labels import drawn, held_out, whole_numbers
from vlae.errors import UserError, closest
from vlae.prepared import Chunk, Split

CHUNK = 4096


def splits(definition: dict[str, Any], raw: Path) -> list[Split]:
    """Train and test images.

    Raises:
        UserError: if the file is broken, an array is missing or no images or labels.
    """
    path = raw / definition["files"]["arrays"]["name"]
    try:
        opened = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy raises many kinds
        raise _broken(path, error) from None
    if not isinstance(opened, np.lib.npyio.NpzFile):
        raise _broken(path, "a single array")
    # Nothing is decompressed yet; what would expand without end is refused here.
    with opened, Archive(path):
        return _splits(definition, opened, path)


def _splits(
    definition: dict[str, Any], opened: np.lib.npyio.NpzFile, path: Path
) -> list[Split]:
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
        if all(images.dtype == np.uint8 for images, _ in pairs.values())
        else "numbers from 0 to 1 multiplied by 255 and rounded"
    )
    facts = {"preprocessing": f"{done}; {how}"}
    return [
        Split(name, len(rows), _chunks(*pairs[name], rows), facts)
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
) -> tuple[np.ndarray, np.ndarray | None]:
    """Images (N, C, H, W), as they are stored, and labels where there are any."""
    name = _named(definition, f"{prefix}images")
    images = _oriented(_read(opened, path, name), definition, f"{path}: '{name}'")
    name = _named(definition, f"{prefix}labels")
    if name not in opened.files and definition["classes"] == 0:
        return images, None
    labels = _read(opened, path, name)
    return images, whole_numbers(labels, len(images), f"{path}: '{name}'")


def _read(opened: np.lib.npyio.NpzFile, path: Path, name: str) -> np.ndarray:
    if name not in opened.files:
        raise UserError(
            f"{path}: no array '{name}'; {closest(name, opened.files)} Name yours in "
            "'arrays' of the data set."
        )
    try:
        array: np.ndarray = opened[name]
    except Exception as error:  # an absurd shape is a MemoryError, for one
        raise _broken(path, f"'{name}': {str(error) or repr(error)}") from None
    return array


def _oriented(images: np.ndarray, definition: dict[str, Any], where: str) -> np.ndarray:
    channels, height, width = shape = tuple(definition["shape"])
    if images.shape[1:] == shape:
        oriented = images
    elif images.shape[1:] == (height, width, channels):
        oriented = images.transpose(0, 3, 1, 2)
    elif channels == 1 and images.shape[1:] == (height, width):
        oriented = images[:, None]
    else:
        raise UserError(
            f"{where} has shape {images.shape}, but the data set's 'shape' in the "
            f"configuration is {list(shape)} (channels, height, width)."
        )
    if not len(images):
        raise UserError(f"{where} holds no images.")
    levels = images.dtype.kind == "f" and _in_unit(images)
    if images.dtype != np.uint8 and not levels:
        raise UserError(
            f"{where} is {images.dtype}; expected uint8, or floating-point numbers "
            "from 0 to 1."
        )
    return oriented


def _in_unit(images: np.ndarray) -> bool:
    return bool(images.min() >= 0 and images.max() <= 1)  # false for NaN


def _chunks(
    images: np.ndarray, labels: np.ndarray | None, rows: np.ndarray
) -> Iterator[Chunk]:
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        chunk = images[part]
        if chunk.dtype != np.uint8:
            chunk = np.rint(chunk.astype("float64") * 255).astype(np.uint8)
        labelled = {} if labels is None else {"label": labels[part]}
        yield chunk, pd.DataFrame({**labelled, "index": part})


def _broken(path: Path, why: object) -> UserError:
    return UserError(
        f"{path}: not a complete .npz file of plain arrays ({why}). Write it with "
        "numpy.savez, without arrays of objects."
    )
