"""Fixtures that several files of tests share: of experiments, of downloads."""

import importlib
import json
from types import SimpleNamespace

import misbehaving_server
import pytest
import torch
from downloads import CONTENT, PACKED
from helpers import prepared_strokes

from vlae.__main__ import main
from vlae.data import prepared
from vlae.data.download import sources
from vlae.training.trained_run import decode

# Markers and order


def pytest_itemcollected(item):
    """Mark tests by what they need."""
    if "browser" in item.fixturenames:
        item.add_marker("browser")
    if item.path.parent.name == "workflow":
        item.add_marker("pipeline")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Start the files that take longest first, so that none is left for the end.

    Tests on SLURM mostly wait, and whole pipelines take minutes.
    """
    items.sort(
        key=lambda item: (
            item.get_closest_marker("slurm") is None,
            item.path.parent.name != "workflow",
        )
    )


# Experiments


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 20)


@pytest.fixture
def decoded(monkeypatch):
    """Noise of every call of `decode`, by experiment."""
    calls: list[list[torch.Tensor]] = []

    def spy(trained_run, parts):
        calls.append([part.clone() for part in parts])
        return decode(trained_run, parts)

    for name in ("_pictures", "_properties"):
        module = importlib.import_module(f"vlae.experiments.{name}")
        monkeypatch.setattr(module, "decode", spy)
    return calls


# Downloads


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No mirror, proxy or files of the caller's; waits are noted, not waited."""
    monkeypatch.delenv(sources.MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(sources, "ROOT", tmp_path / "clone")
    monkeypatch.chdir(tmp_path)
    waits: list[float] = []
    noted = SimpleNamespace(sleep=waits.append)
    monkeypatch.setattr("vlae.data.download.http.time", noted)
    return waits


@pytest.fixture
def server():
    with misbehaving_server.serving() as server:
        yield server


@pytest.fixture
def out(tmp_path):
    return tmp_path / "raw" / "data"


@pytest.fixture
def folder(tmp_path):
    """A folder that serves as a mirror: `file` and `file.gz`."""
    path = tmp_path / "mirror"
    path.mkdir()
    (path / "file").write_bytes(CONTENT)
    (path / "file.gz").write_bytes(PACKED)
    return path


# Data sets


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw"
    path.mkdir()
    return path


@pytest.fixture
def prepare(tmp_path, capsys):
    """Run the command; the prepared folder, or the message if it must fail."""

    def run(definition, raw, fails=False):
        texts = dict.fromkeys(("title", "source", "licence"), "text")
        spec = {"name": "mine", **texts, **definition}
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        files = [raw / file["name"] for file in definition.get("files", {}).values()]
        words = ["--spec", tmp_path / "spec.json", "--raw", *files]
        words += ["--card", tmp_path / "data" / "card.json", "--threads", "2"]
        code = main(["prepare", *map(str, words)])
        said = capsys.readouterr().err
        assert code == int(fails), said
        assert "Traceback" not in said
        return said if fails else prepared.load(tmp_path / "data")

    return run
