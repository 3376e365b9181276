"""The ELBO of each held-out image, so that models are compared on the same images."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.config.term_names import ELBO
from vlae.experiments.base import Context, Result
from vlae.training.trained_run import in_batches


@torch.no_grad()
def run(context: Context) -> Result:
    """Return a table with one row per image: `image` and `elbo`.

    `image` is the image's row in the held-out split. `elbo` is in nats, the mean over
    `draws` draws of z and of the run's data noise.
    """
    trained, settings = context.run, context.settings
    model, stream = trained.model, trained.stream("bounds")
    images = context.images("test", slice(settings["images"]))

    def bound(x: Tensor, target: Tensor, *noise: Tensor) -> Tensor:
        return model.summary(model.terms(x, target, None, list(noise)))[ELBO]

    draws = []
    for _ in range(settings["draws"]):
        x, target = context.observe(images, stream)
        noise = model.draw_noise(len(x), stream)
        draws.append(in_batches(bound, x, target, *noise).cpu().double().numpy())
    elbo = np.mean(draws, 0)
    return Result(pd.DataFrame({"image": np.arange(len(elbo)), "elbo": elbo}))
