"""What a training writes for those who watch it is read back, whole or broken."""

import json
import math

import pytest

from vlae.system.live_files import LiveFiles


def rows(step, elbo=-1.5):
    return [
        {"step": step, "split": split, "term": term, "value": value}
        for split in ("train", "held-out")
        for term, value in (("elbo", elbo), ("kl_1", 0.25))
    ]


@pytest.fixture
def files(tmp_path):
    return LiveFiles(tmp_path)


def test_what_is_written_is_read(files):
    files.write_history([*rows(0), *rows(5)])
    files.append(rows(10, 1 / 3))
    assert files.read_history() == [*rows(0), *rows(5), *rows(10, 1 / 3)]
    lines = files.history.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == {
        "step": 0,
        "train": {"elbo": -1.5, "kl_1": 0.25},
        "held-out": {"elbo": -1.5, "kl_1": 0.25},
    }
    assert len(lines) == 3


def test_an_empty_history_is_an_empty_file(files):
    files.write_history([])
    files.append([])
    assert files.read_history() == [] and files.history.read_bytes() == b""


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_valid_json_and_read_as_nan(value, files):
    files.write_history(rows(0, value))
    (line,) = files.history.read_text(encoding="utf-8").splitlines()
    assert json.loads(line, parse_constant=pytest.fail)["train"]["elbo"] is None
    assert math.isnan(files.read_history()[0]["value"])


@pytest.mark.parametrize(
    "end",
    [
        b'{"step": 5, "train": {"elbo": -1',
        b'{"step": 5, "train": {"elbo": -1.0}}',  # its line break is still to come
        b"\x00\x00\x00\n",
        b"[]\n",
        b'{"train": {}}\n',
        b'{"step": 5, "train": 3}\n',
        b'{"step": 5, "train": {"elbo": "x"}}\n',
        b"\xff\xfe\n",
    ],
)
def test_reading_ends_before_the_first_line_that_is_not_whole(end, files):
    files.write_history(rows(0))
    with files.history.open("ab") as file:
        file.write(end)
    assert files.read_history() == rows(0)


def test_where_nothing_is_nothing_is_read(files):
    assert files.read_history() == []
    assert files.read_progress() is None
    assert files.seen() is None


PROGRESS = {"name": "a/b/1", "step": 3, "steps": 9, "rate": None, "state": "training"}


def test_progress_is_read(files):
    files.write_progress(PROGRESS)
    assert files.read_progress() == PROGRESS


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", json.dumps({**PROGRESS, "step": "3"})]
    + [
        json.dumps({k: v for k, v in PROGRESS.items() if k != key}) for key in ("name",)
    ],
)
def test_broken_progress_is_not_read(content, files):
    files.progress.write_text(content, encoding="utf-8")
    assert files.read_progress() is None
