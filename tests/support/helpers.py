"""What several tests need: tiny networks, complete run specs, a little data."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from vlae.config import overlays
from vlae.config.overlays import merge
from vlae.config.run_spec import Objective, RunFiles, RunSpec
from vlae.config.schema_defaults import completed_networks
from vlae.data import prepared
from vlae.data.datasets import strokes
from vlae.models import base
from vlae.models.base import Model
from vlae.models.nn.layers import LayerSettings
from vlae.system.checkout import ROOT
from vlae.system.files import write_json
from vlae.training import weights
from vlae.training.trained_run import TrainedRun

SHAPE = (1, strokes.SIZE, strokes.SIZE)

START = {
    "batch_norm_epsilon": 1e-5,
    "batch_norm_gain": True,
    "initial_std": 0.0,
    "unnormed_weights": "normal",
}

NETWORKS: dict[str, dict[str, Any]] = {
    "vlae": {
        "model": "vlae",
        "input": list(SHAPE),
        "latents": [2, 3],
        "width": 1.0,
        "batch_norm": "moving",
        **START,
        "posterior_scale": "sigmoid",
        "scale_minimum": 0.001,
        "initial_gate": 0.1,
        "heads": ["c4,2 c4,2", "f16"],
        "trunks": ["c4,4 lin16"],
        "decoder": [
            {"embed": "f16", "merge": "gated", "body": "f4x7x7 t4,2"},
            {"body": "f16 lin16"},
        ],
    },
    "hvae": {
        "model": "hvae",
        "input": list(SHAPE),
        "latents": [6, 3],
        "width": 1.0,
        "batch_norm": "none",
        **START,
        "posterior_scale": "softplus",
        "scale_minimum": 0.001,
        "inference": "bottom-up",
        "posterior": ["f24", "f12"],
        "prior": ["f12"],
        "decoder": "f24",
    },
    "hvae_autoregressive": {
        "model": "hvae_autoregressive",
        "input": list(SHAPE),
        "latents": [6, 3],
        "width": 1.0,
        "batch_norm": "none",
        **START,
        "posterior_scale": "softplus",
        "scale_minimum": 0.001,
        "inference": "bottom-up",
        "posterior": ["f24", "f12"],
        "prior": ["f12"],
        "decoder": "f24",
    },
    "lvae": {
        "model": "lvae",
        "input": list(SHAPE),
        "latents": [6, 3],
        "width": 1.0,
        "batch_norm": "moving",
        **START,
        "posterior_scale": "softplus",
        "scale_minimum": 0.001,
        "posterior": ["f24", "f12"],
        "prior": ["f12"],
        "decoder": "f24",
    },
    "vae": {
        "model": "vae",
        "input": list(SHAPE),
        "latents": [2, 3],
        "partition_seed": 0,
        "width": 1.0,
        "batch_norm": "moving",
        **START,
        "posterior_scale": "softplus",
        "scale_minimum": 0.001,
        "encoder": "c4,2 f24",
        "decoder": "f24 f4x7x7 t4,2",
    },
    "classifier": {
        "model": "classifier",
        "input": list(SHAPE),
        "latents": [],
        "width": 1.0,
        "batch_norm": "moving",
        **START,
        "posterior_scale": "softplus",
        "scale_minimum": 0.0,
        "body": "c4,2 f24",
    },
}


GENERATIVE = sorted(NETWORKS.keys() - {"classifier"})


def network(name: str, **changes: Any) -> dict[str, Any]:
    """Return a tiny network of `NETWORKS`, keys replaced by `changes`."""
    return {**copy.deepcopy(NETWORKS[name]), **changes}


def shipped_networks() -> dict[str, dict[str, Any]]:
    """Return the networks of config/networks.yaml, with all keys that have defaults."""
    content = overlays.read(ROOT / "config" / "networks.yaml")
    return completed_networks(content["networks"])


def spec(network: str | dict[str, Any] = "vlae", **changes: Any) -> RunSpec:
    """Return a complete run spec: the defaults of config.yaml, tiny, then `changes`.

    Args:
        network: one of `NETWORKS`, or a whole network.
        changes: top-level keys; maps are merged, as in the configuration.
    """
    path = ROOT / "config" / "config.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    defaults = content["defaults"]
    del defaults["network_settings"]
    chosen = NETWORKS[network] if isinstance(network, str) else network
    tiny = {
        "dataset": "strokes",
        "run": chosen["model"],
        "seed": 1,
        "preset": "none",
        "network_name": chosen["model"],
        "data": {"shape": list(SHAPE), "classes": 10, "attributes": []},
        "network": chosen,
        "training": {"steps": 12, "batch_size": 20, "learning_rate": 1e-2},
        "evaluation": {"every": 5, "images": 60},
        "device": "cpu",
        "threads": 1,
    }
    return RunSpec.of(merge(defaults, tiny, changes))


def changed(spec: RunSpec, **changes: Any) -> RunSpec:
    """Return the spec with `changes` merged into it, as in the configuration."""
    return RunSpec.of(merge(spec.as_dict(), changes))


def objective(**changes: Any) -> Objective:
    """Return a Gaussian likelihood of a fixed scale, keys replaced by `changes`."""
    plain = {"likelihood": "gaussian", "scale": "fixed", "scale_value": 0.25}
    whole = {"kl_warmup": {"schedule": "none"}, "kl_weight": 1.0}
    return Objective.of({**plain, **whole, **changes})


def prepared_strokes(folder: Path, n: int, test: int | None = None) -> Any:
    """Write and open `n` train and `test` (default: as many) test images."""
    definition = {"train": n, "test": n if test is None else test, "seed": 0}
    splits = strokes.splits(definition, folder)
    card = {"shape": list(SHAPE), "classes": 10}
    prepared.write(folder, splits, card, lambda *_: None)
    return prepared.load(folder)


def assert_same_but_for_rounding(found: Any, expected: Any) -> None:
    """Check that float32 results of sums in another order agree.

    Bits are promised for the same batch on the same machine only: another batch size or
    instruction set sums in another order. Errors of sums scale with their largest
    terms, so the tolerance scales with the largest of `expected`.
    """
    found, expected = np.asarray(found), np.asarray(expected)
    largest = float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * largest)


def run_of(spec: RunSpec, model: Any) -> TrainedRun[Any]:
    """Return `model`, or a stand-in for one, as a trained run on the CPU."""
    return TrainedRun(spec, model, torch.device("cpu"))


def untrained(spec: RunSpec) -> TrainedRun[Any]:
    """Return a run with the initial weights of its seed, in evaluation mode."""
    return run_of(spec, base.build_model(spec).eval())


def save_run(folder: Path, spec: RunSpec, model: Model) -> RunFiles:
    """Write spec and weights as a training does; return where they lie."""
    files = RunFiles(folder)
    write_json(files.spec, spec.as_dict())
    weights.save(files.weights, model.state_dict(), {})
    return files


def train_options(
    spec: Path | str, data: Path, files: RunFiles, checkpoints: Path | str
) -> list[Path | str]:
    """Return the options of `vlae train` that say what it reads and writes.

    Args:
        spec: spec of the run.
        data: folder of the prepared data.
        files: what it writes.
        checkpoints: folder of all checkpoints.
    """
    words: list[Path | str] = ["--spec", spec, "--data", data / "card.json"]
    words += ["--model", files.weights, "--history", files.history]
    return [*words, "--facts", files.facts, "--checkpoints", checkpoints]


def noise(model: Any, count: int, seed: int = 0, **options: Any) -> list[torch.Tensor]:
    """Draw standard normal noise, (count, d_l) per layer; `options` e.g. the dtype."""
    stream = torch.Generator().manual_seed(seed)
    sizes = model.latent_sizes
    return [torch.randn(count, d, generator=stream, **options) for d in sizes]


def randomise(module: Any, std: float, seed: int = 0) -> Any:
    """Redraw every parameter from N(0, std^2); return the module."""
    stream = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, std, generator=stream)
    return module


def layer_settings(batch_norm="none", std=0.0, **changes):
    """Return what the layers of a network have in common."""
    network = {**START, "batch_norm": batch_norm, "initial_std": std, **changes}
    return LayerSettings.of(network)
