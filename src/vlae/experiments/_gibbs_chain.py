"""The Gibbs chain of Proposition 1 (Eq. 6).

If q(z_1|x) p_data(x) = p(x|z_1) p(z_1), then the chain z_1 ~ q(z_1|x), x ~ p(x|z_1)
converges to p_data without ever using the layers above. If p(x|.) sees all layers, or
if z_1 is inferred from the layers above it, then the chain is z ~ q(z|x), x ~ p(x|z);
it does not use p(z).
"""

from typing import Any

import torch
from torch import Tensor

from vlae.models.base import LatentVariableModel


def infer_visible(
    model: LatentVariableModel, x: Tensor, generator: torch.Generator
) -> list[Tensor]:
    """Draw z ~ q(z|x) of the lowest layers that p(x|z) and their inference depend on.

    Args:
        model: what to draw from.
        x: (B, C, H, W).
        generator: where the noise is drawn from.

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
    """Draw z ~ q(z|x), as far as p(x|z) sees it, then x' ~ p(x'|z) (Eq. 6).

    Args:
        model: what to draw from.
        x: (B, C, H, W).
        generator: where the noise is drawn from.

    Returns:
        the mean of p(x'|z) and the draw x', both of the shape of x.
    """
    latents = infer_visible(model, x, generator)
    mean, scale = model.likelihood(model.decoder(latents))
    return mean, model.likelihood.sample(mean, scale, generator)
