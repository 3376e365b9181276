"""Images and labels in IDX files, the format of MNIST."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.errors import UserError
from vlae.prepared import Chunk, Split

CHUNK = 10_000
BROKEN = (RuntimeError, AssertionError, ValueError, LookupError, OSError)
"""What torchvision raises on a file that is not complete and right."""


def splits(definition: dict[str, Any], raw: Path) -> list[Split]:
    """The splits of four IDX files in folder `raw`.

    Raises:
        UserError: if a file is truncated or not IDX, or counts or shapes do not agree.
    """
    return [_split(name, definition, raw) for name in ("train", "test")]


def _split(name: str, definition: dict[str, Any], raw: Path) -> Split:
    # torchvision takes seconds to import, and only this function needs it.
    from torchvision.datasets.mnist import read_image_file, read_label_file

    files, shape = definition["files"], tuple(definition["shape"])
    paths = [raw / files[f"{name}_{what}"]["name"] for what in ("images", "labels")]
    arrays = []
    for path, read in zip(paths, (read_image_file, read_label_file), strict=True):
        try:
            arrays.append(read(str(path)).numpy())
        except BROKEN as error:
            raise UserError(
                f"{path}: not a complete IDX file ({error or 'wrong type'}). Delete "
                "it and run again."
            ) from None
    images, labels = arrays[0][:, None], arrays[1]
    if len(images) != len(labels):
        raise UserError(
            f"{paths[0]} has {len(images)} images, {paths[1]} {len(labels)} labels."
        )
    if images.shape[1:] != shape:
        raise UserError(
            f"{paths[0]} has images of shape {images.shape[1:]}, but the data set's "
            f"'shape' in the configuration is {shape}."
        )
    return Split(name, len(images), _chunks(images, labels))


def _chunks(images: np.ndarray, labels: np.ndarray) -> Iterator[Chunk]:
    for start in range(0, len(images), CHUNK):
        rows = slice(start, start + CHUNK)
        yield images[rows], pd.DataFrame({"label": labels[rows].astype("int64")})
