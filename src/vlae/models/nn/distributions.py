"""Densities and divergences of the distributions that the paper uses, in nats.

All functions are pure. Densities and divergences are summed over every axis but the
first, so that `(B, ...)` gives `(B,)`. A `scale` is positive; it has the shape of the
mean, broadcasts to it, or is a scalar.
"""

import math

import torch
from torch import Tensor


def _sum(terms: Tensor) -> Tensor:
    return terms.flatten(1).sum(1)


def gaussian_log_density(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return log N(x; mean, scale^2) of `(B, ...)`; (B,)."""
    z = (x - mean) / scale
    constant = 0.5 * math.log(2 * math.pi) * z[0].numel()
    return -0.5 * _sum(z * z) - _log_volume(scale, z) - constant


def laplace_log_density(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return log Laplace(x; mean, scale) of `(B, ...)`; (B,)."""
    z = (x - mean).abs() / scale
    return -_sum(z) - _log_volume(scale, z) - math.log(2) * z[0].numel()


def _log_volume(scale: Tensor, like: Tensor) -> Tensor:
    """Return log(scale) summed over the axes of `like` but the first.

    For a scalar of n elements per image, this is n times its log, ().
    """
    if scale.ndim == 0:
        return scale.log() * like[0].numel()
    return _sum(scale.log().expand_as(like))


def gaussian_kl(
    mean: Tensor,
    scale: Tensor,
    prior_mean: Tensor | float = 0.0,
    prior_scale: Tensor | float = 1.0,
) -> Tensor:
    """Return KL(N(mean, scale^2) || N(prior_mean, prior_scale^2)) of `(B, d)`; (B,)."""
    ratio = scale / prior_scale
    distance = (mean - prior_mean) / prior_scale
    return _sum(0.5 * (ratio * ratio + distance * distance - 1) - ratio.log())


def gaussian_product(
    mean: Tensor, scale: Tensor, other_mean: Tensor, other_scale: Tensor
) -> tuple[Tensor, Tensor]:
    """Return mean and scale of the Gaussian proportional to a product of two densities.

    Precisions add and weight the means: scale^-2 = scale_1^-2 + scale_2^-2. Arguments
    and results all have the same shape.
    """
    root = torch.hypot(scale, other_scale)
    ratio, other_ratio = other_scale / root, scale / root
    return ratio**2 * mean + other_ratio**2 * other_mean, scale * ratio


def laplace_sample(mean: Tensor, scale: Tensor, uniform: Tensor) -> Tensor:
    """Return draws of Laplace(mean, scale), of the shape of `uniform`.

    Args:
        mean: broadcasts to `uniform`.
        scale: broadcasts to `uniform`.
        uniform: draws in [0, 1), which the quantile function maps.
    """
    centred = (uniform - 0.5).clamp(-0.5 + 1e-7, 0.5 - 1e-7)
    return mean - scale * centred.sign() * torch.log1p(-2 * centred.abs())
