"""Images in IDX files, the format of MNIST, with labels if the data set has classes.

The images are grey. A definition for files without labels, as an example::

    mine:
      module: idx
      shape: [1, 28, 28]
      classes: 0
      files:
        train_images: {name: train-images, remote: train-images.gz, checksum: ...}
        test_images: {name: test-images, remote: test-images.gz, checksum: ...}
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.data.datasets.base import Stored
from vlae.system.errors import UserError

CHUNK_IMAGES = 10_000
BROKEN = (RuntimeError, AssertionError, ValueError, LookupError, OSError)
"""Exceptions that torchvision raises for a file that is incomplete or not IDX."""


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Return the splits in four IDX files, or in two if there are no labels.

    Args:
        definition: the data set's settings, see above.
        raw: folder with the files.

    Raises:
        UserError: if a file is truncated or not IDX, or if counts or shapes disagree.
    """
    return [_split(name, definition, raw) for name in ("train", "test")]


def _split(name: str, definition: dict[str, Any], raw: Path) -> Stored:
    # torchvision takes seconds to import, and only this function needs it.
    from torchvision.datasets.mnist import read_image_file, read_label_file

    files, shape = definition["files"], tuple(definition["shape"])
    roles = [f"{name}_images", f"{name}_labels"]
    paths = [raw / files[role]["name"] for role in roles if role in files]
    arrays = []
    for path, read in zip(paths, (read_image_file, read_label_file), strict=False):
        try:
            arrays.append(read(str(path)).numpy())
        except BROKEN as error:
            raise UserError(
                f"{path}: not a complete IDX file ({error or 'wrong type'}). Delete "
                "it and run again."
            ) from None
    images = arrays[0][:, None]
    if images.shape[1:] != shape:
        raise UserError(
            f"{paths[0]} has images of shape {images.shape[1:]}, but the data set's "
            f"'shape' in the configuration is {shape}."
        )
    if len(arrays) == 1:  # A table needs a column, even if nothing is known.
        rows = pd.DataFrame({"index": np.arange(len(images))})
        return Stored(name, rows, partial(_chunks, images))
    labels = arrays[1]
    if len(images) != len(labels):
        raise UserError(
            f"{paths[0]} has {len(images)} images, but {paths[1]} has {len(labels)} "
            "labels."
        )
    rows = pd.DataFrame({"label": labels.astype("int64")})
    return Stored(name, rows, partial(_chunks, images))


def _chunks(images: np.ndarray, start: int, threads: int) -> Iterator[np.ndarray]:
    """Yield images that are in memory already; more threads would not help."""
    del threads
    for low in range(start, len(images), CHUNK_IMAGES):
        yield images[low : low + CHUNK_IMAGES]
