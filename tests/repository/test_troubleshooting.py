"""Every message that docs/troubleshooting.md quotes is one that the code can say."""

import ast
import re
from pathlib import Path

import pytest
import snakemake

from vlae.system.checkout import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
MESSAGES = [
    " ".join(block.split())
    for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)
]
SOURCES = [
    *(ROOT / "src").rglob("*.py"),
    Path(snakemake.__file__).parent / "exceptions.py",
    Path(snakemake.__file__).parent / "common" / "configfile.py",
]
PLACEHOLDER = r"""'?\b(?!YAML|SLURM)(?:[A-Z]{4,}|N|HxW|KEY|RUN|WHY)\b'?|\.\.\."""
"""What stands for names and numbers, quoted or not."""


def templates(text):
    """Every text of Python source: a line each, "\\0" for what is filled in."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            parts = [
                part.value if isinstance(part, ast.Constant) else "\0"
                for part in node.values
            ]
            yield " ".join("".join(map(str, parts)).split())
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield " ".join(node.value.split())


def said():
    for path in SOURCES:
        yield from templates(path.read_text())
    yield re.sub(r'["\'\\]|\s+', " ", (ROOT / "Makefile").read_text())


def literals(message):
    """What of a message must be in the source, word for word and in this order."""
    without_subject = re.sub(rf"^(?:{PLACEHOLDER}): ", "", message)
    parts = re.split(PLACEHOLDER, without_subject)
    return [part.strip() for part in parts if re.search(r"\w", part)]


def known(message, texts):
    parts = [re.escape(part) for part in literals(message)]
    pattern = re.compile(".*?".join(parts).replace(r"\ ", " "))
    return any(pattern.search(text) for text in texts)


@pytest.fixture(scope="module")
def texts():
    return "\n".join(said())


def test_there_are_messages():
    assert len(MESSAGES) > 35
    short = [m for m in MESSAGES if len("".join(literals(m))) < 10]
    assert not short  # too little to find out whether it is the right one


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m[:40])
def test_message_is_one_that_can_come(message, texts):
    assert known(message, texts.split("\n")), literals(message)


def test_a_changed_message_is_noticed():
    text = ["\0.network: '\0' takes images of shape \0, but data set '\0' has \0."]
    assert known("KEY.network: 'NAME' takes images of shape SHAPE, but data set", text)
    assert not known("KEY.network: 'NAME' has images of shape SHAPE, but", text)
    assert not known("KEY.net: 'NAME' takes images of shape SHAPE, but data set", text)
    assert not known("but data set 'NAME' ... takes images of shape", text)
