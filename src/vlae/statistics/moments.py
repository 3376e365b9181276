"""Moments of standardised residuals, from sums over batches of any size.

The moments of N(0, 1) are mean 0, variance 1, skewness 0, excess kurtosis 0.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SKEWNESS_VARIANCE = 6.0
"""Variance of the skewness of n Gaussian draws, times n."""
LEAST = 1e-12  # variance of what does not vary, so that ratios are defined


def powers(x: Tensor) -> Tensor:
    """Values (B, d) to their powers 1 to 4, (B, 4, d), in double precision.

    On the processor: not every accelerator has that precision, and fourth powers of
    far values leave the range of the single one.
    """
    one = x.cpu().double()
    two = one * one
    return torch.stack([one, two, two * one, two * two], 1)


def moments(means: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean, variance, skewness and excess kurtosis, (d,) each.

    Args:
        means: of the powers, (4, d).
    """
    mean, second, third, fourth = means
    variance = (second - mean**2).clamp_min(LEAST)
    skew = third - 3 * mean * second + 2 * mean**3
    tails = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
    return mean, variance, skew / variance**1.5, tails / variance**2 - 3


def overall(means: Tensor, count: int) -> dict[str, float]:
    """How far the d dimensions of a layer are from N(0, 1), one number a moment.

    Args:
        means: of the powers, (4, d).
        count: of the values that they are means of.

    Returns:
        `mean` and `skewness`: root mean squares over dimensions, so that signs do not
        cancel, less what `count` Gaussian draws have by chance; 0 if they have no
        more. `variance` and `kurtosis` (excess): means over dimensions. `kl`: mean over
        dimensions of KL(N(mean, variance) || N(0, 1)) in nats, blind to shape.
    """
    mean, variance, skewness, kurtosis = moments(means)
    kl = 0.5 * (variance + mean**2 - 1 - variance.log())
    return {
        "mean": root_mean_square(mean.numpy(), float(variance.mean()) / count),
        "variance": float(variance.mean()),
        "skewness": root_mean_square(skewness.numpy(), SKEWNESS_VARIANCE / count),
        "kurtosis": float(kurtosis.mean()),
        "kl": float(kl.mean()),
    }


def root_mean_square(values: NDArray[np.float64], chance: float) -> float:
    """Of estimates (d,) without what `chance`, their variance, makes; >= 0."""
    return math.sqrt(max(float(np.mean(values**2)) - chance, 0.0))
