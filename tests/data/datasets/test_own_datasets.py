"""Anybody's data: arrays, IDX without labels. Small files are written here."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from datasets_helpers import files, levels, write_zip

from vlae.data import prepared, zip_archive
from vlae.data.datasets import _npz, arrays, idx, strokes

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
