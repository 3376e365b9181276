"""What the tests of data modules share."""

import csv
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


# Anybody's images

OWN = {
    "name": "mine",
    "module": "images",
    "shape": [3, 4, 4],
    "crop": None,
    "classes": 0,
    "test": 0.25,
    "seed": 3,
    "files": files(images="mine.zip"),
}


def encoded(pixels, form="PNG", **settings):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **settings)
    return out.getvalue()


def picture(level, form="PNG", mode="RGB", size=(5, 4)):
    out = io.BytesIO()
    Image.new(mode, size, level if mode == "L" else (level,) * 3).save(out, form)
    return out.getvalue()


def pictures(count=8, folder="top/"):
    return {f"{folder}{i + 1}.png": picture(10 * (i + 1)) for i in range(count)}


def csv_text(rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def write_own(raw, table=None, content=None, own=False):
    """The archive; `table` is a list of rows, inside it or `own` file."""
    content = pictures() if content is None else content
    if table is not None and own:
        (raw / "labels.csv").write_text(csv_text(table), encoding="utf-8")
    elif table is not None:
        content = {**content, "top/labels.csv": csv_text(table)}
    write_zip(raw / "mine.zip", content)


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
