"""How much of each layer is in use: units whose code depends on the image."""

import pandas as pd
import torch

from vlae.data.noise import observe
from vlae.experiments.base import Context, Result
from vlae.training.trained_run import in_batches


@torch.no_grad()
def run(context: Context) -> Result:
    """Table with a row per layer: `units`, `active`, `largest` and `threshold`.

    A unit is active if the variance over held-out images of E[z | x] is above the
    setting (Burda et al. 2016). That is the covariance of two independent draws of
    z ~ q(z | x) for the same x, estimated from all pairs of `draws`, so that it is
    the same for every model; `largest` is that of the layer's most active unit. Lower
    layers of a hierarchy are drawn together with those that they depend on.
    """
    trained, settings = context.run, context.settings
    model, stream = trained.model, trained.stream("activity")
    images = context.data.images("test")[: settings["images"]]
    held_out = torch.tensor(images, device=trained.device)
    x, _ = observe(held_out, trained.spec.data_noise, stream)
    count = settings["draws"]

    def codes(part: torch.Tensor, *noise: torch.Tensor) -> torch.Tensor:
        return torch.cat(model.infer(part, list(noise))[0], 1)

    drawn = [
        in_batches(codes, x, *model.draw_noise(len(x), stream)) for _ in range(count)
    ]
    draws = torch.stack(drawn).cpu().double()  # (draws, N, units of all layers)
    draws -= draws.mean((0, 1))
    pairs = draws.sum(0) ** 2 - (draws**2).sum(0)
    variances = pairs.mean(0) / (count * (count - 1))
    sizes = model.latent_sizes
    rows = [
        {
            "layer": layer + 1,
            "units": size,
            "active": int((found > settings["threshold"]).sum()),
            "largest": float(found.max()),
            "threshold": settings["threshold"],
        }
        for layer, (size, found) in enumerate(
            zip(sizes, variances.split(sizes), strict=True)
        )
    ]
    return Result(pd.DataFrame(rows))
