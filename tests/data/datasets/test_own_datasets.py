"""Anybody's images.

Small files are written here; real ones are read where VLAE_MIRROR has them.
"""

import csv
import io
import zipfile

import numpy as np
import pytest
from datasets_helpers import files, real, write_zip
from PIL import Image

from vlae.data.datasets import images

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


def picture(level, form="PNG", mode="RGB", size=(5, 4)):
    out = io.BytesIO()
    Image.new(mode, size, level if mode == "L" else (level,) * 3).save(out, form)
    return out.getvalue()


def pictures(count=8):
    return {f"top/{i + 1}.png": picture(10 * (i + 1)) for i in range(count)}


def write_own(raw, table=None, content=None, own=False):
    """The archive; `table` is a list of rows, inside it or `own` file."""
    content = pictures() if content is None else content
    if table is not None:
        text = io.StringIO()
        csv.writer(text).writerows(table)
        if own:
            (raw / "labels.csv").write_text(text.getvalue())
        else:
            content = {**content, "top/labels.csv": text.getvalue()}
    write_zip(raw / "mine.zip", content)


def test_images_without_a_table(raw, prepare):
    content = {
        "top/": b"",
        "top/a10.png": picture(10),
        "top/a9.jpg": picture(9, "JPEG"),
        "top/b/1.bmp": picture(1, "BMP", "L"),
        "top/a2.GIF": picture(2, "GIF"),
        "top/notes.txt": b"none",
        "top/._a2.png": b"of a Mac",
    }
    write_own(raw, content=content)
    data = prepare({**OWN, "test": 1}, raw)
    assert data.card["counts"] == {"train": 3, "test": 1}
    assert "test: 1 at random, seed 3" in data.card["preprocessing"]
    found: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        table = data.table(split)
        assert table.columns.tolist() == ["file"]
        assert [*table["file"]] == sorted(table["file"], key=images.natural)
        found |= dict(zip(table["file"], data.images(split), strict=True))
    assert sorted(found, key=images.natural) == [
        "a2.GIF",
        "a9.jpg",
        "a10.png",
        "b/1.bmp",
    ]
    for name, level in (("a2.GIF", 2), ("a9.jpg", 9), ("a10.png", 10), ("b/1.bmp", 1)):
        assert (found[name] == level).all(), name


@pytest.mark.parametrize("own", [False, True])
def test_images_with_a_table(raw, prepare, own):
    rows: list[list] = [["file", "label", "split", "size", "round"]]
    rows += [["top/8.png", "cat", "test", 2.5, 1]]
    rows += [[f"{i}.png", "dog" if i % 2 else "cat", "train", i, i % 2] for i in (3, 2)]
    rows += [["1.png", "ant", "test", 1, 0]]
    write_own(raw, rows, own=own)
    named = {"labels": {"name": "labels.csv"}} if own else {}
    change = {"classes": 3, "files": OWN["files"] | named, "attributes": ["round"]}
    data = prepare({**OWN, **change}, raw)
    assert data.card["class_names"] == ["ant", "cat", "dog"]
    assert (
        "4 images that the table does not name left out" in data.card["preprocessing"]
    )
    train, test = data.table("train"), data.table("test")
    assert train["file"].tolist() == ["2.png", "3.png"]
    assert train["label"].tolist() == [1, 2]
    assert test["label"].tolist() == [0, 1]
    assert test["size"].tolist() == [1.0, 2.5]
    assert data.images("train")[:, 0, 0, 0].tolist() == [20, 30]
    assert data.images("test")[:, 0, 0, 0].tolist() == [10, 80]


def test_whole_numbers_are_labels(raw, prepare):
    write_own(raw, [["file", "label"], *([f"{i}.png", i % 2] for i in range(1, 9))])
    data = prepare({**OWN, "classes": 2, "test": 2}, raw)
    assert "class_names" not in data.card
    table = data.table("train")
    assert table["label"].tolist() == [int(n[0]) % 2 for n in table["file"]]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([["name"], ["1.png"]], "labels.csv: no column 'file'; known: name"),
        ([["file"]], "has no rows"),
        ([["file", "a"], ["", 1]], "1 rows do not name a file"),
        ([["file"], ["1.png"], ["1.png"]], "named more than once: 1.png."),
        ([["file"], ["1.png"], ["top/1.png"]], "named more than once: top/1.png."),
        ([["file"], ["1.png"], ["9.png"]], "1 files of the table are not images in"),
        ([["file", "split"], ["1.png", "valid"]], "valid; expected train or test"),
        ([["file", "split"], ["1.png", "test"]], "no image has 'train'"),
        ([["file", "label"], ["1.png", ""]], "1 rows have no label"),
        ([["file", "label"], ["1.png", -1]], "label -1; expected 0 or more"),
        ([["file", "label"], ["1.png", 0.5]], "labels have fractions"),
        ([["file", "colour"], ["1.png", "red"]], "column 'colour': expected numbers"),
        ([["file", "member"], ["1.png", "1"]], "rename the column 'member'"),
        ([["file"], ["1.png", 1, 2], ["2.png"]], "not a table with commas"),
        ([["file"], ["1.png"]], "mine.test: 0.25 of 1 images"),
    ],
)
def test_tables_that_are_not_right(raw, prepare, table, expected):
    write_own(raw, table)
    assert expected in prepare(OWN, raw, fails=True)


@pytest.mark.parametrize(
    ("content", "change", "expected"),
    [
        ({"a.txt": b""}, {}, "mine.zip: holds no images of a known"),
        ({}, {}, "mine.zip: holds no images of a known"),
        (
            pictures() | {"top/9.png": b"x"},
            {},
            "1 images that cannot be used:\n  top/9.png",
        ),
        (pictures(), {"test": 8}, "mine.test: 8 of 8 images leaves a split without"),
        (pictures(), {"seed": None}, "mine.seed: the data have no split of their own"),
        (pictures(), {"test": None}, "mine.test: the data have no split of their own"),
        (pictures(), {"crop": 5}, "5x4 px, smaller than crop: 5"),
        (pictures(), {"files": files(images="mine.zip", labels="no.csv")}, "no.csv: c"),
    ],
)
def test_own_images_that_cannot_be(raw, prepare, content, change, expected):
    write_own(raw, content=content)
    assert expected in prepare({**OWN, **change}, raw, fails=True)


def test_natural_order():
    names = ["b1", "a10", "a9b2", "a9b10", "a09", "10", "9"]
    ordered = sorted(names, key=images.natural)
    assert ordered == ["9", "10", "a09", "a9b2", "a9b10", "a10", "b1"]


@pytest.mark.slow
def test_faces64_whole(prepare):
    data = prepare(
        {
            **OWN,
            "shape": [3, 64, 64],
            "test": 2000,
            "files": files(images="faces64.zip"),
        },
        real("faces64"),
    )
    assert data.card["counts"] == {"train": 18_000, "test": 2000}


def test_faces64_few(raw, prepare):
    with zipfile.ZipFile(real("faces64") / "faces64.zip") as packed:
        names = sorted(n for n in packed.namelist() if n.endswith(".jpg"))
        assert len(names) == 20_000
        some = {name: packed.read(name) for name in names[:40]}
    write_zip(raw / "mine.zip", some)
    data = prepare({**OWN, "shape": [3, 64, 64], "test": 10}, raw)
    file, image = data.table("test")["file"][0], data.images("test")[0]
    expected = np.asarray(Image.open(io.BytesIO(some[f"faces64/{file}"])))
    np.testing.assert_array_equal(image, expected.transpose(2, 0, 1))
