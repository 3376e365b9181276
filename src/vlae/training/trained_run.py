"""A trained run: its spec, its weights, and how to use them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from vlae.config.run_spec import RunFiles, RunSpec
from vlae.models.base import (
    ImageClassifier,
    LatentVariableModel,
    Model,
    build_model,
)
from vlae.models.nn.layers import fold_batch_norm
from vlae.system.errors import UserError
from vlae.system.random_streams import generator
from vlae.training import weights as weight_files
from vlae.training.device import resolve_device

BATCH = 500
"""Images that a model sees at once."""
COMPANY, GUESTS = 100, 8
"""Size of a batch with batch statistics, and how many images of it are looked at; both
are those of the authors' code of February 2017."""

ModelT_co = TypeVar("ModelT_co", bound=Model, covariant=True)


@dataclass(frozen=True)
class TrainedRun(Generic[ModelT_co]):
    """A model with its trained weights, for evaluation, on its device.

    Batch norm with moving averages is folded into the affine map before it.
    """

    spec: RunSpec
    model: ModelT_co
    device: torch.device

    def stream(self, *purpose: str | int) -> torch.Generator:
        """Return random numbers for `purpose`: they follow from the run's stream."""
        return generator(self.device, *self.spec.stream, *purpose)


def load(folder: Path, device: str = "") -> TrainedRun[LatentVariableModel]:
    """Load a run that generates images from its `spec.json` and `model.safetensors`.

    Threads and number format of the process stay as they are:
    `vlae.training.device.set_up` makes them those of the spec.

    Args:
        folder: folder of the run.
        device: auto, cpu, cuda or mps; the spec's if empty.

    Raises:
        UserError: if a file is missing or broken, the weights do not fit the spec, the
            device is missing, or the run is a classifier.
    """
    spec, model, where = _load(folder, device)
    if not isinstance(model, LatentVariableModel):
        raise UserError(
            f"{folder} holds a {spec.model}; expected a generative model, which makes "
            "images from noise."
        )
    return TrainedRun(spec, model, where)


def load_classifier(folder: Path, device: str = "") -> TrainedRun[ImageClassifier]:
    """Load a classifier; arguments and errors are those of `load`."""
    spec, model, where = _load(folder, device)
    if not isinstance(model, ImageClassifier):
        raise UserError(f"{folder} holds a {spec.model}; expected a classifier.")
    return TrainedRun(spec, model, where)


def _load(folder: Path, device: str) -> tuple[RunSpec, Model, torch.device]:
    files = RunFiles(folder)
    spec = RunSpec.read(files.spec)
    where = resolve_device(device or spec.device)
    model = build_model(spec)
    weights = weight_files.load(files.weights)[0]
    wrong = weight_files.difference(model.state_dict(), weights)
    if wrong:
        raise UserError(
            f"{files.weights}: these weights do not fit the network in "
            f"{files.spec.name} next to them ({wrong}). Delete the file and run again."
        )
    model.load_state_dict(weights)
    model = model.to(where).eval()
    fold_batch_norm(model)
    return spec, model, where


@torch.no_grad()
def in_batches(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Apply `function` to `BATCH` rows of the inputs at a time; join along the rows.

    Args:
        function: maps tensors (B, ...), one per input, to (B, ...).
        inputs: (N, ...) each.
    """
    parts = zip(*(x.split(BATCH) for x in inputs), strict=True)
    return torch.cat([function(*part) for part in parts])


def classify(classifier: TrainedRun[ImageClassifier], images: Tensor) -> np.ndarray:
    """Return the classifier's probabilities (N, outputs) for images (N, C, H, W)."""
    return in_batches(classifier.model, images.to(classifier.device)).cpu().numpy()


@torch.no_grad()
def describe(
    classifier: TrainedRun[ImageClassifier], images: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the classifier sees in images.

    Args:
        classifier: the trained classifier.
        images: (N, C, H, W); values outside [0, 1] are allowed.

    Returns:
        features (N, d) of its penultimate layer, and probabilities (N, outputs).
    """
    features = in_batches(classifier.model.features, images.to(classifier.device))
    probabilities = classifier.model.probabilities(features)
    return features.cpu().numpy(), probabilities.cpu().numpy()


def decode(run: TrainedRun[LatentVariableModel], noise: list[Tensor]) -> Tensor:
    """Return the mean images (N, C, H, W), in (0, 1), of standard normal noise.

    Args:
        run: the trained run.
        noise: (N, d_l) per layer, bottom to top, on the run's device.
    """

    def means(*parts: Tensor) -> Tensor:
        return run.model.decode(list(parts))

    return _applied(run, means, noise, lambda: _company(run))


def decode_codes(run: TrainedRun[LatentVariableModel], codes: list[Tensor]) -> Tensor:
    """Return the mean images (N, C, H, W), in (0, 1), of p(x | z) for codes z.

    Args:
        run: the trained run.
        codes: (N, d_l) per layer, bottom to top, on the run's device.
    """
    model = run.model

    def means(*parts: Tensor) -> Tensor:
        return model.likelihood(model.decoder(list(parts)))[0]

    return _applied(run, means, codes, lambda: model.generate(_company(run)))


@torch.no_grad()
def _applied(
    run: TrainedRun[LatentVariableModel],
    function: Callable[..., Tensor],
    inputs: list[Tensor],
    company: Callable[[], list[Tensor]],
) -> Tensor:
    """Apply `function` to the inputs in batches, as the run's batch norm asks.

    Args:
        run: the trained run.
        function: maps tensors (B, ...), one per input, to (B, ...).
        inputs: (N, ...) each.
        company: makes inputs of draws from the prior, which fill up the batches if an
            image depends on the others of its batch.
    """
    if not _shares_statistics(run):
        return in_batches(function, *inputs)
    return _in_company(function, inputs, company())


def _shares_statistics(run: TrainedRun[LatentVariableModel]) -> bool:
    """Return whether an image depends on the others of its batch."""
    return bool(run.spec.network["batch_norm"] == "batch")


def _company(run: TrainedRun[LatentVariableModel]) -> list[Tensor]:
    """Return the noise of draws from the prior, (COMPANY, d_l) per layer.

    It is the same in every batch, so that batches do not differ by chance.
    """
    return run.model.draw_noise(COMPANY, run.stream("company"))


def _in_company(
    function: Callable[..., Tensor], guests: list[Tensor], company: list[Tensor]
) -> Tensor:
    """Apply `function` to `GUESTS` rows at a time that stand among draws of the prior.

    Layers that are equal in a whole batch would be normalised away by its statistics.

    Args:
        function: maps tensors (B, ...), one per input, to (B, ...).
        guests: the inputs, (N, ...) each.
        company: draws from the prior for each input, (COMPANY, ...).
    """
    found = []
    for part in zip(*(x.split(GUESTS) for x in guests), strict=True):
        count = len(part[0])
        batch = [
            torch.cat([x, others[count:]])
            for x, others in zip(part, company, strict=True)
        ]
        found.append(function(*batch)[:count])
    return torch.cat(found)


def grey_levels(images: Tensor) -> np.ndarray:
    """Return images in [0, 1] as uint8; values outside are clipped."""
    return (images.clamp(0, 1) * 255).round().byte().cpu().numpy()
