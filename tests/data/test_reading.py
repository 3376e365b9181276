"""A library's exception becomes a message that names the files, and stays its cause."""

import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets_helpers import files

from vlae.data.datasets import arrays
from vlae.data.datasets.base import Stored, Streamed
from vlae.data.reading import Reading
from vlae.system.errors import UserError
from vlae.system.signals import Stopped

READING = Reading("mine", [Path("raw/a.bin"), Path("raw/b.bin")])


class LibraryError(Exception):
    """Of a library that nobody foresaw."""


def images(error, after=1):
    def chunks(start, threads):
        for _ in range(after):
            yield np.zeros((2, 1, 4, 4), np.uint8)
        if error:
            raise error

    return chunks


def split(error, after=1):
    return Stored("train", pd.DataFrame({"index": range(4)}), images(error, after))


def test_an_exception_while_opening():
    with pytest.raises(UserError) as caught, READING.explained("open the data"):
        raise LibraryError("bad magic")
    assert str(caught.value).startswith(
        "datasets.mine: cannot open the data of raw/a.bin, raw/b.bin (LibraryError: "
        "bad magic)."
    )
    assert "VLAE_DEBUG=1" in str(caught.value)
    assert isinstance(caught.value.__cause__, LibraryError)


@pytest.mark.parametrize("after", [0, 2])
def test_an_exception_while_images_are_read(after):
    chunks = READING.split(split(LibraryError("x"), after)).chunks(0, 1)
    done: list[np.ndarray] = []
    with pytest.raises(UserError, match="cannot read the images 'train' of raw"):
        done += chunks
    assert len(done) == after


def test_an_exception_before_the_first_image():
    def never(start, threads):
        raise LibraryError

    broken = Stored("test", pd.DataFrame({"index": [0]}), never)
    with pytest.raises(UserError, match="cannot read the images 'test'"):
        READING.split(broken).chunks(0, 1)


def test_an_exception_of_the_table():
    streamed = Streamed("train", 2, iter(()))  # pandas has nothing to concatenate
    with pytest.raises(UserError, match=r"cannot read the table 'train'.*ValueError"):
        READING.split(streamed).table()


@pytest.mark.parametrize(
    "error",
    [
        UserError("clear already"),
        MemoryError(),
        OSError(errno.ENOMEM, "out of memory"),
        KeyboardInterrupt(),
        Stopped(15),
    ],
)
def test_what_is_clear_already_stays_as_it_is(error):
    with pytest.raises(type(error)) as caught:
        list(READING.split(split(error)).chunks(0, 1))
    assert caught.value is error


def test_a_reader_of_images_who_fails_is_not_blamed_on_the_files():
    with pytest.raises(LibraryError):
        for _ in READING.split(split(None)).chunks(0, 1):
            raise LibraryError


def test_everything_else_is_that_of_the_split():
    original = split(None)
    same = READING.split(original)
    assert (same.name, same.count, same.resumable) == ("train", 4, True)
    assert same.facts is original.facts
    pd.testing.assert_frame_equal(same.table(), original.table())


def test_a_drawing_program_has_no_files():
    drawing = Reading("mine", [])
    with (
        pytest.raises(UserError, match=r"cannot open the data \(Lib"),
        drawing.explained("open the data"),
    ):
        raise LibraryError


@pytest.mark.parametrize("where", ["splits", "chunks", "table"])
def test_no_traceback_reaches_the_user(raw, prepare, monkeypatch, where):
    def fail(*_):
        raise LibraryError("of a file that nobody foresaw")

    def splits(definition, raw):
        if where == "splits":
            fail()
        good = split(None)
        return [Stored("train", good.rows, fail)] if where == "chunks" else [Table()]

    class Table(Streamed):
        def __init__(self):
            super().__init__("train", 4, ((x, None) for x in images(None, 2)(0, 1)))

        table = fail

    monkeypatch.setattr(arrays, "splits", splits)
    own = {"module": "arrays", "shape": [1, 4, 4], "classes": 0}
    said = prepare({**own, "files": files(arrays="mine.npz")}, raw, fails=True)
    assert said.startswith("vlae prepare: datasets.mine: cannot ")
    assert f"{raw / 'mine.npz'} (LibraryError: of a file" in said
    assert not [*(raw.parent / "data").glob("[!.]*")], "nothing looks finished"
