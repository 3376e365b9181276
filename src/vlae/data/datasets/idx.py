"""Images, and labels where there are classes, in IDX files, the format of MNIST.

Grey images only. Example of one's own files, without labels::

    mine:
      module: idx
      shape: [1, 28, 28]
      classes: 0
      files:
        train_images: {name: train-images, remote: train-images.gz, checksum: ...}
        test_images: {name: test-images, remote: test-images.gz, checksum: ...}
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.data.datasets.base import Chunk, Split
from vlae.system.errors import UserError

CHUNK = 10_000
BROKEN = (RuntimeError, AssertionError, ValueError, LookupError, OSError)
"""What torchvision raises on a file that is not complete and right."""


def splits(definition: dict[str, Any], raw: Path) -> list[Split]:
    """The splits of four IDX files in folder `raw`; of two where there are no labels.

    Raises:
        UserError: if a file is truncated or not IDX, or counts or shapes do not agree.
    """
    return [_split(name, definition, raw) for name in ("train", "test")]


def _split(name: str, definition: dict[str, Any], raw: Path) -> Split:
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
    labels = arrays[1] if len(arrays) == 2 else None
    if labels is not None and len(images) != len(labels):
        raise UserError(
            f"{paths[0]} has {len(images)} images, {paths[1]} {len(labels)} labels."
        )
    if images.shape[1:] != shape:
        raise UserError(
            f"{paths[0]} has images of shape {images.shape[1:]}, but the data set's "
            f"'shape' in the configuration is {shape}."
        )
    return Split(name, len(images), _chunks(images, labels))


def _chunks(images: np.ndarray, labels: np.ndarray | None) -> Iterator[Chunk]:
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        rows = np.arange(start, start + len(chunk))
        if labels is None:
            yield chunk, pd.DataFrame({"index": rows})  # a table needs a column
        else:
            yield chunk, pd.DataFrame({"label": labels[rows].astype("int64")})
