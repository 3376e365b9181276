"""Text is read and written as UTF-8, whatever the locale of the machine.

Ruff's rule for it (PLW1514) knows only paths whose type it can infer, and no processes.
The tables of pandas are UTF-8 unless an encoding is given.
"""

import ast

import pytest

from vlae.system.checkout import ROOT

PROCESSES = ("run", "Popen", "check_output", "check_call", "call")
COMPRESSED = ("gzip.open", "lzma.open", "bz2.open")
"""Calls that give bytes unless the mode has a 't'."""
TEMPORARY = ("NamedTemporaryFile", "TemporaryFile")
"""Functions that give bytes unless a mode is given."""
OTHERS = ("os.open", "Image.open", "archive.open", "webbrowser.open")
"""Calls that open something other than text."""


def unspecified(text):
    """Lines of Python source that read or write text without an encoding."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and _is_text(node):
            words = {k.arg for k in node.keywords}
            if "encoding" not in words:
                yield node.lineno


def _is_text(call):
    """Whether a call reads or writes text, by its name and its mode."""
    called = ast.unparse(call.func)
    name = called.split(".")[-1]
    if name in PROCESSES:
        return bool({"text", "universal_newlines"} & {k.arg for k in call.keywords})
    if called in OTHERS or name not in ("open", "fdopen", *TEMPORARY):
        return name in ("read_text", "write_text")
    given = [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
    constants = [n for value in given for n in ast.walk(value)]
    modes = [str(n.value) for n in constants if isinstance(n, ast.Constant)]
    if called in COMPRESSED:
        return any("t" in mode for mode in modes)
    binary = any("b" in mode for mode in modes)
    return not binary and (name not in TEMPORARY or bool(modes))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path.read_text()", [1]),
        ("\npath.write_text(text)", [2]),
        ("path.write_text(text, errors='replace')", [1]),
        ("path.open()", [1]),
        ("open('a')", [1]),
        ("path.open('w')", [1]),
        ("path.open(mode='w')", [1]),
        ("path.read_text(encoding='utf-8')", []),
        ("path.open('a+', encoding='utf-8')", []),
        ("path.open('rb')", []),
        ("path.open(mode='rb')", []),
        ("path.open('wb' if new else 'ab')", []),
        ("gzip.open(path)", []),
        ("gzip.open(path, 'rt')", [1]),
        ("lzma.open(path, 'rb')", []),
        ("os.fdopen(handle, 'w')", [1]),
        ("tempfile.NamedTemporaryFile()", []),
        ("tempfile.NamedTemporaryFile('w')", [1]),
        ("subprocess.run(words, text=True)", [1]),
        ("subprocess.Popen(words, universal_newlines=True)", [1]),
        ("subprocess.check_output(words)", []),
        ("subprocess.run(words, text=True, encoding='utf-8')", []),
    ],
)
def test_what_is_found(text, expected):
    assert [*unspecified(text)] == expected


def test_every_text_has_an_encoding():
    tops = ("src", "workflow")
    paths = [p for top in tops for p in (ROOT / top).rglob("*.py")]
    assert len(paths) > 100
    lines = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in paths
        for line in unspecified(path.read_text(encoding="utf-8"))
    ]
    assert not lines


def test_rules_open_no_files():
    """They are not Python that can be searched; what they need is in the package."""
    opening = ("open(", ".read_text(", ".write_text(", "text=True")
    for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]:
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in opening), path
