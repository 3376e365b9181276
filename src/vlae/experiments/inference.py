"""What inference says of held-out images: units in use, residuals, and the ELBO."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlae.experiments import _residuals
from vlae.experiments.base import Context, Result
from vlae.training.trained_run import in_batches

TABLES = ("activity", "residuals", "bounds")


@dataclass(frozen=True)
class Draw:
    """One draw of z ~ q(z | x) for every image, on the processor, float64."""

    codes: Tensor
    """(N, units of all layers), bottom layer first."""
    residuals: Tensor
    """The residuals of `codes` under the prior, of the same shape."""
    elbo: NDArray[np.float64] | None
    """The ELBO at this draw in nats, (N,); None if it was not computed."""


def run(context: Context) -> Result:
    """Return the tables of `activity`, `bounds` and `_residuals.compared`; its arrays.

    All three are estimated from the same draws of z for the same images. Nothing
    compares numbers of two tables as if they were independent, so sharing draws does no
    harm.
    """
    settings, sizes = context.settings, context.run.model.latent_sizes
    drawn = draws(context)
    residuals, arrays = _residuals.compared(
        sizes,
        torch.stack([draw.residuals for draw in drawn]).numpy(),
        drawn[0].codes.numpy(),
        settings["correlation"],
    )
    codes = torch.stack([draw.codes for draw in drawn])
    tables = {
        "activity": activity(codes, sizes, settings["threshold"]),
        "residuals": residuals,
        "bounds": bounds(drawn),
    }
    return Result(tables, arrays)


@torch.no_grad()
def draws(context: Context) -> list[Draw]:
    """Return the draws of z for the held-out images, each observed once by the run.

    Lower layers of a hierarchy are drawn together with the layers that they depend on.
    """
    settings, model = context.settings, context.run.model
    stream = context.run.stream("inference")
    held_out = context.held_out(settings["images"], stream)
    width = sum(model.latent_sizes)

    def infer(x: Tensor, *noise: Tensor) -> Tensor:
        latents, _ = model.infer(x, list(noise))
        return torch.cat([*latents, *model.residuals(latents)], 1)

    def infer_and_decode(x: Tensor, target: Tensor, *noise: Tensor) -> Tensor:
        latents, kl = model.infer(x, list(noise))
        mean, scale = model.likelihood(model.decoder(latents))
        density = model.likelihood.log_density(target, mean, scale)
        elbo = (density - kl.sum(1))[:, None]
        return torch.cat([*latents, *model.residuals(latents), elbo], 1)

    found = []
    for number in range(settings["draws"]):
        noise = model.draw_noise(len(held_out.x), stream)
        if number < settings["bound_draws"]:
            drawn = in_batches(infer_and_decode, held_out.x, held_out.target, *noise)
        else:
            drawn = in_batches(infer, held_out.x, *noise)
        codes, residuals, elbo = (
            drawn.cpu().double().tensor_split([width, 2 * width], 1)
        )
        found.append(
            Draw(codes, residuals, elbo[:, 0].numpy() if elbo.shape[1] else None)
        )
    return found


def activity(codes: Tensor, sizes: list[int], threshold: float) -> pd.DataFrame:
    """Return one row per layer: `units`, `active`, `largest`, `threshold`.

    A unit is active if the variance over held-out images of E[z | x] is above the
    threshold (Burda et al. 2016). This variance is the covariance of two independent
    draws of z ~ q(z | x) for the same x, so it is estimated in the same way for every
    model, from all pairs of draws. `largest` is the variance of the layer's most active
    unit.

    Args:
        codes: (draws, N, units of all layers).
        sizes: number of units of each layer.
        threshold: variance from which a unit is active.
    """
    count = len(codes)
    centred = codes - codes.mean((0, 1))
    pairs = centred.sum(0) ** 2 - (centred**2).sum(0)
    variances = pairs.mean(0) / (count * (count - 1))
    rows = [
        {
            "layer": layer,
            "units": len(found),
            "active": int((found > threshold).sum()),
            "largest": float(found.max()),
            "threshold": threshold,
        }
        for layer, found in enumerate(variances.split(sizes), 1)
    ]
    return pd.DataFrame(rows)


def bounds(drawn: list[Draw]) -> pd.DataFrame:
    """Return one row per image: `image` and `elbo`.

    `image` is the image's row in the held-out split, so that models are compared on the
    same images. `elbo` is in nats, the mean over draws of z; each image has one draw of
    the run's data noise.
    """
    elbo = np.mean([draw.elbo for draw in drawn if draw.elbo is not None], 0)
    return pd.DataFrame({"image": np.arange(len(elbo)), "elbo": elbo})
