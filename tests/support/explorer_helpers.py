"""Runs whose decoders show something, exported, and the page of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers import ROOT, randomise, untrained

from vlae.__main__ import main
from vlae.training import weights
from vlae.training.trained_run import SPEC, WEIGHTS, TrainedRun, decode


def lively(spec: dict[str, Any], std: float = 0.4) -> TrainedRun:
    """A run whose every parameter is drawn from N(0, std^2): pictures have contrast."""
    run = untrained(spec)
    randomise(run.model, std)
    return run


def export(run: TrainedRun, results: Path) -> Path:
    """Save the run as training does and export it; the folder of the decoder."""
    name = Path(run.spec["dataset"], run.spec["run"], str(run.spec["seed"]))
    folder, out = results / "runs" / name, results / "explorer" / name
    folder.mkdir(parents=True)
    (folder / SPEC).write_text(json.dumps(run.spec))
    weights.save(folder / WEIGHTS, run.model.state_dict(), {})
    words = ["--run", folder, "--out", out / "decoder.onnx"]
    assert main(["export", *map(str, [*words, "--card", out / "decoder.json"])]) == 0
    return out


def explorer_spec(names: list[str]) -> dict[str, Any]:
    """Of runs of seed 1 on strokes."""
    row = {"dataset": "strokes", "dataset_title": "strokes", "seeds": [1]}
    runs = [{**row, "run": name, "label": name} for name in names]
    return {"title": "Test", "runs": runs}


def write_page(results: Path, names: list[str]) -> Path:
    """results/explorer.html of exported runs, by the command."""
    spec, page = results / "explorer.spec.json", results / "explorer.html"
    spec.write_text(json.dumps(explorer_spec(names)))
    words = ["--spec", spec, "--template", ROOT / "report", "--out", page]
    words += ["--decoders", results / "explorer"]
    assert main(["explorer", *map(str, words)]) == 0
    return page


def grey_levels(run: TrainedRun, code: list[list[float]]) -> np.ndarray:
    """PyTorch's picture of one code, values layer by layer; (C, H, W) in 0 ... 255."""
    noise = [torch.tensor([values], dtype=torch.float32) for values in code]
    return (decode(run, noise)[0] * 255).numpy()
