"""Street View House Numbers, cropped digits, in the MATLAB files of its authors.

In each file `X` is uint8 of shape (32, 32, 3, N), and `y` holds labels from 1 to 10, of
which 10 stands for the digit 0. The split `test` is the file `test`; `use` says which
files make the split `train`, and only those are downloaded. For example::

    mine:
      module: svhn
      shape: [3, 32, 32]
      classes: 10
      use: extra           # train, extra or train+extra
      files:
        extra: {path: extra_32x32.mat}
        test: {path: test_32x32.mat}
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.data import zip_archive
from vlae.data.datasets.base import Chunk, Streamed
from vlae.system.disk import size
from vlae.system.errors import UserError

CHUNK_IMAGES = 4096
NEEDED = {
    "use": {
        "train": ["train", "test"],
        "extra": ["extra", "test"],
        "train+extra": ["train", "extra", "test"],
    }
}
"""Files that the workflow downloads, by the value of a key."""


def splits(definition: dict[str, Any], raw: Path) -> list[Streamed]:
    """Return train and test images; each file is read when its images are needed.

    Args:
        definition: the data set's settings, see above.
        raw: folder with the files.

    Raises:
        UserError: if a file is missing or broken, or does not hold such images.
    """
    files, use = definition["files"], definition["use"]
    needed = NEEDED["use"][use]
    for role in needed:
        if role not in files:
            raise UserError(
                f"datasets.{definition['name']}.files: use: {use} needs the file "
                f"'{role}'."
            )
    paths = {role: raw / files[role]["name"] for role in needed}
    counts = {role: _count(path) for role, path in paths.items()}
    parts = {"train": use.split("+"), "test": ["test"]}
    done = (
        "none: colour levels 0-255 as they come; label 10 is the digit 0; the split "
        f"train is {use}"
    )
    return [
        Streamed(
            split,
            sum(counts[role] for role in roles),
            _chunks([paths[role] for role in roles]),
            {"preprocessing": done},
        )
        for split, roles in parts.items()
    ]


def _count(path: Path) -> int:
    """Return the number of images in a file without reading them."""
    from scipy.io import whosmat

    try:
        shapes = {name: shape for name, shape, _ in whosmat(path)}
    except Exception as error:  # scipy raises many kinds
        raise _broken(path, error) from None
    shape = shapes.get("X", ())
    if len(shape) != 4 or shape[:3] != (32, 32, 3) or "y" not in shapes:
        raise _broken(path, f"variables {shapes}")
    claimed, packed = math.prod(map(int, shape)), path.stat().st_size
    if claimed > zip_archive.max_expanded_bytes(packed):
        why = f"X claims {size(claimed)}, but the file has {size(packed)}"
        raise _broken(path, why)
    if np.prod(shapes["y"]) != shape[3]:
        raise UserError(
            f"{path}: it has {shape[3]} images, but labels of shape {shapes['y']}."
        )
    return int(shape[3])


def _chunks(paths: list[Path]) -> Iterator[Chunk]:
    for path in paths:
        yield from _chunks_of(path)


def _chunks_of(path: Path) -> Iterator[Chunk]:
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=["X", "y"])
        images, labels = content["X"], content["y"].ravel()
    except Exception as error:  # scipy raises many kinds
        raise _broken(path, error) from None
    if images.dtype != np.uint8:
        raise _broken(path, f"X is {images.dtype}")
    if not np.isin(labels, np.arange(1, 11)).all():
        raise _broken(path, "y has labels other than 1 to 10")
    for start in range(0, len(labels), CHUNK_IMAGES):
        rows = slice(start, start + CHUNK_IMAGES)
        table = pd.DataFrame({"label": labels[rows].astype("int64") % 10})
        yield images[..., rows].transpose(3, 2, 0, 1), table


def _broken(path: Path, why: object) -> UserError:
    return UserError(
        f"{path}: not a complete MATLAB file (version 5) with X (uint8, 32 x 32 x 3 x "
        f"N) and y ({why}). Delete it and run again."
    )
