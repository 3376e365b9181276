"""A run at its exact optimum, data that it describes exactly, and their classifier.

The HVAE of `linear_gaussian.exact_hvae`: grey levels are means of p(x|z), the data
noise is the noise of p(x|z), so q(z_1|x) p_data(x) = p(x|z_1) p(z_1) holds but for the
rounding to 256 levels. Images have four pixels.
"""

import math

import numpy as np
import pandas as pd
import torch
from helpers import network, noise, run_of, spec, untrained
from linear_gaussian import IMAGE, Exact, exact_hvae

from vlae.training.trained_run import TrainedRun

SCALE = 0.04
CLASSES = 4


class ExactData:
    """Prepared data of an exact model: `images` and `table` of two splits."""

    def __init__(self, exact: Exact, count: int) -> None:
        self.splits = {name: images(exact, count, name) for name in ("train", "test")}

    def images(self, split):
        """Return grey levels (count, *IMAGE)."""
        return self.splits[split]

    def table(self, split):
        """Return the class of each image: its brightest pixel, as in the classifier."""
        pixels = self.splits[split].reshape(-1, CLASSES)
        return pd.DataFrame({"label": pixels.argmax(1)})


@torch.no_grad()
def images(exact: Exact, count: int, split: str) -> np.ndarray:
    """Return means of p(x|z), z ~ p(z), as grey levels (count, *IMAGE)."""
    model, seed = exact.model, {"train": 21, "test": 22}[split]
    dtype = next(model.parameters()).dtype
    latents = model.generate(noise(model, count, seed, dtype=dtype))
    mean, _ = model.likelihood(model.decoder(latents))
    assert 0.02 < mean.min() < mean.max() < 0.98  # nothing is clipped
    return (mean * 255).round().byte().numpy()


def exact_model() -> Exact:
    """Return the exact HVAE in single precision, centred on the middle grey level."""
    exact = exact_hvae(SCALE, centre=0.5)
    exact.model.float()
    return exact


def exact_run(exact: Exact, data_noise: float = SCALE, seed: int = 2) -> TrainedRun:
    """Return the model as a trained run, under data noise of this scale."""
    added = {"dequantise": True, "scale": data_noise, "denoising": 0.0}
    return run_of(spec("hvae", seed=seed, data_noise=added), exact.model)


def exact_classifier() -> TrainedRun:
    """Return a classifier whose class is the brightest pixel's.

    Its features are projections that an activation folds.
    """
    wanted = spec(
        network("classifier", input=list(IMAGE), body="f24", batch_norm="none"),
        data={"shape": list(IMAGE), "classes": CLASSES},
    )
    classifier = untrained(wanted)
    body, logits = classifier.model.body[0].affine, classifier.model.logits.affine
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        body.weight.normal_(0, 4, generator=stream)
        body.weight[:CLASSES] = torch.eye(CLASSES)
        # The activation folds the other features at the middle of the grey range.
        body.bias.copy_(-body.weight.sum(1) / 2)
        body.bias[:CLASSES] = 0
        logits.weight.zero_()
        logits.weight[:, :CLASSES] = 100 * torch.eye(CLASSES)
        logits.bias.zero_()
    return classifier


def plausible(value, low, high, expected):
    """Return whether a value lies within four standard errors of `expected`.

    The standard error follows from a 95 % interval. Seeds are fixed, but among dozens
    of intervals some miss by more than two standard errors.
    """
    error = (high - low) / 2 / 1.96
    assert math.isfinite(error) and error > 0
    return abs(value - expected) < 4 * error
