"""The Gibbs chain of Proposition 1 (Eq. 6).

If q(z_1|x) p_data(x) = p(x|z_1) p(z_1), the chain z_1 ~ q(z_1|x), x ~ p(x|z_1)
converges to p_data without ever looking at the layers above. Where p(x|.) sees all
layers, or z_1 is inferred from those above it, the chain is z ~ q(z|x), x ~ p(x|z),
which does without p(z).
"""

from typing import Any

import torch
from torch import Tensor

from vlae.models.base import LatentVariableModel


def infer_visible(
    model: LatentVariableModel, x: Tensor, generator: torch.Generator
) -> list[Tensor]:
    """z ~ q(z|x), the lowest layers that p(x|z) and its inference depend on.

    Args:
        x: (B, C, H, W).

    Returns:
        latents (B, d_l) for each of the model's `resampled_sizes`.
    """
    options: dict[str, Any] = {"device": x.device, "dtype": x.dtype}
    noise = [
        torch.randn(len(x), size, generator=generator, **options)
        for size in model.resampled_sizes
    ]
    return model.resample(x, noise)


def gibbs_step(
    model: LatentVariableModel, x: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """z ~ q(z|x), as far as p(x|z) sees it, then x' ~ p(x'|z) (Eq. 6).

    Returns:
        the mean of p(x'|z) and the draw x', both of the shape of x.
    """
    latents = infer_visible(model, x, generator)
    mean, scale = model.likelihood(model.decoder(latents))
    return mean, model.likelihood.sample(mean, scale, generator)
