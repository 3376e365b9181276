"""Text is read and written as UTF-8, whatever the locale of the machine."""

import ast

import pytest

from vlae.system.checkout import ROOT

BINARY = ("gzip.open", "os.open", "Image.open", "archive.open", "webbrowser.open")
"""Calls that open something other than text."""


def unspecified(text):
    """Lines of Python source that read or write text without an encoding."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        name = called.split(".")[-1]
        constants = [n for a in node.args for n in ast.walk(a)]
        modes = [str(n.value) for n in constants if isinstance(n, ast.Constant)]
        binary = any("b" in mode for mode in modes)
        text_mode = name == "open" and called not in BINARY and not binary
        encodings = [k for k in node.keywords if k.arg == "encoding"]
        if (text_mode or name in ("read_text", "write_text")) and not encodings:
            yield node.lineno


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path.read_text()", [1]),
        ("\npath.write_text(text)", [2]),
        ("path.open()", [1]),
        ("open('a')", [1]),
        ("path.open('w')", [1]),
        ("path.read_text(encoding='utf-8')", []),
        ("path.open('a+', encoding='utf-8')", []),
        ("path.open('rb')", []),
        ("path.open('wb' if new else 'ab')", []),
        ("gzip.open(path)", []),
    ],
)
def test_what_is_found(text, expected):
    assert [*unspecified(text)] == expected


def test_every_text_file_has_an_encoding():
    paths = [p for top in ("src", "workflow") for p in (ROOT / top).rglob("*.py")]
    assert len(paths) > 100
    lines = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in paths
        for line in unspecified(path.read_text(encoding="utf-8"))
    ]
    assert not lines
