"""Fixtures of the tests of experiments."""

import importlib

import pytest
import torch
from helpers import prepared_strokes

from vlae.runs import decode


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

    for name in ("ablation", "traversal", "effects"):
        module = importlib.import_module(f"vlae.experiments.{name}")
        monkeypatch.setattr(module, "decode", spy)
    return calls
