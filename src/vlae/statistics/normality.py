"""How far standardised residuals are from N(0, 1).

Section 3.2 of the paper: optimising the ELBO pulls q(z_l | z_above) to the Gaussian
p(z_l | z_above), so (z_l - mu_p) / sigma_p under q must become standard normal. These
functions look at the marginal distribution of the residuals, not at whether they depend
on z_above.
"""

import math

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import ArrayLike

from vlae.statistics._checks import Floats, finite, require_count

COLUMNS = [
    *("dimension", "mean", "variance", "skewness", "excess_kurtosis"),
    *("ks", "negentropy", "kl"),
]


def normality(residuals: ArrayLike) -> pd.DataFrame:
    """Return a table of `COLUMNS` with one row per dimension, numbered from 1.

    - `skewness` and `excess_kurtosis` describe the shape; both are 0 for any Gaussian.
    - `ks` is the Kolmogorov-Smirnov distance from N(0, 1), in [0, 1]; for draws of
      N(0, 1) it is about 0.87 / sqrt(n).
    - `kl` is KL(residual || N(0, 1)) in nats. It is the sum of `negentropy`, the KL
      from the Gaussian of the same mean and variance, which no Gaussian p can remove,
      and the KL of that Gaussian from N(0, 1).

    The entropy in `negentropy` is SciPy's estimate from spacings: at n = 10,000 the
    negentropy of a Gaussian is below 0.01, and it may be slightly negative. A dimension
    that does not vary has nan shape and infinite KL.

    Args:
        residuals: (n, d) of one layer, n at least 20, rows independent.

    Raises:
        UserError: if there are too few rows.
        ValueError: if there are not two axes, or values are not finite.
    """
    z = finite("residuals", residuals, 2)
    require_count("normality: residuals", len(z), 20)
    mean, variance = z.mean(0), z.var(0)
    moves = variance > 0
    shape = np.full((2, z.shape[1]), np.nan)
    kl = np.full(z.shape[1], np.inf)
    not_gaussian = negentropy(z)
    if moves.any():
        x, v = z[:, moves], variance[moves]
        shape[:, moves] = scipy.stats.skew(x), scipy.stats.kurtosis(x)
        gaussian = 0.5 * (v + mean[moves] ** 2 - 1 - np.log(v))
        kl[moves] = not_gaussian[moves] + gaussian
    table = {
        "dimension": np.arange(1, z.shape[1] + 1),
        "mean": mean,
        "variance": variance,
        "skewness": shape[0],
        "excess_kurtosis": shape[1],
        "ks": scipy.stats.ks_1samp(z, scipy.stats.norm.cdf, axis=0).statistic,
        "negentropy": not_gaussian,
        "kl": kl,
    }
    return pd.DataFrame(table, columns=COLUMNS)


def negentropy(samples: ArrayLike) -> Floats:
    """Return the KL of each dimension from the Gaussian of its mean and variance.

    It is in nats; see `normality` for its errors.

    Args:
        samples: (n, d), n at least 20, rows independent.

    Returns:
        (d,), near 0 for every Gaussian; infinite for a dimension that does not vary.

    Raises:
        UserError: if there are too few rows.
        ValueError: if there are not two axes, or values are not finite.
    """
    z = finite("samples", samples, 2)
    require_count("negentropy: samples", len(z), 20)
    variance = z.var(0)
    moves = variance > 0
    found = np.full(z.shape[1], np.inf)
    if moves.any():
        entropy = scipy.stats.differential_entropy(z[:, moves], axis=0)
        gaussian = 0.5 * np.log(2 * math.pi * math.e * variance[moves])
        found[moves] = gaussian - entropy
    return found


def gaussian_divergence(residuals: ArrayLike) -> float:
    """Return KL(N(m, C) || N(0, I)) in nats, with a layer's mean m and covariance C.

    Besides the means and variances of the dimensions it sees the correlations between
    them, which a factorised p cannot follow.

    Args:
        residuals: (n, d), n more than d. Draws of N(0, I) give about
            d (d + 3) / (4 n).

    Returns:
        at least 0; infinite if C is singular.

    Raises:
        UserError: if there are too few rows.
        ValueError: if there are not two axes, or values are not finite.
    """
    z = finite("residuals", residuals, 2)
    require_count("gaussian_divergence: residuals", len(z), max(20, z.shape[1] + 1))
    mean, covariance = z.mean(0), np.atleast_2d(np.cov(z, rowvar=False, ddof=0))
    sign, log_determinant = np.linalg.slogdet(covariance)
    if sign <= 0:
        return float("inf")
    trace = float(np.trace(covariance))
    return 0.5 * (trace + float(mean @ mean) - z.shape[1] - float(log_determinant))
