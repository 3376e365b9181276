"""Preparing splits of both kinds, and what a classifier learns from their tables."""

import numpy as np
import pandas as pd
import pytest
from datasets_helpers import levels

from vlae.config.run_spec import DataFacts
from vlae.data import npy_writer, prepared
from vlae.data.datasets.base import Split, Stored, Streamed
from vlae.system.errors import UserError
from vlae.system.files import sha256

SHAPE = (1, 5, 4)
COUNT = 10
CARD = {"name": "mine", "shape": list(SHAPE), "classes": 3}


class Interrupted(Exception):
    pass


def images():
    return levels(COUNT, *SHAPE)


def rows():
    return pd.DataFrame({"label": np.arange(COUNT) % 3, "round": np.arange(COUNT) % 2})


def chunks(start=0, stop=COUNT, size=3):
    """Images from `start` on; an interruption if `stop` comes before their end."""
    for low in range(start, COUNT, size):
        if low >= stop:
            raise Interrupted
        yield images()[low : low + size]


def stored(name="train", stop=COUNT, **facts):
    return Stored(name, rows(), lambda start, threads: chunks(start, stop), facts)


def streamed(name="train", stop=COUNT, **facts):
    def source():
        done = 0
        for part in chunks(stop=stop):
            table = rows()[done : done + len(part)].reset_index(drop=True)
            done += len(part)
            yield part, table

    return Streamed(name, COUNT, source(), facts)


def write(folder, splits, card=CARD, key="k"):
    said: list[tuple[str, int, int]] = []
    written = prepared.write(folder, splits, card, lambda *call: said.append(call), key)
    return written, said


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_both_kinds_are_prepared_to_the_same_bytes(tmp_path):
    kinds: dict[str, list[Split]] = {
        "stored": [stored(), stored("test", note="x")],
        "streamed": [streamed(), streamed("test", note="x")],
    }
    for name, splits in kinds.items():
        card, _ = write(tmp_path / name, splits)
        assert card["classes"] == 3
        assert card["counts"] == {"train": COUNT, "test": COUNT}
        assert card["note"] == "x"
    assert content(tmp_path / "stored") == content(tmp_path / "streamed")
    data = prepared.load(tmp_path / "stored")
    for split in ("train", "test"):
        np.testing.assert_array_equal(data.images(split), images())
        pd.testing.assert_frame_equal(data.table(split), rows())
    for name, checksum in data.card["sha256"].items():
        assert sha256(data.folder / name) == checksum


def test_progress_starts_at_nothing(tmp_path):
    _, said = write(tmp_path, [streamed(), stored("test")])
    for split in ("train", "test"):
        done = [count for name, count, _ in said if name == split]
        assert done == [0, 3, 6, 9, 10]
    assert {total for *_, total in said} == {COUNT}


def test_stored_images_continue_and_streamed_ones_start_again(tmp_path, monkeypatch):
    monkeypatch.setattr(npy_writer, "SAVE_BYTES", 1)
    for make, done in ((stored, 6), (streamed, 0)):
        folder = tmp_path / make.__name__
        with pytest.raises(Interrupted):
            write(folder, [make(stop=6), make("test")])
        assert not [*folder.glob("[!.]*")], "no file has its name yet"
        _, said = write(folder, [make(), make("test")])
        assert said[0] == ("train", done, COUNT)
        np.testing.assert_array_equal(prepared.load(folder).images("train"), images())


def test_stored_images_start_again_with_another_key(tmp_path, monkeypatch):
    monkeypatch.setattr(npy_writer, "SAVE_BYTES", 1)
    with pytest.raises(Interrupted):
        write(tmp_path, [stored(stop=6)])
    _, said = write(tmp_path, [stored()], key="other")
    assert said[0] == ("train", 0, COUNT)


def test_a_streamed_split_cannot_start_later():
    with pytest.raises(ValueError, match="starts at image 0, not at 3"):
        streamed().chunks(3, 1)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"attributes": ["rund"]},
            "mine.attributes: the data have no column 'rund'; kno",
        ),
        (
            {"attributes": ["label"]},
            "'label' has values other than 0 and 1 in the split",
        ),
    ],
)
@pytest.mark.parametrize("kind", [stored, streamed])
def test_attributes_that_the_table_does_not_have(tmp_path, kind, changes, expected):
    with pytest.raises(UserError, match=expected):
        write(tmp_path, [kind(), kind("test")], {**CARD, **changes})
    assert not (tmp_path / prepared.CARD).exists()


def test_mistakes_in_a_known_table_are_found_before_any_image_is_read(tmp_path):
    def never(start, threads):
        pytest.fail("hours of decoding would have come before the message")

    without = rows().drop(columns="label")
    splits = [Stored("train", rows(), never), Stored("test", without, never)]
    expected = r"datasets\.mine\.classes: 3, but the split 'test' has no labels"
    with pytest.raises(UserError, match=expected):
        write(tmp_path, splits)


@pytest.mark.parametrize("kind", [stored, streamed])
def test_labels_beyond_the_classes_leave_nothing_that_looks_finished(tmp_path, kind):
    with pytest.raises(UserError) as caught:
        write(tmp_path, [kind(), kind("test")], {**CARD, "classes": 2})
    assert (
        "datasets.mine.classes: 2, but the split 'train' has the labels 0, 1, 2;"
        in (str(caught.value))
    )
    assert not [*tmp_path.glob("[!.]*")]


def test_classes_without_images(tmp_path):
    card, _ = write(tmp_path, [stored(), stored("test")], {**CARD, "classes": 5})
    assert card["classes"] == 5
    assert card["empty_classes"] == [3, 4]
    assert "empty_classes" not in write(tmp_path, [stored(), stored("test")])[0]


def test_a_table_that_cannot_be_written(tmp_path):
    mixed = rows().assign(note=["a", 1] * 5)
    split = Stored("train", mixed, lambda start, threads: chunks(start))
    with pytest.raises(UserError, match=r"train\.parquet: the table .* cannot be writ"):
        write(tmp_path, [split])
    assert not [*tmp_path.glob("[!.]*")]


def test_images_of_another_shape_or_number(tmp_path):
    with pytest.raises(
        UserError, match=r"split 'train': images of shape \(1, 5, 4\), "
    ):
        write(tmp_path, [stored()], {**CARD, "shape": [1, 4, 5]})
    more = Streamed("train", COUNT + 1, streamed().source)
    with pytest.raises(UserError, match="split 'train': 10 images, expected 11"):
        write(tmp_path, [more])
    fewer = Streamed("train", COUNT - 1, streamed().source)
    with pytest.raises(UserError, match="more than 9 images"):
        write(tmp_path, [fewer])


# What a classifier learns


@pytest.mark.parametrize(
    ("classes", "attributes", "columns", "expected"),
    [
        (3, (), ["label"], [0, 1, 2, 0]),
        (3, ("round",), ["label"], [0, 1, 2, 0]),
        (0, ("round", "label"), ["round", "label"], [[0, 0], [1, 1], [0, 2], [1, 0]]),
        (0, (), [], [0, 0, 0, 0]),
    ],
)
def test_targets_of_data_facts(classes, attributes, columns, expected):
    facts = DataFacts(shape=SHAPE, classes=classes, attributes=attributes)
    assert prepared.taught(facts) == columns
    found = prepared.targets(rows()[:4], facts)
    assert found.dtype == np.int64
    assert found.tolist() == expected
