"""How much of each layer is in use: units whose code depends on the image."""

import pandas as pd
import torch
from torch import Tensor

from vlae.experiments.base import Context, Result
from vlae.training.trained_run import in_batches


@torch.no_grad()
def run(context: Context) -> Result:
    """Return a table with one row per layer: `units`, `active`, `largest`, `threshold`.

    A unit is active if the variance over held-out images of E[z | x] is above the
    threshold of the settings (Burda et al. 2016). This variance is the covariance of
    two independent draws of z ~ q(z | x) for the same x, so it is estimated in the same
    way for every model, from all pairs of the given number of `draws`. `largest` is the
    variance of the layer's most active unit. Lower layers of a hierarchy are drawn
    together with the layers that they depend on.
    """
    settings, sizes = context.settings, context.run.model.latent_sizes
    found = _variances(context).split(sizes)
    rows = [
        {
            "layer": layer,
            "units": size,
            "active": int((variances > settings["threshold"]).sum()),
            "largest": float(variances.max()),
            "threshold": settings["threshold"],
        }
        for layer, (size, variances) in enumerate(zip(sizes, found, strict=True), 1)
    ]
    return Result(pd.DataFrame(rows))


def _variances(context: Context) -> Tensor:
    """Return the variance of E[z | x] of every unit, bottom layer first."""
    model, stream = context.run.model, context.run.stream("activity")
    x = context.held_out(context.settings["images"], stream).x
    count = context.settings["draws"]

    def codes(part: Tensor, *noise: Tensor) -> Tensor:
        return torch.cat(model.infer(part, list(noise))[0], 1)

    drawn = [
        in_batches(codes, x, *model.draw_noise(len(x), stream)) for _ in range(count)
    ]
    draws = torch.stack(drawn).cpu().double()  # (draws, N, units of all layers)
    draws -= draws.mean((0, 1))
    pairs = draws.sum(0) ** 2 - (draws**2).sum(0)
    return pairs.mean(0) / (count * (count - 1))
