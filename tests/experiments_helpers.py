"""Experiments on tiny models of random weights."""

import importlib
from typing import Any

import torch
from helpers import network, spec, untrained

from vlae.experiment import Context
from vlae.overlays import merge

SETTINGS: dict[str, dict[str, Any]] = {
    "samples": {"count": 7},
    "ablation": {"count": 7},
    "traversal": {"grid": 3, "extent": 2.0},
    "effects": {"samples": 24, "judge_accuracy": 0.0},
    "activity": {"images": 7, "draws": 2, "threshold": 0.01},
    "codes": {
        "images": 20,
        "judge_accuracy": 0.0,
        "wide": {"layer": 2, "codes": 6, "draws": 5},
    },
    "stability": {
        "samples": 24,
        "judge_accuracy": 0.0,
        "pairs": 10,
        "coordinates": 2,
        "step": 2.0,
    },
    "gibbs": {"chains": 18, "shown": 5, "steps": [0, 1, 3], "confident": 0.5},
}


def trained(model="vlae", seed=1, **changes):
    """A run whose weights are large enough for images that differ visibly."""
    wanted = spec(network(model, initial_std=0.5, batch_norm="none", **changes))
    return untrained({**wanted, "seed": seed})


def random_judge(**facts):
    """A classifier of random weights for data of these facts."""
    wanted = spec(network("classifier", initial_std=0.5))
    return untrained(merge(wanted, {"data": facts}))


def context(experiment, run, data, **changes):
    judge = changes.pop("judge", random_judge())
    settings = {**SETTINGS[experiment], **changes.pop("settings", {})}
    content = {
        "experiment": experiment,
        "measures": ["strokes"],
        "settings": settings,
        **changes,
    }
    return Context(content, run, data, judge)


def run(experiment, trained_run, data, **changes):
    module = importlib.import_module(f"vlae.experiments.{experiment}")
    return module.run(context(experiment, trained_run, data, **changes))


def ignore(model, layer):
    """Cut a layer of the tiny VLAE off the image."""
    with torch.no_grad():
        if layer == 0:
            model.stages[0].gate.zero_()
        else:
            for parameter in model.stages[1].body[-1].parameters():
                parameter.zero_()
