"""The ELBO of each held-out image, so that models are compared on the same images."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.data.noise import observe
from vlae.experiments.base import Context, Result
from vlae.training.trained_run import in_batches


@torch.no_grad()
def run(context: Context) -> Result:
    """Table with a row per image: `image`, its row of the held-out split, and `elbo`.

    The ELBO is in nats, the mean over `draws` draws of z, and of the data noise where
    the run has some.
    """
    trained, settings = context.run, context.settings
    model, stream = trained.model, trained.stream("bounds")
    images = context.data.images("test")[: settings["images"]]
    held_out = torch.tensor(images, device=trained.device)

    def bound(x: Tensor, target: Tensor, *noise: Tensor) -> Tensor:
        terms = model.terms(x, target, None, list(noise))
        found: Tensor = model.summary(terms)["elbo"]
        return found

    draws = []
    for _ in range(settings["draws"]):
        x, target = observe(held_out, trained.spec.data_noise, stream)
        noise = model.draw_noise(len(x), stream)
        draws.append(in_batches(bound, x, target, *noise).cpu().double().numpy())
    elbo = np.mean(draws, 0)
    return Result(pd.DataFrame({"image": np.arange(len(elbo)), "elbo": elbo}))
