"""Claim P3: at the optimum of the ELBO the layers above the bottom one are redundant.

There q(z_1), the aggregate posterior, is p(z_1), and (x, z_1) has one distribution
whether x comes first (data, then inference) or z_1 (ancestral sampling, then p(x|z_1)):
no classifier tells them apart.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlae.data.noise import observe
from vlae.experiments._gibbs_chain import infer_visible
from vlae.experiments.base import Context, Result
from vlae.statistics.two_sample_test import Classifier, separability
from vlae.training.trained_run import describe

CLASSIFIER = "required"
BATCH = 1000
"""Pairs in memory at once."""
TWO_SAMPLE_CLASSIFIERS: tuple[Classifier, ...] = ("linear", "trees")

COLUMNS = ["subject", "classifier", "value", "low", "high", "n", "dimensions"]


@torch.no_grad()
def run(context: Context) -> Result:
    """Table of `COLUMNS`, a row per subject and classifier.

    `subject`:
        `latents`: z ~ q(z|x) of held-out images against z ~ p(z). z is z_1 of a Markov
        HVAE, else all that the chain redraws. `images`: held-out x, under the data
        noise of the run, against x ~ p(x|z), by the classifier's features. `pairs`: both
        side by side and log p(x|z), in nats, which tells whether they go together.

    `value`, `low`, `high`:
        area under the ROC curve of a classifier between the two, on samples that it
        did not see, and its interval at level .95: .5 if it finds no difference, 1 if
        all. A lower bound of what the best classifier reaches.

    `n`, `dimensions`:
        samples of either side, and of what numbers they consist.
    """
    count = min(context.settings["samples"], len(context.data.images("test")))
    upwards, downwards = _upwards(context, count), _downwards(context, count)
    rows = []
    for subject in ("latents", "images", "pairs"):
        sides = [getattr(side, subject) for side in (upwards, downwards)]
        for classifier in TWO_SAMPLE_CLASSIFIERS:
            found = separability(*sides, classifier=classifier)
            numbers = (found.value, found.low, found.high)
            rows.append((subject, classifier, *numbers, *sides[0].shape))
    return Result(pd.DataFrame(rows, columns=COLUMNS))


@dataclass(frozen=True)
class Pairs:
    """n draws of (x, z)."""

    latents: NDArray[np.float32]
    """(n, d)."""
    images: NDArray[np.float32]
    """The classifier's features of x, (n, f)."""
    log_density: NDArray[np.float32]
    """log p(x|z) in nats, (n, 1)."""

    @property
    def pairs(self) -> NDArray[np.float32]:
        """(n, d + f + 1)."""
        return np.concatenate([self.latents, self.images, self.log_density], 1)


def _upwards(context: Context, count: int) -> Pairs:
    """x of held-out images in random order, z ~ q(z|x)."""
    trained = context.run
    stream = trained.stream("redundancy", "upwards")
    images = context.data.images("test")
    order = (
        torch.randperm(len(images), generator=stream, device=trained.device)[:count]
        .cpu()
        .numpy()
    )
    parts = []
    for start in range(0, count, BATCH):
        pixels = torch.tensor(images[order[start : start + BATCH]])
        seen, x = observe(pixels.to(trained.device), trained.spec.data_noise, stream)
        latents = infer_visible(trained.model, seen, stream)
        parts.append(_pairs(context, x, latents))
    return _joined(parts)


def _downwards(context: Context, count: int) -> Pairs:
    """z by ancestral sampling, x ~ p(x|z)."""
    model = context.run.model
    stream = context.run.stream("redundancy", "downwards")
    parts = []
    for start in range(0, count, BATCH):
        noise = model.draw_noise(min(BATCH, count - start), stream)
        latents = model.generate(noise)[: len(model.resampled_sizes)]
        x = model.likelihood.sample(*model.likelihood(model.decoder(latents)), stream)
        parts.append(_pairs(context, x, latents))
    return _joined(parts)


def _pairs(context: Context, x: Tensor, latents: list[Tensor]) -> Pairs:
    """Of a batch of x (B, C, H, W) and latents (B, d_l)."""
    assert context.classifier is not None
    model = context.run.model
    mean, scale = model.likelihood(model.decoder(latents))
    density = model.likelihood.log_density(x, mean, scale)[:, None]
    return Pairs(
        torch.cat(latents, 1).cpu().numpy(),
        describe(context.classifier, x)[0],
        density.cpu().numpy(),
    )


def _joined(parts: list[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([part.latents for part in parts]),
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.log_density for part in parts]),
    )
