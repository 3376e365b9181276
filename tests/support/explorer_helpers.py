"""Runs whose decoders show something, exported, and the page of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers import ROOT, randomise, save_run, untrained

from vlae.__main__ import main
from vlae.config.run_spec import RunSpec
from vlae.training.trained_run import TrainedRun, decode


def lively(spec: RunSpec, std: float = 0.4) -> TrainedRun[Any]:
    """A run whose every parameter is drawn from N(0, std^2): pictures have contrast."""
    run = untrained(spec)
    randomise(run.model, std)
    return run


def export(run: TrainedRun[Any], results: Path) -> Path:
    """Save the run as training does and export it; the folder of the decoder."""
    folder, out = results / "runs" / run.spec.name, results / "explorer" / run.spec.name
    save_run(folder, run.spec, run.model)
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
