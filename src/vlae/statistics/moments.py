"""Moments of standardised residuals, from sums over batches of any size.

N(0, 1) has mean 0, variance 1, skewness 0 and excess kurtosis 0.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SKEWNESS_VARIANCE = 6.0
"""Variance of the skewness of n Gaussian draws, times n."""
MIN_VARIANCE = 1e-12
"""Variance of a dimension that does not vary, so that ratios are defined."""


def powers(x: Tensor) -> Tensor:
    """Return values (B, d) to their powers 1 to 4, (B, 4, d), in double precision.

    They are computed on the CPU: not every accelerator has double precision, and fourth
    powers of large values overflow single precision.
    """
    one = x.cpu().double()
    two = one * one
    return torch.stack([one, two, two * one, two * two], 1)


def moments(means: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return mean, variance, skewness and excess kurtosis, (d,) each.

    Args:
        means: means of the powers, (4, d).
    """
    mean, second, third, fourth = means
    variance = (second - mean**2).clamp_min(MIN_VARIANCE)
    skew = third - 3 * mean * second + 2 * mean**3
    tails = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
    return mean, variance, skew / variance**1.5, tails / variance**2 - 3


def overall(means: Tensor, count: int) -> dict[str, float]:
    """Return how far the d dimensions of a layer are from N(0, 1), a number per moment.

    Args:
        means: means of the powers, (4, d).
        count: number of values that they are means of.

    Returns:
        `mean` and `skewness`: root mean squares over dimensions, so that signs do not
        cancel, minus the value expected by chance from `count` Gaussian draws; at least
        0. `variance` and `kurtosis` (excess): means over dimensions. `kl`: mean over
        dimensions of KL(N(mean, variance) || N(0, 1)) in nats, which ignores the shape.
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
    """Return the root mean square of estimates without their sampling error.

    Args:
        values: estimates (d,).
        chance: variance of an estimate's error, which is subtracted from the mean
            square.

    Returns:
        at least 0.
    """
    return math.sqrt(max(float(np.mean(values**2)) - chance, 0.0))
