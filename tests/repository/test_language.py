"""Phrases of translated English that slip into docstrings, comments and messages."""

import re

import pytest

from vlae.system.checkout import ROOT

PATTERNS = {
    "write 'is not a', or use a verb": (
        r"(?<![Tt]here )\b(?:is|are|was|were) no "
        r"(?!longer\b|more\b|less\b|worse\b|better\b|larger\b|smaller\b)[a-z]+"
    ),
    "write 'one line per rule'": (
        r"\ba (?:row|line|file|rule|job|module|command|column|folder|seed|run) an? "
    ),
    "write 'again'": r"\banew\b",
    "say whose it is": r"\bone['’]s own\b",
    "write 'because there is none'": r"\bfor want of\b",
    "give the number": r"\bso many\b",
    "do not begin a sentence with 'Of'": r'(?:"""|# |: |[.] |^\s*)Of ',
    "begin with a verb or a noun": r'"""(?:As of|The same) ',
    "write 'reported' or 'shown'": r"\b(?:is|are) told\b",
}
"""What to write instead, and what is looked for."""
PLACES = ("src", "workflow", "Snakefile")
ENDINGS = {".py", ".smk", ".yaml", ""}


def found(text):
    """Lines of a text that hold one of the patterns, each with the advice."""
    return [
        f"{number}: {line.strip()} ({advice})"
        for number, line in enumerate(text.splitlines(), 1)
        for advice, pattern in PATTERNS.items()
        if re.search(pattern, line)
    ]


def files():
    paths = [ROOT / name for name in PLACES]
    every = [path for top in paths for path in (top, *top.rglob("*")) if path.is_file()]
    return [path for path in every if path.suffix in ENDINGS]


def test_files_are_found():
    names = {path.name for path in files()}
    assert {"Snakefile", "__main__.py", "common.smk", "run.schema.yaml"} <= names


def test_text_is_plain_english():
    lines = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files()
        for line in found(path.read_text(encoding="utf-8"))
    ]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize(
    "line",
    [
        '    """Of a run: its spec."""',
        "# Of all models, the last.",
        "It ends there. Of these, two are kept.",
        "the table has a row a run",
        "this is no mapping",
        "values are drawn anew",
        "data sets of one's own",
        "for want of a better name",
        "so many draws",
        '    """As of `train`."""',
        "how often is told in the log",
    ],
)
def test_phrases_are_found(line):
    assert found(line)


@pytest.mark.parametrize(
    "line",
    [
        "one row per run",
        "Offline, nothing is fetched.",
        "there is no such file",
        "the gap is no larger than that",
        "a line at a time",
        "Return the number of images.",
    ],
)
def test_plain_lines_pass(line):
    assert not found(line)
