"""Modules of data sets: SVHN, CelebA, own images, own arrays, IDX without labels.

Small files are written here; real subsets are read where VLAE_MIRROR has them.
"""

import csv
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
from PIL import Image

from vlae import configuration, prepared, registry
from vlae.__main__ import main
from vlae.configuration import Configuration
from vlae.datasets import arrays, idx, images, svhn
from vlae.errors import UserError
from vlae.schemas import schema, validate

ROOT = Path(__file__).parents[1]
MIRROR = os.environ.get("VLAE_MIRROR", "")
LAYERS = [ROOT / "config" / f"{n}.yaml" for n in ("presets", "networks", "config")]


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw"
    path.mkdir()
    return path


@pytest.fixture
def prepare(tmp_path, capsys):
    """Run the command; the prepared folder, or the message if it must fail."""

    def run(definition, raw, fails=False):
        texts = dict.fromkeys(("title", "source", "licence"), "text")
        spec = {"name": "mine", **texts, **definition}
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        words = ["--spec", tmp_path / "spec.json", "--raw", raw]
        words += ["--out", tmp_path / "data", "--threads", "2"]
        code = main(["prepare", *map(str, words)])
        said = capsys.readouterr().err
        assert code == int(fails), said
        assert "Traceback" not in said
        return said if fails else prepared.load(tmp_path / "data")

    return run


def files(**names):
    return {role: {"name": name} for role, name in names.items()}


def real(name):
    folder = Path(MIRROR) / name
    if not MIRROR or not folder.is_dir():
        pytest.skip(f"VLAE_MIRROR is unset or holds no folder '{name}'")
    return folder


def levels(count, *shape):
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


# Settings


KEYS: dict[str, tuple[dict, list[str]]] = {
    "svhn": ({"use": "extra", "shape": [3, 32, 32]}, ["extra", "test"]),
    "celeba": ({"crop": 108}, ["images", "attributes", "partition"]),
    "images": ({"crop": None, "test": 0.1, "seed": 0}, ["images", "labels"]),
    "arrays": ({"arrays": {"images": "X"}}, ["arrays"]),
}


def checked(module, **changes):
    """Check settings of a module as the configuration does."""
    shipped = configuration.load(LAYERS).content["datasets"]["strokes"]
    common = {k: v for k, v in shipped.items() if k in schema("dataset")["properties"]}
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
    with pytest.raises(UserError, match=r"datasets\.mine\.files: key .* is missing"):
        checked(module, files={})


@pytest.mark.parametrize(
    ("module", "changes", "expected"),
    [
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
    monkeypatch.setattr(svhn, "CHUNK", 5)
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
        ({"y": np.ones((11, 1), np.uint8)}, "12 images, but labels (11, 1)"),
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


def test_svhn_without_a_needed_file(mats):
    definition = {**SVHN, "files": files(train="train.mat", test="test.mat")}
    with pytest.raises(UserError, match=r"mine\.files: use: train\+extra needs.*extra"):
        svhn.splits(definition, mats)


def test_only_needed_files_are_downloaded():
    content = configuration.load(LAYERS).content
    entry = {"remote": "r", "checksum": None, "sha256": "0"}
    roles = ("train", "extra", "test")
    definition = {**SVHN, "files": {r: {"name": r, **entry} for r in roles}}
    content["datasets"]["svhn"] = definition
    asked = Configuration.__new__(Configuration)
    asked.content = content
    assert set(asked.files("svhn")) == {"train", "extra", "test"}
    definition["use"] = "extra"
    assert set(asked.files("svhn")) == {"extra", "test"}
    assert not asked.parallel("svhn")
    del definition["files"]["extra"]
    with pytest.raises(UserError, match=r"svhn\.files: key 'extra' is missing"):
        asked.files("svhn")
    assert registry.constant("datasets", "celeba", "PARALLEL", False)


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


def write_zip(path, content):
    with zipfile.ZipFile(path, "w") as out:
        for name, data in content.items():
            out.writestr(name, data)


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
            "not about the same files: 1 are in one of them only (000005.jpg). Use",
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
    ],
)
def test_celeba_that_is_not_right(faces, prepare, spoil, expected):
    spoil(faces)
    assert expected in prepare(CELEBA, faces, fails=True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"attributes": ["Smilling"]}, "no 'Smilling'; known: Smiling, Young, file. D"),
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
        ([["file", "a"], ["", 1]], "1 rows name no file"),
        ([["file"], ["1.png"], ["1.png"]], "named more than once: 1.png."),
        ([["file"], ["1.png"], ["top/1.png"]], "named more than once: top/1.png."),
        ([["file"], ["1.png"], ["9.png"]], "1 files are no images in"),
        ([["file", "split"], ["1.png", "valid"]], "valid; expected train or test"),
        ([["file", "split"], ["1.png", "test"]], "no image has 'train'"),
        ([["file", "label"], ["1.png", ""]], "1 rows have no label"),
        ([["file", "label"], ["1.png", -1]], "label -1; expected 0 or more"),
        ([["file", "label"], ["1.png", 0.5]], "labels with fractions"),
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
        ({"a.txt": b""}, {}, "mine.zip: holds no image"),
        ({}, {}, "mine.zip: holds no image"),
        (
            pictures() | {"top/9.png": b"x"},
            {},
            "1 broken or unfit images:\n  top/9.png",
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


@pytest.mark.parametrize("last", [False, True])
def test_arrays_known_answers(raw, prepare, monkeypatch, last):
    monkeypatch.setattr(arrays, "CHUNK", 4)
    train, test = levels(6, 3, 4, 5), levels(4, 3, 4, 5)
    stored = [a.transpose(0, 2, 3, 1) if last else a for a in (train, test)]
    np.savez_compressed(raw / "mine.npz", **pairs(*stored))
    data = prepare(ARRAYS, raw)
    np.testing.assert_array_equal(data.images("train"), train)
    np.testing.assert_array_equal(data.images("test"), test)
    assert data.table("train")["label"].tolist() == LABELS.tolist()
    assert data.table("test")["index"].tolist() == [0, 1, 2, 3]
    assert "splits as they come" in data.card["preprocessing"]


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
    assert next(idx.splits(own, raw)[0].chunks)[0].shape == (6, 1, 5, 4)
