"""IDX files: what is read, what is refused; MNIST itself where there is a copy."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from vlae.__main__ import main
from vlae.config import configuration
from vlae.data import prepared
from vlae.data.datasets import idx
from vlae.data.download.fetch import download
from vlae.data.download.sources import MIRROR_VARIABLE
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

OWN_MIRROR = os.environ.get(MIRROR_VARIABLE)
FILES = {
    f"{split}_{what}": {"name": f"{split}-{what}"}
    for split in ("train", "test")
    for what in ("images", "labels")
}
DEFINITION = {"files": FILES, "shape": [1, 5, 4]}


def write_idx(path, array):
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    path.write_bytes(head + struct.pack(f">{array.ndim}I", *array.shape) + array.data)


@pytest.fixture
def raw(tmp_path):
    """A folder of four small IDX files, and the arrays in them."""
    random = np.random.default_rng(0)
    for split, count in (("train", 7), ("test", 3)):
        images = random.integers(0, 256, (count, 5, 4), np.uint8)
        write_idx(tmp_path / f"{split}-images", images)
        write_idx(tmp_path / f"{split}-labels", np.arange(count, dtype=np.uint8))
    return tmp_path


def test_idx_files_are_read_as_they_are(raw, monkeypatch):
    monkeypatch.setattr(idx, "CHUNK_IMAGES", 4)
    train, test = idx.splits(DEFINITION, raw)
    assert (train.name, train.count, test.name, test.count) == ("train", 7, "test", 3)
    images = [*train.chunks(0, 1)]
    assert [len(i) for i in images] == [4, 3]
    expected = np.random.default_rng(0).integers(0, 256, (7, 5, 4), np.uint8)
    np.testing.assert_array_equal(np.concatenate(images)[:, 0], expected)
    assert train.table()["label"].tolist() == [*range(7)]


def test_idx_images_continue_where_they_were_interrupted(raw, monkeypatch):
    monkeypatch.setattr(idx, "CHUNK_IMAGES", 4)
    train = idx.splits(DEFINITION, raw)[0]
    whole, rest = (np.concatenate([*train.chunks(start, 1)]) for start in (0, 3))
    np.testing.assert_array_equal(rest, whole[3:])


@pytest.mark.parametrize("name", [f["name"] for f in FILES.values()])
@pytest.mark.parametrize("size", [0, 3, 9, -1])
def test_truncated_idx_is_named(raw, name, size):
    path = raw / name
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=rf"{name}: not a complete IDX file.*Delete"):
        idx.splits(DEFINITION, raw)


@pytest.mark.parametrize(
    "content", [b"<html>moved</html>", struct.pack(">BBBBI", 0, 0, 10, 1, 0)]
)
def test_file_that_is_not_idx_is_named(raw, content):
    (raw / "test-labels").write_bytes(content)
    with pytest.raises(UserError, match="test-labels: not a complete IDX file"):
        idx.splits(DEFINITION, raw)


def test_labels_in_the_place_of_images(raw):
    (raw / "train-images").write_bytes((raw / "train-labels").read_bytes())
    with pytest.raises(UserError, match="train-images: not a complete IDX file"):
        idx.splits(DEFINITION, raw)


def test_missing_idx_file_is_named(raw):
    (raw / "test-images").unlink()
    with pytest.raises(UserError, match="test-images"):
        idx.splits(DEFINITION, raw)


def test_as_many_labels_as_images(raw):
    write_idx(raw / "train-labels", np.zeros(6, np.uint8))
    with pytest.raises(
        UserError, match=r"train-images has 7 images.*labels has 6 labels"
    ):
        idx.splits(DEFINITION, raw)


def test_images_of_the_configured_shape(raw):
    with pytest.raises(UserError, match=r"train-images.*\(1, 5, 4\).*'shape'.*28"):
        idx.splits({**DEFINITION, "shape": [1, 28, 28]}, raw)


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
    places = ["--raw", str(tmp_path / "raw"), "--out", str(tmp_path / "data")]
    assert main(["prepare", "--spec", str(spec), *places]) == 0
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
