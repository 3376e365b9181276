"""The end of the pipeline in locales that are not UTF-8 writes the same bytes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from claims_helpers import FRESH, SHIPPED, row, write_run
from explorer_helpers import explorer_spec, export, lively
from helpers import ROOT, spec
from report_helpers import write_report

from vlae.config.paths import ResultsFolder
from vlae.system.files import write_json

LABEL = "Größe — Łódź 数"
"""A name of which ISO-8859-1 has a part, and ASCII almost nothing."""
UTF8 = {"PYTHONUTF8": "1"}
ASCII = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}


@pytest.fixture(scope="module")
def latin1(tmp_path_factory):
    """A real locale in ISO-8859-1, as environment variables."""
    if not shutil.which("localedef"):
        pytest.skip("no localedef: apt-get install locales")
    folder = tmp_path_factory.mktemp("locales")
    made = folder / "de_DE.ISO-8859-1"
    words = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(made)]
    finished = subprocess.run(words, capture_output=True, text=True)
    if not made.is_dir():
        pytest.skip(f"localedef makes no locale: {finished.stderr}")
    place = {"LOCPATH": str(folder), "LC_ALL": made.name, "PYTHONUTF8": "0"}
    printed = python(place, "import locale; print(locale.getpreferredencoding())")
    assert printed == b"ISO-8859-1\n"
    return place


@pytest.fixture(params=[pytest.param("ISO-8859-1", marks=pytest.mark.slow), "ASCII"])
def place(request):
    return ASCII if request.param == "ASCII" else request.getfixturevalue("latin1")


def environment(place: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **place}


def python(place: dict[str, str], *words: str | Path, folder: Path = ROOT) -> bytes:
    """Return what a process prints; `words` are a program, or those of `vlae`."""
    called = [sys.executable, "-m", "vlae", *(os.fspath(word) for word in words)]
    if len(words) == 1:
        called = [sys.executable, "-c", str(words[0])]
    finished = subprocess.run(
        called, cwd=folder, env=environment(place), capture_output=True
    )
    assert finished.returncode == 0, finished.stderr.decode(errors="replace")
    return finished.stdout


def renamed(path: Path) -> None:
    """Give the runs of a spec the label, and the spec a title."""

    def changed(value):
        if isinstance(value, list):
            return [changed(v) for v in value]
        if isinstance(value, dict):
            about = {
                k: LABEL for k in ("label", "title", "dataset_title") if k in value
            }
            return {k: changed(v) for k, v in value.items()} | about
        return value

    write_json(path, changed(json.loads(path.read_text(encoding="utf-8"))))


def report(folder: Path) -> None:
    write_report(folder)
    for name in ("report.spec.json", "data/strokes/card.json"):
        renamed(folder / name)
    (folder / "report.html").unlink()


def figure(folder: Path) -> None:
    write_report(folder)
    rows = json.loads((folder / "report.spec.json").read_text())["runs"]
    path = ResultsFolder(folder).figure("figure3").spec
    write_json(path, {"figure": "figure3", "rows": rows})
    renamed(path)


def claim(folder: Path) -> None:
    effects = {"class": [0.1, 0.2, 0.9], "pixels": [0.1, 0.15, 0.9]}
    for seed in FRESH:
        write_run(folder, effects, seed)
    shipped = {k: v for k, v in SHIPPED["F3"].items() if k != "depicts"}
    about = {"id": "F3", "runs": [row()], "controls": [], "development_seeds": [0]}
    path = ResultsFolder(folder).claim("F3").spec
    write_json(path, {**shipped, **about, "needs_control": False})
    renamed(path)


def explorer(folder: Path) -> None:
    export(lively(spec("vlae")), folder)
    write_json(folder / "explorer.spec.json", explorer_spec(["vlae"]).as_dict())
    renamed(folder / "explorer.spec.json")


COMMANDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "report": (
        report,
        "--spec report.spec.json --out out/report.html "
        "--provenance out/provenance.json",
    ),
    "figure": (figure, "--spec figures/figure3.spec.json --out out/f.svg"),
    "claim": (
        claim,
        "--spec claims/F3.spec.json --findings out/f.parquet --verdicts out/v.parquet",
    ),
    "explorer": (
        explorer,
        "--spec explorer.spec.json --out out/explorer.html",
    ),
}


@pytest.fixture(
    scope="module",
    params=["report", "claim"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in ("figure", "explorer")],
)
def made(request, tmp_path_factory):
    """Call a command in a locale; its folder, what it prints, and the files it writes.

    It is called once in each locale.
    """
    prepare, words = COMMANDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    prepare(folder)
    known: dict[str, tuple[bytes, dict[str, bytes]]] = {}

    def call(place):
        name = str(place)
        if name not in known:
            known[name] = written(place, [request.param, *words.split()], folder)
        return known[name]

    return SimpleNamespace(command=request.param, call=call)


def written(place, words, folder):
    (folder / "out").mkdir()
    printed = python(place, *words, folder=folder)
    found = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    shutil.rmtree(folder / "out")
    return printed, found


def test_the_files_are_those_of_a_utf8_locale(made, place):
    _, in_utf8 = made.call(UTF8)
    assert in_utf8
    assert made.call(place)[1] == in_utf8
    pages = [text for name, text in in_utf8.items() if name.endswith(".html")]
    assert all(LABEL.encode() in page for page in pages)


def test_the_terminal_shows_what_it_can(made, place):
    printed, _ = made.call(place)
    if made.command == "claim":  # the only one that prints labels
        latin1 = b"Gr\xf6\xdfe \\u2014 \\u0141"
        assert (rb"Gr\xf6\xdfe \u2014 \u0141" if place is ASCII else latin1) in printed
    else:
        assert b"out/" in printed


def test_a_name_that_is_not_utf8_does_not_lose_the_report(tmp_path):
    report(tmp_path)
    path = tmp_path / "report.spec.json"
    overlays = [os.fsdecode(b"gr\xf6sse.yaml")]
    write_json(path, {**json.loads(path.read_text()), "overlays": overlays})
    _, words = COMMANDS["report"]
    _, found = written(UTF8, ["report", *words.split()], tmp_path)
    assert b"gr?sse.yaml" in found["report.html"]
