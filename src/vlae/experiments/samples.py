"""Held-out images, their reconstructions, and ancestral samples."""

import pandas as pd
import torch

from vlae.experiments.base import Context, Result
from vlae.training.trained_run import decode, grey_levels


@torch.no_grad()
def run(context: Context) -> Result:
    """Return arrays `data`, `reconstructions`, `samples`, and their mean grey levels.

    Each array is (count, C, H, W), uint8. Reconstructions are means of p(x | z) with
    z ~ q(z | x) for the held-out images, samples the same with z ~ p(z). The table has
    one row per array; `mean_grey` is in [0, 1].
    """
    trained, count = context.run, context.settings["count"]
    model, stream = trained.model, trained.stream("samples")
    held_out = context.held_out(count, stream)
    noise = model.draw_noise(len(held_out.x), stream)
    latents, _ = model.infer(held_out.x, noise)
    means, _ = model.likelihood(model.decoder(latents))
    arrays = {
        "data": held_out.images.cpu().numpy(),
        "reconstructions": grey_levels(means),
        "samples": grey_levels(decode(trained, model.draw_noise(count, stream))),
    }
    rows = [{"images": k, "mean_grey": v.mean() / 255} for k, v in arrays.items()]
    return Result(pd.DataFrame(rows), arrays)
