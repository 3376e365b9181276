"""Claim P3: at the optimum of the ELBO the layers above the bottom one are redundant.

There q(z_1), the aggregate posterior, equals p(z_1), and (x, z_1) has one distribution
whether x comes first (data, then inference) or z_1 comes first (ancestral sampling,
then p(x|z_1)). No classifier tells the two apart.
"""

from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlae.experiments._gibbs_chain import infer_visible
from vlae.experiments.base import Context, Result
from vlae.statistics.two_sample_test import Classifier, separability
from vlae.training.trained_run import describe

CLASSIFIER = "required"
BATCH_SIZE = 1000
"""Pairs in memory at once."""
TWO_SAMPLE_CLASSIFIERS: tuple[Classifier, ...] = ("linear", "trees")

COLUMNS = ["subject", "classifier", "value", "low", "high", "n", "dimensions"]


@torch.no_grad()
def run(context: Context) -> Result:
    """Return a table of `COLUMNS` with one row per subject and two-sample classifier.

    `subject`:
        `latents` compares z ~ q(z|x) of held-out images with z ~ p(z). z is z_1 of a
        Markov HVAE, and for other models all layers that the chain redraws. `images`
        compares held-out x, under the data noise of the run, with x ~ p(x|z), by the
        features of the data set's classifier. `pairs` compares both side by side,
        together with log p(x|z) in nats, which shows whether x and z belong together.

    `value`, `low`, `high`:
        Area under the ROC curve of a two-sample classifier, on samples that it was not
        trained on, and its 95 % interval: 0.5 if it finds no difference, 1 if it
        separates the samples. It is a lower bound for the best possible classifier.

    `n`, `dimensions`:
        Samples of each side, and the numbers that describe a sample.
    """
    count = min(context.settings["samples"], len(context.data.images("test")))
    upwards, downwards = _upwards(context, count), _downwards(context, count)
    rows = []
    for subject in ("latents", "images", "pairs"):
        sides = [getattr(side, subject) for side in (upwards, downwards)]
        for classifier in TWO_SAMPLE_CLASSIFIERS:
            found = separability(*sides, classifier=classifier)
            rows.append((subject, classifier, *astuple(found), *sides[0].shape))
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
        """All three side by side, (n, d + f + 1)."""
        return np.concatenate([self.latents, self.images, self.log_density], 1)


def _upwards(context: Context, count: int) -> Pairs:
    """Take x from held-out images in random order and draw z ~ q(z|x)."""
    trained = context.run
    stream = trained.stream("redundancy", "upwards")
    available = len(context.data.images("test"))
    order = (
        torch.randperm(available, generator=stream, device=trained.device)[:count]
        .cpu()
        .numpy()
    )
    parts = []
    for start in range(0, count, BATCH_SIZE):
        images = context.images("test", order[start : start + BATCH_SIZE])
        seen, x = context.observe(images, stream)
        latents = infer_visible(trained.model, seen, stream)
        parts.append(_pairs(context, x, latents))
    return _joined(parts)


def _downwards(context: Context, count: int) -> Pairs:
    """Draw z by ancestral sampling and x ~ p(x|z)."""
    model = context.run.model
    stream = context.run.stream("redundancy", "downwards")
    parts = []
    for start in range(0, count, BATCH_SIZE):
        noise = model.draw_noise(min(BATCH_SIZE, count - start), stream)
        latents = model.generate(noise)[: len(model.resampled_sizes)]
        mean, scale = model.likelihood(model.decoder(latents))
        x = model.likelihood.sample(mean, scale, stream)
        parts.append(_pairs(context, x, latents))
    return _joined(parts)


def _pairs(context: Context, x: Tensor, latents: list[Tensor]) -> Pairs:
    """Describe a batch of x (B, C, H, W) and latents (B, d_l)."""
    model = context.run.model
    mean, scale = model.likelihood(model.decoder(latents))
    density = model.likelihood.log_density(x, mean, scale)[:, None]
    return Pairs(
        torch.cat(latents, 1).cpu().numpy(),
        describe(context.required_classifier(), x)[0],
        density.cpu().numpy(),
    )


def _joined(parts: list[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([part.latents for part in parts]),
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.log_density for part in parts]),
    )
