"""Words of the command line that are not of the locale do not end a run."""

import os
import subprocess
import sys

import pytest

from vlae.config.paths import ResultsFolder
from vlae.system.checkout import ROOT
from vlae.system.words import readable

PROGRAM = "import sys; from vlae.system.words import readable; " + (
    "sys.stdout.buffer.write(readable(sys.argv[1]).encode())"
)


@pytest.mark.parametrize(
    "value", ["größe — 数", 3, None, {"a": ["ü", {"b": 1.5}]}, ResultsFolder, [True]]
)
def test_what_can_be_written_stays_as_it_is(value):
    assert readable(value) == value


def test_what_cannot_be_written_is_found_in_maps_and_lists():
    word = os.fsdecode(b"gr\xf6sse")
    assert readable({word: [word, 1]}) == {"gr?sse": ["gr?sse", 1]}


@pytest.mark.parametrize(
    ("word", "expected"),
    [("größe".encode(), "größe".encode()), (b"gr\xf6sse", b"gr?sse"), (b"a", b"a")],
)
def test_where_the_locale_is_ascii(word, expected):
    ascii_only = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, word],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **ascii_only},
        capture_output=True,
        check=True,
    )
    assert finished.stdout == expected
