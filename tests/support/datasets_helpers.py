"""What the tests of data modules share."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

BESIDE = Path(__file__).parents[3] / "shared" / "data"


def files(**names):
    return {role: {"name": name} for role, name in names.items()}


def real(name):
    folder = Path(os.environ.get("VLAE_MIRROR") or BESIDE) / name
    if not folder.is_dir():
        pytest.skip(f"no local copy of {name}: no folder {folder}")
    return folder


def levels(count, *shape):
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


def write_zip(path, content):
    with zipfile.ZipFile(path, "w") as out:
        for name, data in content.items():
            out.writestr(name, data)


# Anybody's arrays

ARRAYS = {
    "name": "mine",
    "module": "arrays",
    "shape": [3, 4, 5],
    "classes": 2,
    "files": files(arrays="mine.npz"),
}
GREY = {**ARRAYS, "shape": [1, 4, 5], "classes": 0, "test": 2, "seed": 0}
LABELS = np.arange(6) % 2


def array_pairs(train, test):
    """The arrays of an .npz file that has both splits."""
    return {
        "train_images": train,
        "train_labels": LABELS,
        "test_images": test,
        "test_labels": LABELS[:4, None].astype(np.uint8),
    }
