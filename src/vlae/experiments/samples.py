"""Held-out images, their reconstructions, and ancestral samples."""

import pandas as pd
import torch

from vlae.data.noise import observe
from vlae.experiments.base import Context, Result
from vlae.training.trained_run import decode, grey_levels


@torch.no_grad()
def run(context: Context) -> Result:
    """Arrays `data`, `reconstructions`, `samples`, each (count, C, H, W) uint8.

    All are means of p(x | z): of z ~ q(z | x) for the held-out images, of z ~ p(z)
    for the samples. The table gives their mean grey level.
    """
    trained, count = context.run, context.settings["count"]
    stream = trained.stream("samples")
    held_out = torch.tensor(context.data.images("test")[:count], device=trained.device)
    x, _ = observe(held_out, trained.spec.data_noise, stream)
    model = trained.model
    latents, _ = model.infer(x, model.draw_noise(len(x), stream))
    means, _ = model.likelihood(model.decoder(latents))
    arrays = {
        "data": held_out.cpu().numpy(),
        "reconstructions": grey_levels(means),
        "samples": grey_levels(decode(trained, model.draw_noise(count, stream))),
    }
    rows = [{"images": k, "mean_grey": v.mean() / 255} for k, v in arrays.items()]
    return Result(pd.DataFrame(rows), arrays)
