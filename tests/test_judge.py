"""The classifier is good enough to judge: minutes, so asked for by `-m slow`."""

import os
from pathlib import Path

import pandas as pd
import pytest

from vlae import configuration, prepared
from vlae.datasets import idx
from vlae.download import MIRROR_VARIABLE, download
from vlae.overlays import BASE
from vlae.training import train

ROOT = Path(__file__).parents[1]
NEEDED = 0.985


@pytest.mark.slow
def test_judge_of_mnist_is_right_often_enough(tmp_path, monkeypatch):
    beside = ROOT.parent / "shared" / "data"
    if MIRROR_VARIABLE not in os.environ:
        if not beside.is_dir():
            pytest.skip(f"no {MIRROR_VARIABLE} and no ../shared/data")
        monkeypatch.setenv(MIRROR_VARIABLE, str(beside))
    layers = [ROOT / "config" / f"{name}.yaml" for name in BASE]
    shipped = configuration.load([*layers, ROOT / "config" / "mnist-cpu.yaml"])
    for name, file in shipped.files("mnist").items():
        download("mnist", file, [], tmp_path / name)
    spec = shipped.data_spec("mnist")
    prepared.write(
        tmp_path, idx.splits(spec, tmp_path), {"shape": spec["shape"]}, lambda *_: None
    )
    judge = shipped.judge("mnist")
    assert judge is not None
    trained = train(
        shipped.run_spec(*judge), prepared.load(tmp_path), tmp_path / "checkpoints"
    )
    last = (
        pd.DataFrame(trained.history).set_index(["split", "term"]).sort_values("step")
    )
    assert last.loc[("held-out", "accuracy"), "value"].iloc[-1] >= NEEDED
