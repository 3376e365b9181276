"""Images in IDX files, the format of MNIST, with labels if the data set has classes.

The files are `train_images` and `test_images`, with `train_labels` and `test_labels` if
there are classes; or `images` and `labels`, of which `test` images are held out at
random. All types of numbers of the format are read. Images are (N, H, W) if they are
grey, else (N, 3, H, W) or (N, H, W, 3). For example::

    mine:
      module: idx
      shape: [1, 28, 28]
      classes: 26
      transposed: true     # as in EMNIST: rows and columns are swapped in the files
      files:
        train_images: {path: emnist-letters-train-images-idx3-ubyte.gz}
        train_labels: {path: emnist-letters-train-labels-idx1-ubyte.gz}
        test_images: {path: emnist-letters-test-images-idx3-ubyte.gz}
        test_labels: {path: emnist-letters-test-labels-idx1-ubyte.gz}

`levels`, `transposed`, `resize` and `label_column` mean what they do in the module
`arrays`, which also says how labels become classes.
"""

from pathlib import Path
from typing import Any

import numpy as np

from vlae.data.datasets import _mapped
from vlae.data.datasets._labels import StoredLabels
from vlae.data.datasets._split_arrays import SPLITS, WHOLE, Part, stored_splits
from vlae.data.datasets.base import Stored

TYPES = tuple(_mapped.IDX_TYPES)
"""Values of the third byte of an IDX file: the type of its numbers."""


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Return train and test images.

    Args:
        definition: the data set's settings, see above.
        raw: folder with the files.

    Raises:
        UserError: if a file is not a complete IDX file, if counts or shapes disagree,
            or if the meaning of levels or labels is not certain.
    """
    paths = {role: raw / file["name"] for role, file in definition["files"].items()}
    left = [r for r in paths if r.endswith("labels") and not definition["classes"]]
    paths = {role: path for role, path in paths.items() if role not in left}
    if "images" in paths:
        parts = {WHOLE: _part(paths, "")}
    else:
        parts = {split: _part(paths, f"{split}_") for split in SPLITS}
    notes = ["labels left alone (classes: 0)"] if left else []
    return stored_splits(definition, parts, notes, index=WHOLE in parts)


def stored(path: Path) -> np.ndarray:
    """Return the array in an IDX file, memory-mapped, as it lies there.

    Raises:
        UserError: if it is not a complete IDX file.
    """
    return _mapped.idx(path).values


def _part(paths: dict[str, Path], prefix: str) -> Part:
    images = _mapped.idx(paths[f"{prefix}images"])
    if f"{prefix}labels" not in paths:
        return Part(images, None)
    labels = _mapped.idx(paths[f"{prefix}labels"])
    return Part(images, StoredLabels(labels.values, labels.place))
