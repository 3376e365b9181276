"""Experiments on tiny models of random weights."""

import dataclasses
import importlib
from typing import Any

import msgspec
import torch
from helpers import network, spec, untrained

from vlae.config.experiment_spec import ExperimentSpec
from vlae.config.overlays import merge
from vlae.config.run_spec import RunSpec
from vlae.experiments import _effects
from vlae.experiments.base import Context

# Settings of experiments for which a few images of strokes are enough.
SETTINGS: dict[str, dict[str, Any]] = {
    "generation": {
        "samples": 7,
        "redraws": 7,
        "grid": 3,
        "extent": 2.0,
        "draws": 24,
        "classifier_accuracy": 0.0,
    },
    "likelihood": {"images": 7, "draws": [1, 2, 4]},
    "codes": {
        "images": 20,
        "classifier_accuracy": 0.0,
        "wide": {"layer": 2, "codes": 6, "draws": 5},
    },
    "stability": {
        "draws": 24,
        "classifier_accuracy": 0.0,
        "pairs": 10,
        "coordinates": 2,
        "step": 2.0,
    },
    "chains": {
        "chains": 20,
        "steps": [3],
        "long_chains": 12,
        "long_steps": [4],
        "chains_from_data": 16,
        "fid_images": 20,
        "coverage_images": 20,
        "confident": 0.5,
        "shown": 5,
        "mixing": {
            "chains": 20,
            "steps": 12,
            "every": 1,
            "lags": 2,
            "projections": 2,
        },
    },
    "redundancy": {"samples": 20},
    "few_labels": {"images": 20, "pool": 20, "labels": [4, 20], "repeats": 2},
    "swapping": {
        "pairs": 10,
        "classifier_accuracy": 0.0,
        "shown": 3,
        "paths": 2,
        "steps": 3,
    },
    "top_layers": {"images": 20, "draws": 2, "shown": 3, "redraws": 2},
}
OTHERS: dict[str, dict[str, Any]] = {
    "recomposed": {"images": 40, "shown": 20, "parts": "auto", "confident": 0.5},
    "inference": {
        "images": 400,
        "draws": 2,
        "bound_draws": 2,
        "threshold": 0.01,
        "correlation": 0.2,
    },
    "disentanglement": {"images": 1000},
    "graph": {"points": 2},
}


def trained(model="vlae", seed=1, **changes):
    """A run whose weights are large enough for images that differ visibly."""
    visible = {"initial_std": 0.5, "batch_norm": "none"}
    wanted = spec(network(model, **{**visible, **changes}))
    return untrained(wanted.replace(seed=seed))


def with_data_noise(run, scale):
    """The same run under Gaussian data noise of this standard deviation."""
    noise = msgspec.structs.replace(run.spec.data_noise, scale=scale)
    return dataclasses.replace(run, spec=run.spec.replace(data_noise=noise))


def random_classifier(**facts):
    """A classifier of random weights for data of these facts."""
    wanted = spec(network("classifier", initial_std=0.5))
    return untrained(RunSpec.of(merge(wanted.as_dict(), {"data": facts})))


def context(experiment, run, data, **changes):
    classifier = changes.pop("classifier", random_classifier())
    settings = {**(SETTINGS | OTHERS)[experiment], **changes.pop("settings", {})}
    asked = {
        "experiment": experiment,
        "dataset": run.spec.dataset,
        "run": run.spec.run,
        "seed": run.spec.seed,
        "measures": ["strokes"],
        "settings": settings,
        **changes,
    }
    return Context(ExperimentSpec.of(asked), run, data, classifier)


def run(experiment, trained_run, data, **changes):
    module = importlib.import_module(f"vlae.experiments.{experiment}")
    return module.run(context(experiment, trained_run, data, **changes))


def effects(trained_run, data, **changes):
    """Return the table `effects` alone."""
    return _effects.effects(context("generation", trained_run, data, **changes))


def ignore(model, layer):
    """Cut a layer of the tiny VLAE off the image."""
    with torch.no_grad():
        if layer == 0:
            model.stages[0].gate.zero_()
        else:
            for parameter in model.stages[1].body[-1].parameters():
                parameter.zero_()
