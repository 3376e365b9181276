"""A trained run: its spec, its weights, and how to use them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vlae.config.run_spec import RunSpec
from vlae.models.base import build_model
from vlae.system.errors import UserError
from vlae.system.random_streams import generator
from vlae.training import weights as weight_files
from vlae.training.device import resolve_device, set_up

SPEC, WEIGHTS = "spec.json", "model.safetensors"
BATCH = 500


@dataclass(frozen=True)
class TrainedRun:
    """A model with its trained weights, in evaluation mode on its device."""

    spec: RunSpec
    model: Any  # of a module of vlae.models: no two have the same methods
    device: torch.device

    def stream(self, *purpose: str | int) -> torch.Generator:
        """Random numbers for `purpose`, from the seed of the run."""
        return generator(self.device, self.spec.seed, *purpose)


def load(folder: Path, **machine: Any) -> TrainedRun:
    """Load `spec.json` and `model.safetensors` of `folder`.

    Args:
        machine: `device` or `threads` in place of those of the spec.

    Raises:
        UserError: missing or broken file, or weights of another network.
    """
    spec = RunSpec.read(folder / SPEC)
    here = spec.replace(**machine)
    set_up(here)
    device = resolve_device(here.device)
    model = build_model(spec)
    weights = weight_files.load(folder / WEIGHTS)[0]
    wrong = weight_files.difference(model.state_dict(), weights)
    if wrong:
        raise UserError(
            f"{folder / WEIGHTS}: weights of another network than {SPEC} beside it "
            f"describes ({wrong}). Delete it and run again."
        )
    model.load_state_dict(weights)
    return TrainedRun(spec, model.to(device).eval(), device)


@torch.no_grad()
def in_batches(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """`function` of the inputs, `BATCH` rows at a time, joined along the rows."""
    parts = zip(*(x.split(BATCH) for x in inputs), strict=True)
    return torch.cat([function(*part) for part in parts])


def classify(classifier: TrainedRun, images: Tensor) -> np.ndarray:
    """What the classifier gives images (N, C, H, W): probabilities (N, outputs)."""
    return in_batches(classifier.model, images.to(classifier.device)).cpu().numpy()


@torch.no_grad()
def describe(classifier: TrainedRun, images: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What the classifier sees in images (N, C, H, W), which may leave [0, 1].

    Returns:
        features (N, d) of its penultimate layer, and probabilities (N, outputs).
    """
    features = in_batches(classifier.model.features, images.to(classifier.device))
    probabilities = classifier.model.probabilities(features)
    return features.cpu().numpy(), probabilities.cpu().numpy()


def decode(run: TrainedRun, noise: list[Tensor]) -> Tensor:
    """Mean images (N, C, H, W) of standard normal noise, a tensor per layer."""
    model = run.model
    return in_batches(lambda *parts: model.decode(list(parts)), *noise)


def grey_levels(images: Tensor) -> np.ndarray:
    """Images in [0, 1] as uint8, clipped."""
    return (images.clamp(0, 1) * 255).round().byte().cpu().numpy()
