"""IDX files: what is read, what is refused; MNIST itself where there is a copy."""

import gzip
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from datasets_helpers import files, levels

from vlae.__main__ import main
from vlae.config import configuration
from vlae.data import prepared
from vlae.data.datasets import _mapped, idx
from vlae.data.download.fetch import download
from vlae.data.download.sources import MIRROR_VARIABLE
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

OWN_MIRROR = os.environ.get(MIRROR_VARIABLE)
ROLES = [f"{s}_{what}" for s in ("train", "test") for what in ("images", "labels")]
IDX = {
    "name": "mine",
    "module": "idx",
    "shape": [1, 5, 4],
    "classes": 7,
    "files": files(**{role: role for role in ROLES}),
}
WITHOUT = {**IDX, "classes": 0, "files": files(train_images="a", test_images="b")}
TYPES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
"""Third byte of a file by the type of its numbers, as the format's description says."""


def write_idx(path, array, kind="u1"):
    array = np.asarray(array)
    head = struct.pack(">BBBB", 0, 0, TYPES[kind], array.ndim)
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(head + sizes + array.astype(f">{kind}").tobytes())


@pytest.fixture
def four(raw):
    """A folder of four small IDX files."""
    for split, count in (("train", 7), ("test", 3)):
        write_idx(raw / f"{split}_images", levels(count, 5, 4))
        write_idx(raw / f"{split}_labels", np.arange(count))
    return raw


def said(definition, raw):
    with pytest.raises(UserError) as caught:
        idx.splits(definition, raw)
    return str(caught.value)


def test_idx_files_are_read_as_they_are(four, monkeypatch):
    monkeypatch.setattr(_mapped, "CHUNK_BYTES", 4 * 20)
    train, test = idx.splits(IDX, four)
    assert (train.name, train.count, test.name, test.count) == ("train", 7, "test", 3)
    images = [*train.chunks(0, 1)]
    assert [len(i) for i in images] == [4, 3]
    np.testing.assert_array_equal(np.concatenate(images)[:, 0], levels(7, 5, 4))
    assert train.table().columns.tolist() == ["label"]
    assert train.table()["label"].tolist() == [*range(7)]
    rest = np.concatenate([*train.chunks(3, 1)])
    np.testing.assert_array_equal(rest, np.concatenate(images)[3:])


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8"])
def test_images_of_every_type(four, prepare, kind):
    write_idx(four / "train_images", levels(7, 5, 4), kind)
    images = prepare(IDX, four).images("train")
    np.testing.assert_array_equal(images[:, 0], levels(7, 5, 4))


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_images_from_0_to_1(four, prepare, kind):
    train = levels(7, 5, 4)
    train[0, 0, 0] = 255
    write_idx(four / "train_images", train / 255, kind)
    data = prepare(IDX, four)
    np.testing.assert_array_equal(data.images("train")[:, 0], train)
    np.testing.assert_array_equal(data.images("test")[:, 0], levels(3, 5, 4))
    assert f"train: {np.dtype(kind)} from " in data.card["levels"]


def test_signed_bytes_need_a_statement(four, prepare):
    signed = levels(7, 5, 4).astype(int) - 128
    write_idx(four / "train_images", signed, "i1")
    write_idx(four / "test_images", signed[:3], "i1")
    assert "int8 from -1" in said(IDX, four)
    data = prepare({**IDX, "levels": [-128, 127]}, four)
    np.testing.assert_array_equal(data.images("train")[:, 0], signed + 128)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("first", [0, 1, 100])
def test_labels_of_every_type(four, prepare, kind, first):
    write_idx(four / "train_labels", np.arange(7) + first, kind)
    write_idx(four / "test_labels", np.array([2, 5, 0]) + first, kind)
    data = prepare(IDX, four)
    assert data.table("train")["label"].tolist() == [*range(7)]
    assert data.table("test")["label"].tolist() == [2, 5, 0]
    names = None if first == 0 else [str(first + i) for i in range(7)]
    assert data.card.get("class_names") == names


def test_negative_labels(four, prepare):
    write_idx(four / "train_labels", np.arange(7) - 3, "i2")
    write_idx(four / "test_labels", [-3, 0, 3], "i1")
    data = prepare(IDX, four)
    assert data.table("test")["label"].tolist() == [0, 3, 6]


@pytest.mark.parametrize("extended_test", [False, True])
def test_labels_of_qmnist(four, prepare, extended_test):
    """Eight numbers per image; the plain labels of MNIST may stand beside them."""
    rows = [[c, 4, 2100 + c, 10 * c, 30 + c, 7 * c, 0, 0] for c in range(7)]
    write_idx(four / "train_labels", rows, "i4")
    if extended_test:
        write_idx(four / "test_images", levels(7, 5, 4))
        write_idx(four / "test_labels", rows[::-1], "i4")
    data = prepare(IDX, four)
    assert data.table("train")["label"].tolist() == [*range(7)]
    test = [*range(7)][::-1] if extended_test else [0, 1, 2]
    assert data.table("test")["label"].tolist() == test
    assert "labels: the first of 8 columns (QMNIST)" in data.card["preprocessing"]


def test_few_labels_of_qmnist_need_a_statement(four, prepare):
    """Not all classes are among them, so that the first column is not certain."""
    write_idx(four / "test_labels", [[c, 4, 1, 2, 30 + c, 7, 0, 0] for c in (6, 2, 1)])
    assert "State the column of the class, from 0 to 7, as datasets" in said(IDX, four)
    data = prepare({**IDX, "label_column": 0}, four)
    assert data.table("test")["label"].tolist() == [6, 2, 1]


@pytest.mark.parametrize("last", [False, True])
def test_images_in_colour(four, prepare, last):
    colour = levels(7, 3, 5, 4)
    for split in ("train", "test"):
        stored = colour[: {"train": 7, "test": 3}[split]]
        stored = stored.transpose(0, 2, 3, 1) if last else stored
        write_idx(four / f"{split}_images", stored)
    data = prepare({**IDX, "shape": [3, 5, 4]}, four)
    np.testing.assert_array_equal(data.images("train"), colour)


def test_letters_as_emnist_stores_them(four, prepare):
    """Rows and columns are swapped, and labels start at 1."""
    for split, count in (("train", 7), ("test", 3)):
        write_idx(four / f"{split}_images", levels(count, 5, 4).transpose(0, 2, 1))
        write_idx(four / f"{split}_labels", np.arange(count) + 1)
    assert "Set transposed: true if" in said(IDX, four)
    data = prepare({**IDX, "transposed": True}, four)
    np.testing.assert_array_equal(data.images("train")[:, 0], levels(7, 5, 4))
    assert data.card["class_names"] == [*"1234567"]


def test_one_file_of_which_test_images_are_held_out(raw, prepare):
    write_idx(raw / "all", levels(10, 5, 4))
    write_idx(raw / "numbers", np.arange(10) + 1)
    own = {**IDX, "classes": 10, "files": files(images="all", labels="numbers")}
    data = prepare({**own, "test": 0.2, "seed": 1}, raw)
    assert data.card["counts"] == {"train": 8, "test": 2}
    assert "test: 0.2 at random, seed 1" in data.card["preprocessing"]
    seen = []
    for split in ("train", "test"):
        table = data.table(split)
        assert (table["label"] == table["index"]).all()
        expected = levels(10, 5, 4)[table["index"]]
        np.testing.assert_array_equal(data.images(split)[:, 0], expected)
        seen += table["index"].tolist()
    assert sorted(seen) == [*range(10)]
    assert "test: 0.1 at random, seed 0" in prepare(own, raw).card["preprocessing"]


def test_idx_without_labels(raw, prepare):
    write_idx(raw / "a", levels(6, 5, 4))
    write_idx(raw / "b", levels(6, 5, 4))
    data = prepare(WITHOUT, raw)
    np.testing.assert_array_equal(data.images("train")[:, 0], levels(6, 5, 4))
    assert data.table("test")["index"].tolist() == [*range(6)]
    problem = prepare({**WITHOUT, "classes": 10}, raw, fails=True)
    assert "datasets.mine.classes: 10, but the split 'train' has no labels" in problem


def test_labels_without_classes_are_left_alone(four, prepare):
    data = prepare({**IDX, "classes": 0}, four)
    assert data.table("train").columns.tolist() == ["index"]
    assert "labels left alone (classes: 0)" in data.card["preprocessing"]


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize("size", [1, 3, 5, -1])
def test_truncated_idx_is_named(four, name, size):
    path = four / name
    whole = path.read_bytes()
    path.write_bytes(whole[:size])
    problem = said(IDX, four)
    length = len(whole[:size])
    assert f"{name}: not a complete IDX file: it has {length} bytes" in problem
    if size == -1:
        assert f"but its header says {len(whole)}, for uint8 of shape (" in problem
    assert problem.endswith("Delete it and run again.")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "it is empty. Delete it"),
        (b"<!DOCTYPE html><html>moved</html>", "it is a page in HTML or XML"),
        (b"\xef\xbb\xbf\r\n <html>moved", "it is a page in HTML or XML"),
        (
            gzip.compress(b"\0\0\x08\x01", mtime=0),
            "compressed by gzip. Unpack it with gunzip",
        ),
        (b"PK\3\4 and more", "it is a zip archive. Unpack it"),
        (b"\x93NUMPY\1\0", "it is an array of numpy. Use module: arrays"),
        (b"label,1x1\n0,255", "it begins with the bytes 6c 61 62 65; expected 00 00"),
        (struct.pack(">BBBBI", 0, 0, 10, 1, 0), "the bytes 00 00 0a 01; expected"),
        (struct.pack("<BBBBI", 0, 0, 8, 1, 9) + bytes(9), "its header says 150994952,"),
        (struct.pack(">BBBBI", 0, 0, 8, 1, 9) + bytes(10), "it has 18 bytes, but its"),
    ],
)
def test_file_that_is_not_idx_is_named(four, content, expected):
    (four / "test_labels").write_bytes(content)
    problem = said(IDX, four)
    assert "test_labels: not a complete IDX file: " in problem and expected in problem


def test_missing_idx_file_is_named(four):
    (four / "test_images").unlink()
    assert "test_images: cannot be read (No such file or directory)." in said(IDX, four)


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("train_images", np.arange(7), "has one number per image, as labels do"),
        (
            "train_images",
            levels(7, 28, 28),
            "has shape (7, 28, 28), but the data set's",
        ),
        ("train_images", levels(0, 5, 4), "train_images holds no images"),
        ("train_labels", levels(7, 5, 4), "labels of shape (7, 5, 4), but"),
        ("train_labels", np.zeros(6), "labels of shape (6,), but"),
        ("train_labels", np.zeros(6), "train_images has 7 images"),
        ("train_labels", np.zeros(0), "labels of shape (0,), but"),
        ("test_labels", [0, 1, 9], "8 different labels: 0 (2x), 1 (2x), 2 (1x)"),
    ],
)
def test_idx_files_that_do_not_fit(four, name, array, expected):
    write_idx(four / name, array)
    assert expected in said(IDX, four)


def test_images_of_another_size_are_resized_on_purpose(four, prepare):
    data = prepare({**IDX, "shape": [3, 2, 2], "resize": True}, four)
    assert data.images("train").shape == (7, 3, 2, 2)
    assert "resized to 2x2 px" in data.card["preprocessing"]


# MNIST itself, where there is a local copy

LABEL_COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


def local_mnist():
    mirror = Path(OWN_MIRROR or ROOT.parent / "shared" / "data") / "mnist"
    if not mirror.is_dir():
        pytest.skip(f"no local copy of MNIST: no folder {mirror}")
    return mirror


def test_mnist_from_a_local_mirror(tmp_path):
    mirror = local_mnist()
    shipped = configuration.load()
    for name, file in shipped.specs.files("mnist").items():
        out = tmp_path / "raw" / name
        download("mnist", file, [str(mirror)], out)
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(shipped.specs.data_spec("mnist")))
    words = ["--spec", spec, "--raw", *sorted((tmp_path / "raw").glob("*ubyte"))]
    words += ["--card", tmp_path / "data" / "card.json"]
    assert main(["prepare", *map(str, words)]) == 0
    data = prepared.load(tmp_path / "data")
    assert data.card["counts"] == {"train": 60_000, "test": 10_000}
    assert data.card["classes"] == 10
    assert data.card["shape"] == [1, 28, 28]
    for split, counts in LABEL_COUNTS.items():
        images, table = data.images(split), data.table(split)
        assert images.shape == (sum(counts), 1, 28, 28)
        assert list(np.bincount(table["label"])) == counts
    # The first training image is the well-known five.
    assert data.table("train")["label"][0] == 5
    assert int(data.images("train")[0].sum()) == 27525
