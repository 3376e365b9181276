"""Reconstruction from the top layers alone: those above l inferred, those below drawn.

The layers above l are inferred from a held-out image, z ~ q(z | x), and layers 1 ... l
are drawn from their prior given the layers above. So the image keeps what the layers
above l say of it, at the price of their KL (the rate), and loses what they do not (the
distortion), as in Alemi et al., ICML 2018.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.data.prepared import targets
from vlae.experiments.base import Context, Result
from vlae.models.base import Noise
from vlae.statistics.intervals import mean_interval
from vlae.training.trained_run import BATCH, classify, decode, grey_levels

CLASSIFIER = "optional"

COLUMNS = ["drawn_layers", "measure", "value", "low", "high", "images"]
RATE, SQUARED_ERROR, NLL, SAME_CLASS = "rate", "mse", "nll", "class"


@torch.no_grad()
def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, and images made from the top layers.

    There is a row for every number of layers that are drawn, from none to all, and for
    each measure, as its mean over held-out images and a 95 % interval of that mean. For
    each image it is the mean over `draws` draws of z and of the data noise.

    - `rate`: KL divergences of the inferred layers, added up, in nats. Where inference
      runs down from the top, or layer by layer from x alone, this is the KL divergence
      of q(z_{l+1} ... z_L | x) from the prior. Where each layer is inferred from the
      draw below it, it is that of q(z_{l+1} ... | z_l), which is at least as large,
      and may be larger than the rate of more layers.
    - `mse`: squared error of the mean of p(x | z) against the image as it is stored,
      averaged over pixels, in units of the full grey range squared
    - `nll`: -log p(x | z) in nats; with no layer drawn it is the reconstruction term of
      the ELBO with its sign changed
    - `class`: the share of images of which the classifier says their class, if the data
      have classes and a classifier

    Arrays of images (N, C, H, W), uint8, of the first held-out images: `data` as
    stored, and `drawn_0` ... `drawn_L` with `redraws` each, image by image: of an image
    the inferred layers are the same, and those below are drawn again.
    """
    measures = [RATE, SQUARED_ERROR, NLL, *([SAME_CLASS] if _classes(context) else [])]
    found = _of_images(context)  # (images, L + 1, measures)
    rows = []
    for drawn in range(found.shape[1]):
        for column, name in enumerate(measures):
            mean = mean_interval(found[:, drawn, column])
            rows.append((drawn, name, mean.value, mean.low, mean.high, len(found)))
    return Result(pd.DataFrame(rows, columns=COLUMNS), _pictures(context))


def redrawn(inferred: Noise, fresh: Noise) -> Iterator[Noise]:
    """Yield noise of which no layer, the lowest one, ... all layers are drawn again.

    Args:
        inferred: of z ~ q(z | x), (B, d_l) per layer.
        fresh: standard normal, of the same shapes.
    """
    for drawn in range(len(inferred) + 1):
        yield [*fresh[:drawn], *inferred[drawn:]]


def _classes(context: Context) -> bool:
    return context.classifier is not None and context.classifier.spec.data.classes > 0


def _of_images(context: Context) -> np.ndarray:
    """Return the measures of each image, (images, L + 1, measures)."""
    stream = context.run.stream("top layers")
    count = min(context.settings["images"], len(context.data.images("test")))
    truth = targets(context.data.table("test")[:count], context.run.spec.data)
    found = []
    for start in range(0, count, BATCH):
        rows = slice(start, min(start + BATCH, count))
        images = context.images("test", rows)
        labels = truth[rows] if _classes(context) else None
        draws = [
            _of_batch(context, images, labels, stream)
            for _ in range(context.settings["draws"])
        ]
        found.append(np.mean(draws, 0))
    return np.concatenate(found)


def _of_batch(
    context: Context, images: Tensor, labels: np.ndarray | None, stream: torch.Generator
) -> np.ndarray:
    """Return the measures of one draw for each of a batch of images, see `_of_images`.

    Args:
        context: what to measure with.
        images: (B, C, H, W), uint8.
        labels: their classes (B,), if they are to be compared.
        stream: of the noise.
    """
    model = context.run.model
    x, target = context.observe(images, stream)
    latents, kl = model.infer(x, model.draw_noise(len(x), stream))
    rates = kl.flip(1).cumsum(1).flip(1).T  # of all layers, of those above 1, ...
    fresh = model.draw_noise(len(x), stream)
    found = []
    for drawn, noise in enumerate(redrawn(model.residuals(latents), fresh)):
        mean, scale = model.likelihood(model.decoder(model.generate(noise)))
        rate = rates[drawn] if drawn < len(rates) else torch.zeros_like(rates[0])
        error = ((mean - images / 255) ** 2).flatten(1).mean(1)
        nll = -model.likelihood.log_density(target, mean, scale)
        columns = [part.cpu().double().numpy() for part in (rate, error, nll)]
        if labels is not None and context.classifier is not None:
            said = classify(context.classifier, mean).argmax(1)
            columns.append((said == labels).astype(float))
        found.append(np.stack(columns, 1))
    return np.stack(found, 1)


def _pictures(context: Context) -> dict[str, np.ndarray]:
    """Return the first held-out images, and what is made from their top layers."""
    settings, model = context.settings, context.run.model
    stream = context.run.stream("top layers", "pictures")
    held_out = context.held_out(settings["shown"], stream)
    latents, _ = model.infer(held_out.x, model.draw_noise(len(held_out.x), stream))
    inferred = [
        layer.repeat_interleave(settings["redraws"], 0)
        for layer in model.residuals(latents)
    ]
    fresh = model.draw_noise(len(inferred[0]), stream)
    arrays = {
        f"drawn_{drawn}": grey_levels(decode(context.run, noise))
        for drawn, noise in enumerate(redrawn(inferred, fresh))
    }
    return {"data": held_out.images.cpu().numpy(), **arrays}
