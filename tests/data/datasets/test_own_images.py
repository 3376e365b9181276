"""Anybody's images: tables, folders, splits, labels, and settings that cannot be.

Small files are written here; real ones are read where VLAE_MIRROR has them.
"""

import io
import unicodedata
import zipfile

import numpy as np
import pytest
from datasets_helpers import (
    OWN,
    files,
    picture,
    pictures,
    real,
    write_own,
    write_zip,
)
from PIL import Image

from vlae.data.datasets._classes import natural
from vlae.data.datasets._labels import held_out


def test_images_without_a_table(raw, prepare):
    content = {
        "top/": b"",
        "top/a10.png": picture(210),
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
        assert [*table["file"]] == sorted(table["file"], key=natural)
        found |= dict(zip(table["file"], data.images(split), strict=True))
    assert sorted(found, key=natural) == [
        "a2.GIF",
        "a9.jpg",
        "a10.png",
        "b/1.bmp",
    ]
    for name, level in (("a2.GIF", 2), ("a9.jpg", 9), ("a10.png", 210), ("b/1.bmp", 1)):
        assert (found[name] == level).all(), name
    assert data.card["left_out"] == {".txt files": 1, "hidden files": 1}
    assert data.card["levels"] == (
        "uint8 from 9 to 210, taken as levels from 0 to 255 (found in the first 3 "
        "images)"
    )


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
    assert data.card["left_out"] == {"not named by labels.csv": 4}
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
        ([["name"], ["1.png"]], "labels.csv: no column 'file' in its first line"),
        ([["file"]], "has no rows"),
        ([["file", "a"], ["", 1]], "1 rows do not name a file"),
        ([["file"], ["1.png"], ["1.png"]], "named more than once: 1.png."),
        ([["file"], ["1.png"], ["top/1.png"]], "named more than once: top/1.png."),
        ([["file"], ["1.png"], ["9.png"]], "1 files of the table are not images in"),
        ([["file", "split"], ["1.png", "valid"]], "valid; expected train or test"),
        (
            [["file", "split"], ["1.png", "test"]],
            "no image that can be read has 'train'",
        ),
        ([["file", "colour"], ["1.png", "red"]], "but line 2 (1.png) has 'red'"),
        ([["file", "a"], ["1.png", "0,5"]], "column 'a': expected numbers"),
        ([["file", "a", "a"], ["1.png", 1, 1]], "columns that come twice: a"),
        ([["file", ""], ["1.png", 1]], "column 2 has no name"),
        ([["file", "member"], ["1.png", "1"]], "rename the column 'member'"),
        (
            [["file"], ["1.png", 1, 2], ["2.png"]],
            "line 2 has 3 fields, but the first line has 1",
        ),
        ([["file"], ["1.png"]], "datasets.mine: 1 image; at least two"),
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
            "1 of 9 images cannot be used:\n  top/9.png",
        ),
        (pictures(), {"test": 8}, "mine.test: 8 of 8 images leaves a split without"),
        (pictures(), {"crop": 5}, "5x4 px, smaller than crop: 5"),
        (pictures(), {"files": files(images="mine.zip", labels="no.csv")}, "no.csv: c"),
    ],
)
def test_own_images_that_cannot_be(raw, prepare, content, change, expected):
    write_own(raw, content=content)
    assert expected in prepare({**OWN, **change}, raw, fails=True)


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (["", "a"], 2, "column 'label': 1 images have no label"),
        ([0, 5], 3, "classes: 3, but"),
        ([0, 5], 3, "2 different labels: 0 (1x), 5 (1x)"),
        (["cat", "dog"], 3, "cat (1x), dog (1x). Set classes: 2"),
        ([0.5, 1.5], 1, "0.5 (1x), 1.5 (1x)"),
    ],
)
def test_labels_that_are_not_the_classes(raw, prepare, labels, classes, expected):
    names = [f"{i + 1}.png" for i in range(len(labels))]
    table = [["file", "label"], *zip(names, labels, strict=True)]
    write_own(raw, table)
    assert expected in prepare({**OWN, "classes": classes, "test": 1}, raw, fails=True)
    assert not (raw.parent / "data").exists(), "nothing is written before"


# Labels as they are


def labelled(words):
    """A table of eight images with these labels in turn, and its splits."""
    rows = [
        [f"{i + 1}.png", words[i % len(words)], "test" if i > 5 else "train"]
        for i in range(8)
    ]
    return [["file", "label", "split"], *rows]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["cat", "NA"], ["NA", "cat"]),
        (["None", "null"], ["None", "null"]),
        (["NaN", "nan"], ["NaN", "nan"]),
        (["true", "false"], ["false", "true"]),
        (["007", "7"], ["007", "7"]),
        (["1e5", "100000"], ["1e5", "100000"]),
        (["2024-01-02", "2023-12-31"], ["2023-12-31", "2024-01-02"]),
        (["2", "1"], ["1", "2"]),
        (["8692", "2880"], ["2880", "8692"]),
        (["1", "-1"], ["-1", "1"]),
        (["a, b", 'c "d"'], ["a, b", 'c "d"']),
    ],
)
def test_words_stay_words(raw, prepare, words, names):
    write_own(raw, labelled(words))
    data = prepare({**OWN, "classes": 2}, raw)
    assert data.card["class_names"] == names
    expected = [names.index(words[i % 2]) for i in range(8)]
    found = [*data.table("train")["label"], *data.table("test")["label"]]
    assert found == expected


def test_forms_of_unicode_are_the_same_name(raw, prepare):
    """An archive and a class from a Mac, a table from elsewhere, and the reverse."""
    nfd, nfc = (unicodedata.normalize(form, "Käfer") for form in ("NFD", "NFC"))
    content = {f"{nfd if i % 2 else nfc}{i}.png": picture(10 * i) for i in range(1, 9)}
    words = [nfd, nfc, "Löwe"]
    rows = [[f"{nfc if i % 2 else nfd}{i}.png", words[i % 3]] for i in range(1, 9)]
    write_own(raw, [["file", "label"], *rows], content, own=True)
    change = {"classes": 2, "files": files(images="mine.zip", labels="labels.csv")}
    data = prepare({**OWN, **change}, raw)
    assert data.card["class_names"] == [nfc, "Löwe"]
    assert sum(data.card["counts"].values()) == 8


def test_two_members_of_one_name(raw, prepare):
    names = [unicodedata.normalize(form, "ä.png") for form in ("NFD", "NFC")]
    write_own(raw, content=pictures() | {name: picture(90) for name in names})
    assert "are the same name, written in two ways" in prepare(OWN, raw, fails=True)


def test_names_in_utf8_without_saying_so(raw, prepare):
    """Old programs of Macs do not set the flag of zip archives."""
    write_zip(raw / "mine.zip", {f"Käfer{i}.png": picture(10 * i) for i in range(1, 9)})
    content = bytearray((raw / "mine.zip").read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            content[start + at + 1] &= ~8
            start += 4
    (raw / "mine.zip").write_bytes(content)
    data = prepare(OWN, raw)
    assert {*data.table("test")["file"]} <= {f"Käfer{i}.png" for i in range(1, 9)}


def test_labels_are_not_used_without_classes(raw, prepare):
    write_own(raw, labelled(["cat", "dog"]))
    data = prepare(OWN, raw)
    assert data.card["classes"] == 0
    assert "labels are not used (classes: 0)" in data.card["preprocessing"]
    assert data.table("train").columns.tolist() == ["file"]


# Where the table is


@pytest.mark.parametrize("columns", ["file,label,split", "File;Label;Split"])
@pytest.mark.parametrize(
    ("folder", "table", "others"),
    [
        ("photos/", "photos/labels.csv", [".DS_Store"]),
        ("photos/", "photos/labels.csv", ["__MACOSX/photos/._1.png", "Thumbs.db"]),
        ("photos/", "photos/labels.csv", ["README", "docs/licence.txt"]),
        ("photos/", "photos/Labels.CSV", []),
        ("photos/", "LABELS.csv", []),
        ("data/photos/", "data/photos/labels.csv", []),
        ("data/photos/", "data/labels.csv", ["data/notes.md"]),
        ("data/photos/", "meta/labels.csv", []),
        ("", "labels.csv", []),
    ],
)
def test_the_table_is_found(raw, prepare, folder, table, others, columns):
    rows = labelled(["cat", "dog"])[1:]
    lines = [columns, *(columns[4].join(row) for row in rows)]
    content = pictures(folder=folder) | dict.fromkeys(others, b"x")
    content[table] = "\n".join(lines)
    write_own(raw, content=content)
    data = prepare({**OWN, "classes": 2}, raw)
    assert data.card["counts"] == {"train": 6, "test": 2}
    assert data.images("test")[:, 0, 0, 0].tolist() == [70, 80]
    assert "splits of the table" in data.card["preprocessing"]
    names = [f"{i}.png" for i in range(1, 7)]
    assert data.table("train")["file"].tolist() == names


def test_names_of_windows(raw, prepare):
    table = labelled(["cat", "dog"])
    for row in table[1:]:
        row[0] = f"top\\{row[0]}"
    write_own(raw, table)
    assert prepare({**OWN, "classes": 2}, raw).card["class_names"] == ["cat", "dog"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            pictures() | {"labels.csv": "file", "a/Labels.csv": "file"},
            "has 2 tables: labels.csv, a/Labels.csv. Leave one",
        ),
        (
            pictures(folder="") | pictures() | {"top/labels.csv": "file\n1.png"},
            "1 names mean more than one image: 1.png (1.png or top/1.png)",
        ),
    ],
)
def test_what_could_mean_two_things(raw, prepare, content, expected):
    write_own(raw, content=content)
    assert expected in prepare(OWN, raw, fails=True)


@pytest.mark.parametrize("name", ["metadata.csv", "top/train.CSV", "labels.xlsx"])
def test_a_table_of_another_name_is_not_overlooked(raw, prepare, name):
    write_own(raw, content=pictures() | {name: "file"})
    said = prepare({**OWN, "classes": 2}, raw, fails=True)
    assert f"To use {name}, name it by files.labels" in said
    data = prepare(OWN, raw)
    ((why, number),) = data.card["left_out"].items()
    assert number == 1
    assert why.endswith("files (a table must be called labels.csv or be files.labels)")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("file\n1.png".encode("utf-16"), "not text in the encoding UTF-8"),
        ("file,größe\n1.png,1".encode("cp1252"), "not text in the encoding UTF-8"),
        (b"PK\3\4...", "is a workbook of a spreadsheet program"),
        (b"\xd0\xcf\x11\xe0...", "is a workbook of a spreadsheet program"),
        (b"file|label\n1.png|1", "separated by commas, semicolons or tabs"),
        (b'file,a\n"1.png,1', "line 2: not a table with commas between columns"),
        (b"", "is empty; expected a first line"),
        (b"\n \n", "is empty; expected a first line"),
    ],
)
def test_files_that_are_not_tables(raw, prepare, content, expected):
    write_own(raw, content=pictures())
    (raw / "own").write_bytes(content)
    change = {"files": files(images="mine.zip", labels="own")}
    said = prepare({**OWN, **change}, raw, fails=True)
    assert expected in said and str(raw / "own") in said


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_of_numbers(raw, prepare, separator, mark, end):
    header = ["file", "split", "whole", "real", "flag", "gaps"]
    rows: list[list] = [
        [f"{i}.png", "Train " if i < 7 else "TEST", i, i / 2, i > 4, i if i > 1 else ""]
        for i in range(1, 9)
    ]
    lines = [separator.join(map(str, row)) for row in (header, *rows)]
    write_own(raw, content=pictures())
    text = mark + end.join([*lines, ""])
    (raw / "own").write_bytes(text.encode("utf-8"))
    change = {"files": files(images="mine.zip", labels="own"), "attributes": ["flag"]}
    table = prepare({**OWN, **change}, raw).table("train")
    kinds = {"whole": "int64", "real": "float64", "flag": "int8", "gaps": "float64"}
    assert {name: str(table[name].dtype) for name in kinds} == kinds
    assert table["whole"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["real"].tolist() == [0.5, 1, 1.5, 2, 2.5, 3]
    assert table["flag"].tolist() == [0, 0, 0, 0, 1, 1]
    assert np.isnan(table["gaps"][0]) and table["gaps"][1] == 2


# Folders instead of a table


def in_folders(*folders):
    return {
        f"{folder}{i + 1}.png": picture(30 * (n + 1) + i)
        for n, folder in enumerate(folders)
        for i in range(4)
    }


@pytest.mark.parametrize("top", ["", "data/", "data/more/"])
def test_folders_are_labels(raw, prepare, top):
    write_own(raw, content=in_folders(f"{top}dog/", f"{top}cat/", f"{top}NA/x/"))
    data = prepare({**OWN, "classes": 3}, raw)
    assert data.card["class_names"] == ["NA", "cat", "dog"]
    assert "at random" in data.card["preprocessing"]
    for split in ("train", "test"):
        levels = data.images(split)[:, 0, 0, 0] // 30
        assert data.table(split)["label"].tolist() == (3 - levels).tolist()


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("top", ["", "data/"])
def test_folders_are_splits(raw, prepare, top, classes):
    folders = ("train/0/", "Test/0/", "train/1/", "Test/1/")
    write_own(raw, content=in_folders(*(top + folder for folder in folders)))
    data = prepare({**OWN, "classes": classes, "test": None, "seed": None}, raw)
    assert "splits of the folders train and test" in data.card["preprocessing"]
    for split, first in (("train", 1), ("test", 2)):
        levels = data.images(split)[:, 0, 0, 0] // 30
        assert levels.tolist() == [first] * 4 + [first + 2] * 4
        if classes:
            assert data.table(split)["label"].tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(
    ("content", "classes", "expected"),
    [
        (pictures(), 2, "no table labels.csv, and 8 images do not lie in a folder"),
        (pictures() | in_folders("top/a/"), 1, "8 images do not lie in a folder"),
        (in_folders("train/", "test/"), 2, "classes: 2, but"),
        (
            in_folders("train/", "val/"),
            0,
            "4 images lie outside of train and test: val/",
        ),
        (
            in_folders("train/", "test/") | {"9.png": picture(90)},
            0,
            "has the folder test and train, but 1 images lie outside of train and test",
        ),
        (in_folders("a/", "b/", "c/"), 2, "a (4x), b (4x), c (4x). Set classes: 3"),
    ],
)
def test_folders_that_are_not_right(raw, prepare, content, classes, expected):
    write_own(raw, content=content)
    assert expected in prepare({**OWN, "classes": classes}, raw, fails=True)
    assert not (raw.parent / "data").exists(), "nothing is written before"


def test_natural_order():
    names = ["b1", "a10", "a9b2", "a9b10", "a09", "10", "9"]
    ordered = sorted(names, key=natural)
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


def test_held_out_images_are_in_random_order():
    """The first of them are shown, and files may be sorted by class."""
    parts = held_out(100, {"name": "mine", "test": 20})
    test, train = parts["test"].tolist(), parts["train"].tolist()
    assert test != sorted(test) and train == sorted(train)
    assert sorted(test + train) == [*range(100)]
