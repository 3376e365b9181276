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
