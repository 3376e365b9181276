"""Importance-weighted bounds: how likely images are, and how far q(z|x) is off."""

import math

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.config.experiment_outputs import DEQUANTISED, GREY_LEVELS, NOISY
from vlae.config.run_spec import DataNoise
from vlae.experiments.base import Context, Result
from vlae.models.base import LatentVariableModel
from vlae.statistics.importance import effective_draws, importance_bound
from vlae.training.trained_run import in_batches

COLUMNS = ["image", "draws", "bound", "bits", "effective", "density", "reason"]
BATCH_STATISTICS = "batch statistics (batch_norm: batch): an image alone has no density"


@torch.no_grad()
def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, one row per held-out image and number of draws.

    - `image`: its row in the held-out split; `draws`: K
    - `bound`: L_K, the importance-weighted bound of log p(x) in nats. All K use the
      same draws of z, and each image has one draw of the run's data noise.
    - `bits`: the same in bits per dimension. It is -log2 of the probability of a grey
      level if the density is even between two levels.
    - `effective`: the effective number of the K draws
    - `density`: what log p(x) is a density of: `DEQUANTISED` images, images with the
      `NOISY` training data's Gaussian noise, or images at `GREY_LEVELS`, which have no
      density. Only the first is comparable with numbers of the literature.

    For a model with batch statistics, p(x|z) depends on what else is in the batch:
    there is one row with the `reason`, and its bound is nan.
    """
    trained, settings = context.run, context.settings
    stream, counts = trained.stream("likelihood"), sorted(settings["draws"])
    if trained.spec.network["batch_norm"] == "batch":
        undefined = dict.fromkeys(("bound", "bits", "effective"), np.nan)
        row = {"image": 0, "draws": 1, "density": "", "reason": BATCH_STATISTICS}
        return Result(pd.DataFrame([row | undefined])[COLUMNS])
    held_out = context.held_out(settings["images"], stream)
    tables = []
    pairs = zip(held_out.x.split(1), held_out.target.split(1), strict=True)
    for image, (x, target) in enumerate(pairs):
        weights = log_weights(trained.model, x, target, counts[-1], stream)[None]
        tables.append(
            {
                "image": [image] * len(counts),
                "draws": counts,
                "bound": [importance_bound(weights, k)[0] for k in counts],
                "effective": [effective_draws(weights, k)[0] for k in counts],
            }
        )
    table = pd.concat([pd.DataFrame(each) for each in tables], ignore_index=True)
    noise, dimensions = trained.spec.data_noise, held_out.target[0].numel()
    levels = 256 if noise.dequantise else 255  # as in `vlae.data.noise.observe`
    bits = math.log2(levels) - table["bound"] / dimensions / math.log(2)
    table = table.assign(bits=bits, density=_density(noise), reason="")
    return Result(table[COLUMNS])


def log_weights(
    model: LatentVariableModel,
    x: Tensor,
    target: Tensor,
    count: int,
    stream: torch.Generator,
) -> np.ndarray:
    """Return log p(target, z) - log q(z | x) of draws z ~ q(z | x), in nats; (count,).

    The image is encoded once per batch of draws, whatever their number.

    Args:
        model: what to draw from.
        x: what the encoder sees of one image, (1, C, H, W).
        target: what the likelihood is evaluated at, (1, C, H, W).
        count: number of draws.
        stream: where they come from.
    """

    def weigh(*noise: Tensor) -> Tensor:
        draw = model.draw_posterior(x, list(noise))
        mean, scale = model.likelihood(model.decoder(draw.latents))
        density = model.likelihood.log_density(target, mean, scale)
        return density - draw.log_ratios().sum(1)

    found = in_batches(weigh, *model.draw_noise(count, stream))
    return found.cpu().double().numpy()


def _density(noise: DataNoise) -> str:
    """Return what the target of a run is; noise that only the encoder sees is none."""
    if noise.scale:
        return NOISY
    return DEQUANTISED if noise.dequantise else GREY_LEVELS
