"""Data sets of the paper, SVHN and CelebA, and the settings of every module.

Small files are written here; real subsets are read where VLAE_MIRROR has them.
"""

import io
import zipfile
from functools import cache

import numpy as np
import pytest
import scipy.io
from datasets_helpers import files, levels, real, write_zip
from PIL import Image

from vlae.config import configuration
from vlae.config.configuration import Configuration
from vlae.config.validation import schema, validate
from vlae.data import zip_archive
from vlae.data.datasets import svhn
from vlae.system.errors import UserError

# Settings


KEYS: dict[str, tuple[dict, list[str]]] = {
    "svhn": ({"use": "extra", "shape": [3, 32, 32]}, ["extra", "test"]),
    "celeba": ({"crop": 108}, ["images", "attributes", "partition"]),
    "images": ({"crop": None, "test": 0.1, "seed": 0}, ["images", "labels"]),
    "arrays": ({"arrays": {"images": "X"}}, ["arrays"]),
    "idx": ({}, ["train_images", "train_labels", "test_images", "test_labels"]),
}


@cache
def strokes():
    return configuration.load().content["datasets"]["strokes"]


def checked(module, **changes):
    """Check settings of a module as the configuration does."""
    common = {
        k: v for k, v in strokes().items() if k in schema("dataset")["properties"]
    }
    settings, roles = KEYS[module]
    entry = {"name": "a", "remote": "b", "checksum": None}
    own = {**settings, "mirrors": [], "files": dict.fromkeys(roles, entry), **changes}
    content = {**common, "shape": [3, 8, 8], "module": module, **own}
    validate(content, "dataset", "datasets.mine", also=schema(f"datasets/{module}"))


@pytest.mark.parametrize("module", KEYS)
def test_settings_of_each_module(module):
    checked(module)
    with pytest.raises(UserError, match=r"datasets\.mine: unknown key 'crpo'"):
        checked(module, crpo=1)
    with pytest.raises(
        UserError, match=r"datasets\.mine\.files: keys? .* (is|are) missing"
    ):
        checked(module, files={})


@pytest.mark.parametrize("module", ["idx", "arrays"])
def test_optional_settings_of_arrays(module):
    own = {"levels": [0, 1.5], "transposed": True, "resize": False, "label_column": 0}
    checked(module, **own, test=0.1, seed=0)


def test_idx_has_files_of_both_splits_or_of_none():
    entry = {"name": "a", "remote": "b", "checksum": None}
    checked("idx", files=dict.fromkeys(["images", "labels"], entry))
    checked("idx", files=dict.fromkeys(["train_images", "test_images"], entry))
    for roles, expected in (
        (["labels"], "unknown key 'labels'; known: test_images, test_labels, train_im"),
        (["images", "test_images"], "unknown key 'test_images'; known: images, labels"),
        (["train_images"], "key 'test_images' is missing"),
        (
            ["image"],
            "unknown key 'image'; known: images, labels, test_images, test_lab",
        ),
    ):
        with pytest.raises(UserError) as caught:
            checked("idx", files=dict.fromkeys(roles, entry))
        assert f"datasets.mine.files: {expected}" in str(caught.value)


@pytest.mark.parametrize(
    ("module", "changes", "expected"),
    [
        ("idx", {"levels": [0]}, "levels: expected a list of at least 2"),
        ("idx", {"levels": [0, 1, 2]}, "levels: expected a list of at most 2"),
        ("arrays", {"levels": ["a", 1]}, "levels[0]: expected a number"),
        ("arrays", {"resize": 1}, "resize: expected true or false"),
        ("arrays", {"label_column": -1}, "label_column: expected 0 or more"),
        ("svhn", {"use": "all"}, "use: expected one of train, extra, train+extra"),
        ("svhn", {"shape": [1, 32, 32]}, "shape: expected one of"),
        ("celeba", {"crop": 0}, "crop: expected 1 or more"),
        ("images", {"test": 0}, "test: expected more than 0"),
        ("images", {"seed": "a"}, "seed: expected a whole number"),
        ("arrays", {"arrays": {"image": "X"}}, "unknown key 'image'"),
    ],
)
def test_settings_that_cannot_be(module, changes, expected):
    with pytest.raises(UserError) as caught:
        checked(module, **changes)
    assert expected in str(caught.value)


# SVHN


SVHN = {
    "name": "mine",
    "module": "svhn",
    "shape": [3, 32, 32],
    "classes": 10,
    "use": "train+extra",
    "files": files(train="train.mat", test="test.mat", extra="extra.mat"),
}


def write_mat(path, count, do_compression=False, **changes):
    content = {
        "X": levels(count, 32, 32, 3).transpose(1, 2, 3, 0),
        "y": (np.arange(count, dtype=np.uint8) % 10 + 1)[:, None],
        **changes,
    }
    kept = {k: v for k, v in content.items() if v is not None}
    scipy.io.savemat(path, kept, do_compression=do_compression)


@pytest.fixture
def mats(raw):
    for name, count in (("train", 12), ("test", 11), ("extra", 25)):
        write_mat(raw / f"{name}.mat", count)
    return raw


@pytest.mark.parametrize(
    ("use", "counts"), [("train", [12]), ("extra", [25]), ("train+extra", [12, 25])]
)
def test_svhn_known_answers(mats, prepare, monkeypatch, use, counts):
    monkeypatch.setattr(svhn, "CHUNK_IMAGES", 5)
    data = prepare({**SVHN, "use": use}, mats)
    assert data.card["counts"] == {"train": sum(counts), "test": 11}
    assert f"train is {use}" in data.card["preprocessing"]
    expected = np.concatenate([levels(count, 32, 32, 3) for count in counts])
    found = data.images("train")
    np.testing.assert_array_equal(found, expected.transpose(0, 3, 1, 2))
    labels = [(i % 10 + 1) % 10 for count in counts for i in range(count)]
    assert data.table("train")["label"].tolist() == labels


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"X": None}, "not a complete MATLAB file"),
        ({"X": np.zeros((32, 32, 12), np.uint8)}, "not a complete MATLAB file"),
        ({"X": np.zeros((32, 32, 3, 12))}, "X is float64"),
        ({"y": np.ones((11, 1), np.uint8)}, "12 images, but labels of shape (11, 1)"),
        ({"y": np.zeros((12, 1), np.uint8)}, "labels other than 1 to 10"),
    ],
)
def test_svhn_that_is_something_else(mats, prepare, changes, expected):
    write_mat(mats / "train.mat", 12, **changes)
    said = prepare(SVHN, mats, fails=True)
    assert "train.mat" in said and expected in said


@pytest.mark.parametrize("size", [0, 100, 150, 5000, -100])
def test_truncated_svhn(mats, prepare, size):
    path = mats / "train.mat"
    write_mat(path, 12, do_compression=True)
    path.write_bytes(path.read_bytes()[:size])
    said = prepare(SVHN, mats, fails=True)
    assert "train.mat: not a complete MATLAB file" in said and "Delete it" in said


@pytest.mark.parametrize("count", [1 << 30, (1 << 31) - 1])
def test_svhn_that_claims_an_absurd_shape(mats, prepare, count):
    path = mats / "train.mat"
    content = path.read_bytes()
    for old, new in (
        ((32, 32, 3, 12), (32, 32, 3, count)),
        ((12, 1), (count, 1)),
    ):
        packed = [np.array(dims, "<i4").tobytes() for dims in (old, new)]
        assert content.count(packed[0]) == 1
        content = content.replace(*packed)
    path.write_bytes(content)
    said = prepare(SVHN, mats, fails=True)
    assert "train.mat: not a complete MATLAB file" in said
    assert f"X claims {3072 * count / 1e9:.1f} GB, but the file has 3" in said


def test_svhn_that_expands_without_end(mats, prepare, monkeypatch):
    monkeypatch.setattr(zip_archive, "HARMLESS_BYTES", 1 << 20)
    images = np.zeros((32, 32, 3, 2000), np.uint8)
    labels = np.ones((2000, 1), np.uint8)
    write_mat(mats / "train.mat", 0, do_compression=True, X=images, y=labels)
    said = prepare(SVHN, mats, fails=True)
    assert "train.mat" in said and "X claims 6.1 MB, but the file has" in said


def test_svhn_without_a_needed_file(mats):
    definition = {**SVHN, "files": files(train="train.mat", test="test.mat")}
    with pytest.raises(UserError, match=r"mine\.files: use: train\+extra needs.*extra"):
        svhn.splits(definition, mats)


def test_only_needed_files_are_downloaded():
    content = configuration.load().content
    definition = content["datasets"]["svhn"]
    for use, roles in (
        ("train+extra", {"train", "extra", "test"}),
        ("extra", {"extra", "test"}),
    ):
        definition["use"] = use
        found = Configuration(content)
        assert set(found.selection.needed_files("svhn")) == roles
        names = {definition["files"][role]["name"] for role in roles}
        assert set(found.specs.files("svhn")) == names
    assert not found.selection.prepares_in_parallel("svhn")
    assert found.selection.prepares_in_parallel("celeba")
    del definition["files"]["extra"]
    with pytest.raises(UserError, match=r"svhn\.files: key 'extra' is missing"):
        Configuration(content)


def test_svhn_subset(prepare):
    folder = real("svhn")
    names = files(train="train_32x32.mat", test="test_32x32.mat")
    data = prepare({**SVHN, "use": "train", "files": names}, folder)
    assert data.card["counts"] == {"train": 864, "test": 219}
    for split, counts in (
        ("train", [50, 183, 113, 102, 92, 86, 59, 55, 68, 56]),
        ("test", [16, 44, 28, 32, 18, 26, 19, 15, 10, 11]),
    ):
        assert np.bincount(data.table(split)["label"]).tolist() == counts
    first = scipy.io.loadmat(folder / "train_32x32.mat")["X"][:, :, :, 0]
    np.testing.assert_array_equal(data.images("train")[0], first.transpose(2, 0, 1))


# CelebA


CELEBA = {
    "module": "celeba",
    "shape": [3, 64, 64],
    "crop": 108,
    "classes": 0,
    "attributes": ["Smiling"],
    "files": files(images="faces.zip", attributes="attr.txt", partition="part.txt"),
}
SMILING = [1, -1, -1, 1, 1]
PARTITION = [0, 0, 1, 2, 2]


def face(level):
    """Grey `level` in the centre 108 x 108, black around it, as JPEG."""
    pixels = np.zeros((218, 178, 3), np.uint8)
    pixels[55:163, 35:143] = level
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=100, subsampling=0)
    return out.getvalue()


def write_attributes(raw, count=5, smiling=SMILING):
    rows = [f"{i + 1:06d}.jpg {s: d}  1" for i, s in enumerate(smiling)]
    text = "\r\n".join([str(count), "Smiling Young ", *rows, ""])
    (raw / "attr.txt").write_bytes(text.encode())


def write_partition(raw, numbers=PARTITION):
    rows = [f"{i + 1:06d}.jpg {n}\r\n" for i, n in enumerate(numbers)]
    (raw / "part.txt").write_bytes("".join(rows).encode())


@pytest.fixture
def faces(raw):
    write_attributes(raw)
    write_partition(raw)
    content = {f"img/{i + 1:06d}.jpg": face(40 * i + 50) for i in range(5)}
    write_zip(raw / "faces.zip", dict(reversed(content.items())))
    return raw


def test_celeba_known_answers(faces, prepare):
    data = prepare(CELEBA, faces)
    assert data.card["counts"] == {"train": 2, "test": 2}
    assert data.card["classes"] == 0
    assert data.card["attributes"] == ["Smiling"]
    assert "partition 1 (validation) is left out" in data.card["preprocessing"]
    table = data.table("test")
    assert table.columns.tolist() == ["file", "Smiling", "Young"]
    assert table["file"].tolist() == ["000004.jpg", "000005.jpg"]
    assert data.table("train")["Smiling"].tolist() == [1, 0]
    assert table["Young"].dtype == np.int8
    for image, level in zip(data.images("test"), (170, 210), strict=True):
        inside = image[:, 6:-6, 6:-6].astype(int)  # JPEG rings at the border
        assert np.abs(inside - level).max() <= 2
        assert image[:, 0].mean() > 0.75 * level  # and none of the black is kept


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda raw: write_attributes(raw, 6), "attr.txt: not a complete table"),
        (
            lambda raw: write_attributes(raw, 4, SMILING[:4]),
            "not about the same files: 1 are in only one of them (000005.jpg). Use",
        ),
        (lambda raw: write_attributes(raw, 5, [0] * 5), "expected values 1 and -1"),
        (lambda raw: (raw / "attr.txt").write_text("<html>"), "attr.txt: not a"),
        (lambda raw: (raw / "attr.txt").unlink(), "attr.txt: not a complete"),
        (lambda raw: write_partition(raw, [0, 0, 3, 2, 2]), "000003.jpg: expected"),
        (lambda raw: (raw / "part.txt").write_text("<a b c>"), "part.txt: not a"),
        (lambda raw: write_partition(raw, [0] * 5), "no image in partition 2"),
        (lambda raw: write_partition(raw, PARTITION[:4]), "part.txt are not about"),
        (lambda raw: write_zip(raw / "faces.zip", {}), "faces.zip are not about"),
        (lambda raw: (raw / "faces.zip").write_bytes(b"PK"), "faces.zip: not a"),
        (
            lambda raw: write_zip(raw / "faces.zip", {"a/1.jpg": b"", "b/1.jpg": b""}),
            "faces.zip: 'a/1.jpg' and 'b/1.jpg' have the same file",
        ),
    ],
)
def test_celeba_that_is_not_right(faces, prepare, spoil, expected):
    spoil(faces)
    assert expected in prepare(CELEBA, faces, fails=True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"attributes": ["Smilling"]},
            "no column 'Smilling'; known: Smiling, Young, file. D",
        ),
        ({"attributes": ["file"]}, "'file' has values other than 0 and 1"),
        ({"classes": 2}, "classes: 2, but the split 'train' has no labels"),
        ({"crop": 200}, "000001.jpg: 178x218 px, smaller than crop: 200"),
        ({"shape": [3, 64, 48]}, "Set crop: null"),
        ({"shape": [4, 64, 64]}, "has 4 channels"),
    ],
)
def test_celeba_settings_that_cannot_be(faces, prepare, change, expected):
    assert expected in prepare({**CELEBA, **change}, faces, fails=True)


def test_celeba_subset(prepare):
    folder = real("celeba")
    names = ("img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition.txt")
    roles = dict(zip(CELEBA["files"], names, strict=True))
    data = prepare({**CELEBA, "files": files(**roles)}, folder)
    assert data.card["counts"] == {"train": 4000, "test": 500}
    lines = (folder / names[1]).read_text().splitlines()
    values = {line.split()[0]: line.split()[1:] for line in lines[2:]}
    partition = dict(
        line.split() for line in (folder / names[2]).read_text().splitlines()
    )
    for split, number in (("train", "0"), ("test", "2")):
        table = data.table(split)
        assert table.columns[1:].tolist() == lines[1].split()
        assert len(table.columns) == 41
        assert set(table["file"].map(partition)) == {number}
        for row in (0, 7, -1):
            file, *found = table.iloc[row]
            assert found == [int(value == "1") for value in values[file]]
    with zipfile.ZipFile(folder / names[0]) as packed:
        member = f"img_align_celeba/{data.table('test')['file'][3]}"
        image = Image.open(io.BytesIO(packed.read(member)))
    cut = image.crop((35, 55, 143, 163)).resize((64, 64), Image.Resampling.BILINEAR)
    difference = data.images("test")[3] - np.asarray(cut).transpose(2, 0, 1).astype(int)
    assert np.abs(difference).max() <= 1
