"""What the tests of data modules share."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

MIRROR = os.environ.get("VLAE_MIRROR", "")


def files(**names):
    return {role: {"name": name} for role, name in names.items()}


def real(name):
    folder = Path(MIRROR) / name
    if not MIRROR or not folder.is_dir():
        pytest.skip(f"VLAE_MIRROR is unset or holds no folder '{name}'")
    return folder


def levels(count, *shape):
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


def write_zip(path, content):
    with zipfile.ZipFile(path, "w") as out:
        for name, data in content.items():
            out.writestr(name, data)
