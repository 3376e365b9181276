"""A run at its exact optimum, data that it describes exactly, and a classifier of them.

The HVAE of `linear_gaussian.exact_hvae`: grey levels are means of p(x|z), the data
noise is the noise of p(x|z), so q(z_1|x) p_data(x) = p(x|z_1) p(z_1) holds but for the
rounding to 256 levels. Images have four pixels.
"""

import math

import numpy as np
import pandas as pd
import torch
from helpers import network, noise, spec, untrained
from linear_gaussian import IMAGE, Exact, exact_hvae

from vlae.training.trained_run import TrainedRun

SCALE = 0.04
CLASSES = 4


class ExactData:
    """Prepared data of an exact model: `images` and `table` of two splits."""

    def __init__(self, exact: Exact, count: int) -> None:
        self.splits = {name: images(exact, count, name) for name in ("train", "test")}

    def images(self, split):
        return self.splits[split]

    def table(self, split):
        """The class is that of the brightest pixel, as the classifier below has it."""
        pixels = self.splits[split].reshape(-1, CLASSES)
        return pd.DataFrame({"label": pixels.argmax(1)})


@torch.no_grad()
def images(exact: Exact, count: int, split: str) -> np.ndarray:
    """Means of p(x|z), z ~ p(z), as grey levels (count, *IMAGE)."""
    model, seed = exact.model, {"train": 21, "test": 22}[split]
    dtype = next(model.parameters()).dtype
    latents = model.generate(noise(model, count, seed, dtype=dtype))
    mean, _ = model.likelihood(model.decoder(latents))
    assert 0.02 < mean.min() < mean.max() < 0.98  # nothing is clipped
    return (mean * 255).round().byte().numpy()


def exact_model() -> Exact:
    """In single precision, around the middle of the grey range."""
    exact = exact_hvae(SCALE, centre=0.5)
    exact.model.float()
    return exact


def exact_run(exact: Exact, data_noise: float = SCALE, seed: int = 1) -> TrainedRun:
    """The model as a trained run, under data noise of this scale."""
    added = {"dequantise": True, "scale": data_noise, "denoising": 0.0}
    return TrainedRun(
        {**spec("hvae"), "seed": seed, "data_noise": added},
        exact.model,
        torch.device("cpu"),
    )


def exact_classifier() -> TrainedRun:
    """Its class is the brightest pixel's; its features are folded projections."""
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
        # An activation folds the other features at the middle of the grey range.
        body.bias.copy_(-body.weight.sum(1) / 2)
        body.bias[:CLASSES] = 0
        logits.weight.zero_()
        logits.weight[:, :CLASSES] = 100 * torch.eye(CLASSES)
        logits.bias.zero_()
    return classifier


def plausible(value, low, high, expected):
    """Whether a 95 % interval speaks for `expected`: at most 4 standard errors off.

    Seeds are fixed; with dozens of intervals some miss by more than two.
    """
    error = (high - low) / 2 / 1.96
    assert math.isfinite(error) and error > 0
    return abs(value - expected) < 4 * error
