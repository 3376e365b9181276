"""Anybody's arrays: which are read, what they become, what is refused."""

import tracemalloc

import numpy as np
import pytest
from datasets_helpers import ARRAYS, GREY, LABELS, array_pairs, files, levels, write_zip
from PIL import Image

from vlae.data.datasets import _image_array, _mapped, arrays


def by_index(data, what="images"):
    """Images or labels of both splits, in the order of the file."""
    tables = [data.table(split) for split in ("train", "test")]
    order = np.argsort(np.concatenate([table["index"] for table in tables]))
    if what == "images":
        found = [data.images(split) for split in ("train", "test")]
    else:
        found = [table[what] for table in tables]
    return np.concatenate(found)[order]


# Where the images lie


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("last", [False, True])
def test_arrays_known_answers(raw, prepare, monkeypatch, last, order):
    monkeypatch.setattr(_mapped, "CHUNK_BYTES", 4 * 60)
    train, test = levels(6, 3, 4, 5), levels(4, 3, 4, 5)
    stored = [
        np.array(a.transpose(0, 2, 3, 1) if last else a, order=order)
        for a in (train, test)
    ]
    np.savez_compressed(raw / "mine.npz", **array_pairs(*stored))
    data = prepare(ARRAYS, raw)
    np.testing.assert_array_equal(data.images("train"), train)
    np.testing.assert_array_equal(data.images("test"), test)
    assert data.table("train")["label"].tolist() == LABELS.tolist()
    assert data.table("test")["label"].tolist() == LABELS[:4].tolist()
    assert data.table("test")["index"].tolist() == [0, 1, 2, 3]
    assert data.card["preprocessing"] == "none; splits as they come"
    assert data.card["levels"] == (
        f"uint8 from {min(train.min(), test.min())} to {max(train.max(), test.max())}, "
        "taken as levels from 0 to 255"
    )


@pytest.mark.parametrize("done", [1, 4, 17])
def test_arrays_continue_where_they_were_interrupted(raw, monkeypatch, done):
    monkeypatch.setattr(_mapped, "CHUNK_BYTES", 4 * 60)
    np.savez(raw / "mine.npz", images=levels(20, 3, 4, 5))
    own = {"classes": 0, "test": 2, "seed": 0}
    train = arrays.splits({**ARRAYS, **own}, raw)[0]
    whole, rest = (np.concatenate([*train.chunks(i, 1)]) for i in (0, done))
    np.testing.assert_array_equal(whole, levels(20, 3, 4, 5)[train.table()["index"]])
    np.testing.assert_array_equal(rest, whole[done:])


@pytest.mark.parametrize("order", ["C", "F"])
def test_one_file_of_images(raw, prepare, order):
    grey = levels(9, 4, 5)
    np.save(raw / "mine.npy", np.array(grey, order=order))
    data = prepare({**GREY, "files": files(arrays="mine.npy")}, raw)
    assert data.card["counts"] == {"train": 7, "test": 2}
    np.testing.assert_array_equal(by_index(data)[:, 0], grey)
    said = prepare({**ARRAYS, **GREY, "classes": 2}, raw, fails=True)
    assert "mine.npz" in said  # no such file


def test_one_file_of_images_has_no_labels(raw, prepare):
    with (raw / "mine.npz").open("wb") as file:
        np.save(file, levels(9, 4, 5))
    said = prepare({**GREY, "classes": 2}, raw, fails=True)
    assert "classes: 2, but the split 'train' has no labels" in said


@pytest.mark.parametrize("kind", ["grey", "row", "one channel", "last channel"])
def test_ways_to_store_grey_images(raw, prepare, kind):
    grey = levels(9, 4, 5)
    shape = {"row": (20,), "one channel": (1, 4, 5), "last channel": (4, 5, 1)}
    np.savez(raw / "mine.npz", images=grey.reshape(9, *shape.get(kind, (4, 5))))
    np.testing.assert_array_equal(by_index(prepare(GREY, raw))[:, 0], grey)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [((0, 1, 3, 2), [3, 4, 5]), ((0, 3, 2, 1), [3, 4, 5]), ((0, 2, 1), [1, 4, 5])],
)
def test_rows_and_columns_that_are_swapped(raw, prepare, axes, shape):
    upright = levels(9, *(shape if len(axes) == 4 else shape[1:]))
    np.savez(raw / "mine.npz", images=upright.transpose(axes))
    own = {**GREY, "shape": shape}
    data = prepare({**own, "transposed": True}, raw)
    np.testing.assert_array_equal(by_index(data).reshape(upright.shape), upright)
    assert data.card["preprocessing"].startswith("rows and columns swapped; test: 2")
    assert "Set transposed: true if rows" in prepare(own, raw, fails=True)


def test_swapped_rows_of_numbers(raw, prepare):
    upright = levels(9, 4, 5)
    np.savez(raw / "mine.npz", images=upright.transpose(0, 2, 1).reshape(9, 20))
    data = prepare({**GREY, "transposed": True}, raw)
    np.testing.assert_array_equal(by_index(data)[:, 0], upright)


def test_channels_come_first_if_both_fit(raw, prepare):
    images = levels(9, 3, 4, 3)
    np.savez(raw / "mine.npz", images=images)
    data = prepare({**GREY, "shape": [3, 4, 3]}, raw)
    np.testing.assert_array_equal(by_index(data), images)


# Other sizes


def test_images_of_another_size_are_resized_on_purpose(raw, prepare):
    """A 6x8 image becomes 4x4: its centre 6x6, of which blocks are averaged."""
    image = np.zeros((6, 8), np.uint8)
    image[:, 1:4] = 200  # the left half of the centre part
    np.savez(raw / "mine.npz", images=np.repeat(image[None], 9, axis=0))
    own = {**GREY, "shape": [1, 2, 2]}
    data = prepare({**own, "resize": True}, raw)
    found = by_index(data)
    assert found.shape == (9, 1, 2, 2)
    left, right = found[0, 0, 0].tolist()
    assert left > 160 and right < 40
    assert (found == found[0, 0, 0]).all()
    assert (
        "largest centre part of the proportions 2:2, resized to 2x2 px"
        in (data.card["preprocessing"])
    )
    said = prepare(own, raw, fails=True)
    assert "has shape (9, 6, 8), but the data set's 'shape'" in said
    assert "grey, 8x6 px. Set shape: [1, 6, 8], with a network for it; or set" in said
    assert "resize: true" in said


def test_resized_as_the_module_images_does(raw, prepare, monkeypatch):
    """The same pictures as PNG files and as arrays become the same bytes."""
    monkeypatch.setattr(_mapped, "CHUNK_BYTES", 3 * 9 * 13 * 3)
    pictures = levels(8, 9, 13, 3)
    (raw / "png").mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(raw / "png" / f"{number}.png")
    write_zip(
        raw / "mine.zip", {p.name: p.read_bytes() for p in (raw / "png").iterdir()}
    )
    np.savez(raw / "mine.npz", images=pictures)
    for shape in ([3, 4, 5], [1, 4, 5], [1, 9, 13]):
        own = {**GREY, "shape": shape}
        zipped = {"module": "images", "crop": None, "files": files(images="mine.zip")}
        expected = prepare({**own, **zipped}, raw).images("train").copy()
        found = prepare({**own, "resize": True}, raw).images("train")
        np.testing.assert_array_equal(found, expected)


def test_grey_images_in_colour(raw, prepare):
    grey = levels(9, 4, 5)
    np.savez(raw / "mine.npz", images=grey)
    data = prepare({**GREY, "shape": [3, 4, 5], "resize": True}, raw)
    np.testing.assert_array_equal(by_index(data), np.repeat(grey[:, None], 3, axis=1))


@pytest.mark.parametrize("resize", [False, True])
@pytest.mark.parametrize("channels", [2, 4])
def test_other_numbers_of_channels(raw, prepare, channels, resize):
    np.savez(raw / "mine.npz", images=levels(9, 4, 5, channels))
    own = {**GREY, "shape": [3, 4, 5], "resize": resize}
    said = prepare(own, raw, fails=True)
    assert f"has shape (9, 4, 5, {channels}), but" in said
    assert "images[..., :3] without transparency" in said
    said = prepare({**own, "shape": [channels, 4, 5]}, raw, fails=True)
    assert f"has {channels} channels; expected 1 (grey) or 3 (colour)" in said


# Levels


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", ">f4"])
def test_numbers_from_0_to_1(raw, prepare, kind):
    grey = levels(20, 4, 5)
    grey[0, 0, :2] = 0, 255
    np.savez(raw / "mine.npz", X=(grey / 255).astype(kind))
    data = prepare({**GREY, "arrays": {"images": "X"}}, raw)
    assert np.abs(by_index(data)[:, 0] - grey.astype(int)).max() == 0
    name = np.dtype(kind).newbyteorder("=")
    assert data.card["levels"].startswith(f"{name} from 0 to 1, scaled so that")
    assert data.card["preprocessing"].startswith("levels scaled; ")


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_sprites_of_zeros_and_ones(raw, prepare, kind):
    """As in dSprites, with arrays beside them that mean nothing here."""
    sprites = levels(20, 4, 5) > 127
    np.savez(
        raw / "mine.npz",
        imgs=sprites.astype(kind),
        latents_values=np.ones((20, 6)),
        metadata=np.array({"a": 1}),
    )
    data = prepare({**GREY, "arrays": {"images": "imgs"}}, raw)
    np.testing.assert_array_equal(by_index(data)[:, 0], sprites * np.uint8(255))
    left = "arrays left alone: latents_values, metadata"
    assert data.card["preprocessing"].endswith(left)


def test_a_bright_image_at_the_end_decides(raw, prepare, monkeypatch):
    monkeypatch.setattr(_mapped, "CHUNK_BYTES", 20)
    grey = np.ones((9, 4, 5), np.uint8)
    grey[8, 3, 4] = 255
    np.savez(raw / "mine.npz", images=grey)
    np.testing.assert_array_equal(by_index(prepare(GREY, raw))[:, 0], grey)


def test_a_dark_split_stays_dark(raw, prepare):
    train, test = levels(6, 3, 4, 5), levels(4, 3, 4, 5) // 255
    np.savez(raw / "mine.npz", **array_pairs(train, test))
    np.testing.assert_array_equal(prepare(ARRAYS, raw).images("test"), test)


def test_splits_of_two_types(raw, prepare):
    train, test = levels(6, 3, 4, 5), levels(4, 3, 4, 5)
    test[0, 0, 0, 0] = 255
    np.savez(raw / "mine.npz", **array_pairs(train, test / 255))
    data = prepare(ARRAYS, raw)
    np.testing.assert_array_equal(data.images("test"), test)
    assert "train: uint8 from" in data.card["levels"]
    assert "; test: float64 from" in data.card["levels"]


def test_stated_levels(raw, prepare):
    grey = np.arange(180).reshape(9, 4, 5) % 17  # 0 to 16, as scikit-learn's digits
    np.savez(raw / "mine.npz", images=grey)
    said = prepare(GREY, raw, fails=True)
    assert "'images': int64 from 0 to 16, which can mean several things" in said
    assert "datasets.mine.levels: [0, 16]" in said
    data = prepare({**GREY, "levels": [0, 16]}, raw)
    np.testing.assert_array_equal(by_index(data)[:, 0], np.rint(grey / 16 * 255))


# Labels


QMNIST = [[c, 4, 8, 9, 30 + c, 7, 0, 0] for c in [2, 0, 1] * 3]


@pytest.mark.parametrize(
    ("labels", "change", "expected", "names"),
    [
        ([0, 1, 2] * 3, {}, [0, 1, 2] * 3, None),
        ([7, 5, 6] * 3, {}, [2, 0, 1] * 3, ["5", "6", "7"]),
        ([[1.0], [2.0], [3.0]] * 3, {}, [0, 1, 2] * 3, ["1", "2", "3"]),
        (["b", "c", "NA"] * 3, {}, [1, 2, 0] * 3, ["NA", "b", "c"]),
        ([b"b", b"c", "ä".encode()] * 3, {}, [0, 1, 2] * 3, ["b", "c", "ä"]),
        (np.eye(3)[[2, 0, 1] * 3], {}, [2, 0, 1] * 3, None),
        (np.eye(3, dtype=bool)[[2, 0, 1] * 3], {}, [2, 0, 1] * 3, None),
        ([[5, 2], [6, 0], [7, 1]] * 3, {"label_column": 1}, [2, 0, 1] * 3, None),
        (
            [[c, 4, 8, 9, 30 + c, 7, 0, 0] for c in (0, 2, 1)] * 3,
            {},
            [0, 2, 1] * 3,
            None,
        ),
    ],
)
def test_labels_as_they_are(raw, prepare, labels, change, expected, names):
    np.savez(raw / "mine.npz", images=levels(9, 4, 5), labels=np.array(labels))
    data = prepare({**GREY, "classes": 3, **change}, raw)
    assert by_index(data, "label").tolist() == expected
    assert data.card.get("class_names") == names
    assert "empty_classes" not in data.card


def test_a_label_that_is_only_in_test_shifts_no_other(raw, prepare):
    content = array_pairs(levels(6, 3, 4, 5), levels(4, 3, 4, 5))
    content |= {"train_labels": np.array([3, 9] * 3), "test_labels": [9, 5, 3, 3]}
    np.savez(raw / "mine.npz", **content)
    data = prepare({**ARRAYS, "classes": 3}, raw)
    assert data.table("train")["label"].tolist() == [0, 2] * 3
    assert data.table("test")["label"].tolist() == [2, 1, 0, 0]
    assert data.card["class_names"] == ["3", "5", "9"]


def test_classes_without_images_are_named(raw, prepare, capsys):
    labels = np.array([0, 3, 1] * 3)
    np.savez(raw / "mine.npz", images=levels(9, 4, 5), labels=labels)
    data = prepare({**GREY, "classes": 5}, raw)
    assert data.card["classes"] == 5
    assert data.card["empty_classes"] == [2, 4]
    assert by_index(data, "label").tolist() == labels.tolist()


def test_labels_are_left_alone_without_classes(raw, prepare):
    broken = np.array([{}] * 9)
    np.savez(raw / "mine.npz", images=levels(9, 4, 5), labels=broken)
    data = prepare(GREY, raw)
    assert data.table("train").columns.tolist() == ["index"]
    assert "arrays left alone: labels" in data.card["preprocessing"]


@pytest.mark.parametrize("held", [1, 7 * 12, 1 << 26])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_held_out_images_of_sorted_arrays_are_of_all_classes(
    raw, prepare, monkeypatch, save, held
):
    """Pictures show the first of them."""
    monkeypatch.setattr(_mapped, "CHUNK_BYTES", 4 * 60)
    monkeypatch.setattr(_image_array, "HELD_BYTES", held)
    labels = np.repeat([0, 1], 50)
    images = np.zeros((100, 1, 3, 4), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(100), 255
    save(raw / "mine.npz", images=images, labels=labels)
    own = {"shape": [1, 3, 4], "classes": 2, "test": 20, "seed": 0}
    data = prepare({**ARRAYS, **own}, raw)
    table = data.table("test")
    assert {*table["label"][:6]} == {0, 1}
    assert table["index"].tolist() != sorted(table["index"])
    assert data.images("test")[:, 0, 0, 0].tolist() == table["index"].tolist()


def test_arrays_are_never_in_memory_as_a_whole(raw, monkeypatch):
    monkeypatch.setattr(_mapped, "CHUNK_BYTES", 1 << 18)
    monkeypatch.setattr(_image_array, "HELD_BYTES", 1 << 18)
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
