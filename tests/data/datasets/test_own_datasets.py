"""Anybody's data: images, arrays, IDX without labels.

Small files are written here; real ones are read where VLAE_MIRROR has them.
"""

import csv
import io
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pytest
from datasets_helpers import files, levels, real, write_zip
from PIL import Image

from vlae.data import prepared, zip_archive
from vlae.data.datasets import _classes, _npz, arrays, idx, strokes

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
        assert [*table["file"]] == sorted(table["file"], key=_classes.natural)
        found |= dict(zip(table["file"], data.images(split), strict=True))
    assert sorted(found, key=_classes.natural) == [
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
    ordered = sorted(names, key=_classes.natural)
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


# Anybody's arrays


ARRAYS = {
    "name": "mine",
    "module": "arrays",
    "shape": [3, 4, 5],
    "classes": 2,
    "files": files(arrays="mine.npz"),
}
LABELS = np.arange(6) % 2


def pairs(train, test):
    return {
        "train_images": train,
        "train_labels": LABELS,
        "test_images": test,
        "test_labels": LABELS[:4, None].astype(np.uint8),
    }


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("last", [False, True])
def test_arrays_known_answers(raw, prepare, monkeypatch, last, order):
    monkeypatch.setattr(_npz, "CHUNK_BYTES", 4 * 60)
    train, test = levels(6, 3, 4, 5), levels(4, 3, 4, 5)
    stored = [
        np.array(a.transpose(0, 2, 3, 1) if last else a, order=order)
        for a in (train, test)
    ]
    np.savez_compressed(raw / "mine.npz", **pairs(*stored))
    data = prepare(ARRAYS, raw)
    np.testing.assert_array_equal(data.images("train"), train)
    np.testing.assert_array_equal(data.images("test"), test)
    assert data.table("train")["label"].tolist() == LABELS.tolist()
    assert data.table("test")["index"].tolist() == [0, 1, 2, 3]
    assert "splits as they come" in data.card["preprocessing"]


@pytest.mark.parametrize("done", [1, 4, 17])
def test_arrays_continue_where_they_were_interrupted(raw, monkeypatch, done):
    monkeypatch.setattr(_npz, "CHUNK_BYTES", 4 * 60)
    np.savez(raw / "mine.npz", images=levels(20, 3, 4, 5))
    own = {"classes": 0, "test": 2, "seed": 0}
    train = arrays.splits({**ARRAYS, **own}, raw)[0]
    whole, rest = (np.concatenate([*train.chunks(i, 1)]) for i in (0, done))
    np.testing.assert_array_equal(whole, levels(20, 3, 4, 5)[train.table()["index"]])
    np.testing.assert_array_equal(rest, whole[done:])


def test_progress_starts_at_nothing(tmp_path):
    said: list[tuple[str, int, int]] = []
    splits = strokes.splits({"train": 6, "test": 4, "seed": 0}, tmp_path)
    card = {"shape": [1, 28, 28]}
    prepared.write(tmp_path / "data", splits, card, lambda *call: said.append(call))
    assert said == [("train", 0, 6), ("train", 6, 6), ("test", 0, 4), ("test", 4, 4)]


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_one_array_of_grey_numbers(raw, prepare, kind):
    grey = levels(20, 4, 5)
    np.savez(raw / "mine.npz", X=(grey / 255).astype(kind))
    own = {"shape": [1, 4, 5], "classes": 0, "test": 5, "seed": 1}
    data = prepare({**ARRAYS, **own, "arrays": {"images": "X"}}, raw)
    rows = [data.table(split)["index"] for split in ("train", "test")]
    assert [len(r) for r in rows] == [15, 5]
    assert sorted(pd.concat(rows)) == [*range(20)]
    for split, part in zip(("train", "test"), rows, strict=True):
        np.testing.assert_array_equal(data.images(split)[:, 0], grey[part])
    assert data.card["classes"] == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"train_images": None}, "no array 'images'; known: test_images"),
        ({"test_images": None}, "no array 'test_images'; known:"),
        ({"train_labels": None}, "no array 'train_labels'"),
        ({"train_images": levels(6, 4, 5)}, "has shape (6, 4, 5), but"),
        ({"train_images": levels(0, 3, 4, 5)}, "'train_images' holds no images"),
        ({"train_images": levels(6, 3, 4, 5).astype(int)}, "is int64; expected uint8"),
        ({"train_images": np.full((6, 3, 4, 5), 1.01)}, "numbers from 0 to 1"),
        ({"train_images": np.full((6, 3, 4, 5), np.nan)}, "numbers from 0 to 1"),
        ({"train_labels": LABELS[:5]}, "labels of shape (5,), but there are 6 images"),
        ({"train_labels": LABELS - 1}, "whole numbers from 0 on"),
        ({"train_labels": LABELS / 2}, "whole numbers from 0 on"),
        ({"train_labels": np.array([{}] * 6)}, "'train_labels': Object arrays cannot"),
    ],
)
def test_arrays_that_are_not_right(raw, prepare, change, expected):
    content = {**pairs(levels(6, 3, 4, 5), levels(4, 3, 4, 5)), **change}
    kept = {k: v for k, v in content.items() if v is not None}
    np.savez(raw / "mine.npz", **kept)
    said = prepare(ARRAYS, raw, fails=True)
    assert "mine.npz" in said and expected in said


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x93NUMPY", b"<html>"])
def test_file_that_is_no_npz(raw, prepare, content):
    (raw / "mine.npz").write_bytes(content)
    said = prepare(ARRAYS, raw, fails=True)
    assert "mine.npz: not a complete .npz file" in said


def header(shape):
    """An array of bytes of which only five follow."""
    facts = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n"
    size = len(facts).to_bytes(2, "little")
    return b"\x93NUMPY\x01\x00" + size + facts.encode() + bytes(5)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (header((10**6, 3, 4, 5)), "'train_images': claims 60000000 bytes, but has 5"),
        (header((10**30,)), f"'train_images': claims {10**30} bytes, but has 5"),
        (header("((("), "'train_images': "),
    ],
    ids=["too large", "no integer", "no header"],
)
def test_npz_with_an_absurd_header(raw, prepare, content, expected):
    write_zip(raw / "mine.npz", {"train_images.npy": content})
    said = prepare(ARRAYS, raw, fails=True)
    assert f"mine.npz: not a complete .npz file of plain arrays ({expected}" in said


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("part", ["image", "checksum"])
def test_npz_with_a_damaged_image(raw, prepare, save, part):
    # Compressed to so little that it is read before its end is reached.
    save(
        raw / "mine.npz", **pairs(np.zeros((6, 3, 4, 5), np.uint8), levels(4, 3, 4, 5))
    )
    content = bytearray((raw / "mine.npz").read_bytes())
    directory = content.index(b"PK\1\2")  # the first array's entry, first in it
    at = {"image": content.index(b"PK\3\4", 1) - 20, "checksum": directory + 16}[part]
    content[at] ^= 1
    (raw / "mine.npz").write_bytes(content)
    said = prepare(ARRAYS, raw, fails=True)
    assert "mine.npz: not a complete .npz file" in said and "'train_images'" in said
    assert not (raw.parent / "data" / "card.json").exists()


def test_arrays_are_never_in_memory_as_a_whole(raw, monkeypatch):
    monkeypatch.setattr(_npz, "CHUNK_BYTES", 1 << 18)
    images = np.zeros((4000, 3, 32, 32), np.uint8)  # 12 MB
    images[:, 0, 0, 0] = np.arange(4000) % 251
    np.savez(raw / "mine.npz", images=images)
    own = {"shape": [3, 32, 32], "classes": 0, "test": 0.1, "seed": 0}
    tracemalloc.start()
    for split in arrays.splits({**ARRAYS, **own}, raw):
        done = 0
        for chunk in split.chunks(0, 1):
            rows = split.rows["index"][done : done + len(chunk)]
            assert (chunk[:, 0, 0, 0] == rows % 251).all()
            done += len(chunk)
        assert done == split.count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_npz_that_expands_without_end(raw, prepare, monkeypatch):
    monkeypatch.setattr(zip_archive, "HARMLESS_BYTES", 1 << 20)
    zeros = np.zeros((100_000, 3, 4, 5), np.uint8)
    np.savez_compressed(raw / "mine.npz", train_images=zeros)
    said = prepare(ARRAYS, raw, fails=True)
    assert "mine.npz: its members claim more than 1" in said


def test_a_single_array_is_no_npz(raw, prepare):
    with (raw / "mine.npz").open("wb") as file:
        np.save(file, LABELS)
    assert "(a single array)" in prepare(ARRAYS, raw, fails=True)


# IDX without labels


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim])
    path.write_bytes(head + np.array(array.shape, ">i4").tobytes() + array.tobytes())


def test_idx_without_labels(raw, prepare):
    for split in ("train", "test"):
        write_idx(raw / split, levels(6, 5, 4))
    names = files(train_images="train", test_images="test")
    own = {"module": "idx", "shape": [1, 5, 4], "classes": 0, "files": names}
    data = prepare(own, raw)
    np.testing.assert_array_equal(data.images("train")[:, 0], levels(6, 5, 4))
    assert data.table("test")["index"].tolist() == [*range(6)]
    said = prepare({**own, "classes": 10}, raw, fails=True)
    assert "datasets.mine.classes: 10, but the split 'train' has no labels" in said
    assert next(idx.splits(own, raw)[0].chunks(0, 1)).shape == (6, 1, 5, 4)
