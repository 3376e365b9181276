"""No number that was rounded to zero is shown as "-0.0".

Python's format option `z` drops its sign. It is asked for wherever rooms that show what
was measured write a number with a count of digits.
"""

import ast
import re

import pytest

from vlae.system.checkout import ROOT

ROOMS = ("training", "experiments", "results", "claims", "figures", "report")
UNSIGNED = {
    "{t:,.0f}",  # steps
    "{facts['parameters'] / 1000000.0:.2f}",
    "{facts['seconds']:.0f}",
    "{tested / 20:.0f}",
}
"""Numbers that are never below zero."""


def unguarded(source):
    """Return the numbers in a module's texts that could be shown as -0.0."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue) and node.format_spec:
            spec = ast.unparse(node.format_spec)[2:-1]
            if re.search(r"\.[^%]*[fgeFGE]$", spec) and "z" not in spec:
                found.append(f"{{{ast.unparse(node.value)}:{spec}}}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += re.findall(r"\{\w*:[^z{}]*\.\d+[fge]\}", node.value)
    return found


def test_numbers_are_written_without_the_sign_of_zero():
    paths = [p for room in ROOMS for p in (ROOT / "src/vlae" / room).rglob("*.py")]
    assert len(paths) > 50
    found = {
        text: path.name
        for path in paths
        for text in unguarded(path.read_text(encoding="utf-8"))
    }
    assert {text: found[text] for text in found if text not in UNSIGNED} == {}
    assert found.keys() >= UNSIGNED


@pytest.mark.parametrize(
    "source",
    ['f"{x:.1f}"', 'f"{x:,.0f}"', 'f"{x:.{n}f}"', 'f"{x:#.4g}"', '"{:.2g}".format'],
)
def test_what_could_be_a_negative_zero_is_found(source):
    assert unguarded(source)


@pytest.mark.parametrize(
    "source",
    [
        'f"{x:z.1f}"',
        'f"{x:z,.0f}"',
        'f"{x:z.{n}f}"',
        'f"{x:z#.4g}"',
        'f"{x:g}"',
        '"a.f"',
    ],
)
def test_what_cannot_is_not(source):
    assert not unguarded(source)


def test_what_the_option_does():
    assert f"{-0.04:.1f}" == "-0.0" and f"{-0.04:z.1f}" == "0.0"
    assert f"{-0.0:#.4g}" == "-0.000" and f"{-0.0:z#.4g}" == "0.000"
    assert f"{-0.06:z.1f}" == "-0.1"
