"""Anybody's arrays that cannot be, and damaged files of them."""

import numpy as np
import pytest
from datasets_helpers import ARRAYS, GREY, LABELS, array_pairs, levels, write_zip

from vlae.data import zip_archive

# Arrays that are not right


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"train_images": None}, "no array 'images'; known: test_images"),
        ({"test_images": None}, "no array 'test_images'; known:"),
        ({"train_labels": None}, "no array 'train_labels'"),
        ({"train_images": levels(6, 4, 5)}, "has shape (6, 4, 5), but"),
        ({"train_images": levels(6, 60)}, "has shape (6, 60), but"),
        ({"train_images": LABELS}, "has shape (6,), but the data set's 'shape'"),
        ({"train_images": LABELS}, "has one number per image, as labels do"),
        ({"train_images": np.uint8(3)}, "'train_images' holds no images"),
        ({"train_images": levels(0, 3, 4, 5)}, "'train_images' holds no images"),
        ({"train_images": np.full((6, 3, 4, 5), "a")}, "is <U1; expected images of"),
        ({"train_images": np.full((6, 3, 4, 5), 1j)}, "is complex128; expected imag"),
        ({"train_images": np.full((6, 3, 4, 5), 1.01)}, "can mean several things"),
        ({"train_images": np.full((6, 3, 4, 5), np.nan)}, "numbers that are not fin"),
        ({"test_images": np.full((4, 3, 4, 5), 300)}, "'test_images': int64 from 300"),
        ({"train_labels": LABELS[:5]}, "labels of shape (5,), but"),
        ({"train_labels": LABELS[:5]}, "'train_images' has 6 images"),
        ({"train_labels": np.uint8(1)}, "labels of shape (), but"),
        ({"train_labels": LABELS - 1}, "3 different labels: -1 (3x), 0 (5x), 1 (2x)"),
        ({"train_labels": LABELS / 2}, "labels have fractions"),
        ({"train_labels": LABELS * 1j}, "expected labels that are numbers or words"),
        ({"train_labels": np.array(["a", "b"] * 3)}, "words in one and numbers in the"),
        ({"train_labels": np.ones((6, 2))}, "has 2 numbers or words per image"),
        (
            {"train_labels": np.array([{}] * 6)},
            "'train_labels' holds objects of",
        ),
        (
            {"train_images": np.array([{}] * 6)},
            "'train_images' holds objects of",
        ),
    ],
)
def test_arrays_that_are_not_right(raw, prepare, change, expected):
    content = {**array_pairs(levels(6, 3, 4, 5), levels(4, 3, 4, 5)), **change}
    kept = {k: v for k, v in content.items() if v is not None}
    np.savez(raw / "mine.npz", **kept)
    said = prepare(ARRAYS, raw, fails=True)
    assert "mine.npz" in said and expected in said
    assert not (raw.parent / "data").exists(), "nothing was written before the check"


@pytest.mark.parametrize(
    ("labels", "change", "expected"),
    [
        (
            [[5, 2], [6, 0], [7, 1]] * 3,
            {},
            "State the column of the class, from 0",
        ),
        ([[5, 2]] * 9, {"label_column": 2}, "label_column: 2 is not one of them"),
        # Eight properties of each image, two of which could be the class.
        (
            [[0, 1, *[9] * 6], [1, 2, *[9] * 6], [2, 0, *[9] * 6]] * 3,
            {},
            "has 8 numbers",
        ),
        ([[c % 2, c] for c in range(3)] * 3, {}, "has 2 numbers"),
        ([[1, 1, 0], [0, 1, 0], [0, 0, 1]] * 3, {}, "has 3 numbers"),  # not one-hot
        (np.eye(4)[[0, 1, 2] * 3], {}, "has 4 numbers"),  # of other classes
    ],
)
def test_several_labels_none_of_which_is_sure(raw, prepare, labels, change, expected):
    np.savez(raw / "mine.npz", images=levels(9, 4, 5), labels=np.array(labels))
    said = prepare({**GREY, "classes": 3, **change}, raw, fails=True)
    assert "'labels': has" in said and expected in said
    assert "datasets.mine.label_column" in said


# Damaged files


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
        (header((10**6, 3, 4, 5)), "'images': claims 60000000 bytes, but has 5"),
        (header((10**30,)), f"'images': claims {10**30} bytes, but has 5"),
        (header("((("), "'images': "),
    ],
    ids=["too large", "no integer", "no header"],
)
def test_npz_with_an_absurd_header(raw, prepare, content, expected):
    write_zip(raw / "mine.npz", {"images.npy": content})
    said = prepare(GREY, raw, fails=True)
    assert f"mine.npz: not a complete .npz file of plain arrays ({expected}" in said


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("part", ["image", "checksum"])
def test_npz_with_a_damaged_image(raw, prepare, save, part):
    # Compressed to so little that it is read before its end is reached.
    save(
        raw / "mine.npz",
        **array_pairs(np.zeros((6, 3, 4, 5), np.uint8), levels(4, 3, 4, 5)),
    )
    content = bytearray((raw / "mine.npz").read_bytes())
    directory = content.index(b"PK\1\2")  # the first array's entry, first in it
    at = {"image": content.index(b"PK\3\4", 1) - 20, "checksum": directory + 16}[part]
    content[at] ^= 1
    (raw / "mine.npz").write_bytes(content)
    said = prepare(ARRAYS, raw, fails=True)
    assert "mine.npz: not a complete .npz file" in said and "'train_images'" in said
    assert not (raw.parent / "data" / "card.json").exists()


def test_npz_that_expands_without_end(raw, prepare, monkeypatch):
    monkeypatch.setattr(zip_archive, "HARMLESS_BYTES", 1 << 20)
    zeros = np.zeros((100_000, 3, 4, 5), np.uint8)
    np.savez_compressed(raw / "mine.npz", train_images=zeros)
    said = prepare(ARRAYS, raw, fails=True)
    assert "mine.npz: its members claim more than 1" in said
