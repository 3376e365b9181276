"""Runs whose decoders show something, exported, and the page of them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers import randomise, untrained

from vlae.__main__ import main
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ExplorerSpec
from vlae.config.run_spec import RunSpec
from vlae.system.files import write_json
from vlae.training import weights
from vlae.training.trained_run import TrainedRun, decode


def lively(spec: RunSpec, std: float = 0.4) -> TrainedRun[Any]:
    """A run whose every parameter is drawn from N(0, std^2): pictures have contrast."""
    run = untrained(spec)
    randomise(run.model, std)
    return run


def export(run: TrainedRun[Any], results: Path, data: Path | None = None) -> Path:
    """Save the run as training does and export it; the folder of the decoder.

    Args:
        run: the run.
        results: the results folder.
        data: prepared data, whose images the page then offers.
    """
    name = run.spec.dataset, run.spec.run, run.spec.seed
    files = ResultsFolder(results).run(*name)
    out = ResultsFolder(results).export(*name)
    write_json(files.spec, run.spec.as_dict())
    weights.save(files.weights, run.model.state_dict(), {})
    words = ["--model", files.weights, "--out", out.onnx, "--facts", out.facts]
    words += ["--data", data / "card.json"] if data else []
    assert main(["export", *map(str, words)]) == 0
    return out.onnx.parent


def explorer_spec(names: list[str]) -> ExplorerSpec:
    """The spec of runs on strokes, seed 1."""
    row = {"dataset": "strokes", "dataset_title": "strokes", "seeds": [1]}
    runs = [{**row, "run": name, "label": name} for name in names]
    return ExplorerSpec.of({"title": "Test", "runs": runs})


def write_page(results: Path, names: list[str]) -> Path:
    """results/explorer.html of exported runs, by the command."""
    spec, page = results / "explorer.spec.json", results / "explorer.html"
    write_json(spec, explorer_spec(names).as_dict())
    assert main(["explorer", "--spec", str(spec), "--out", str(page)]) == 0
    return page


def grey_levels(run: TrainedRun, code: list[list[float]]) -> np.ndarray:
    """PyTorch's picture of one code, values layer by layer; (C, H, W) in 0 ... 255."""
    noise = [torch.tensor([values], dtype=torch.float32) for values in code]
    return (decode(run, noise)[0] * 255).numpy()
