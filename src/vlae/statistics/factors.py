"""What measures of disentanglement have in common: code groups and factors."""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from vlae.statistics._checks import Floats, finite
from vlae.statistics.probes import Values

BINS = 10
"""Classes of equal size that a continuous factor is cut into."""

Factors = Mapping[str, Values]
"""Factors by name, each (n,): integers are a class, floats are continuous."""


def checked(groups: Sequence[ArrayLike], factors: Factors) -> list[Floats]:
    """Return code groups in double precision, (n, d_l) each.

    Raises:
        ValueError: if shapes do not fit those of the factors, or codes are not finite.
    """
    codes = [finite("codes", group, 2) for group in groups]
    shapes = [values.shape for values in factors.values()]
    if len({len(code) for code in codes} | {shape[0] for shape in shapes}) != 1:
        raise ValueError(f"codes are {[c.shape for c in codes]}, factors {shapes}")
    if any(len(shape) != 1 for shape in shapes):
        raise ValueError(f"factors have one axis, got {shapes}")
    return codes


def binned(values: Values) -> NDArray[np.intp]:
    """Return class numbers, of integers themselves or of bins of equal size."""
    if np.issubdtype(values.dtype, np.integer):
        return np.unique(values, return_inverse=True)[1]
    # Equal values must share a bin: all of them get the rank of the first.
    ranks = scipy.stats.rankdata(values, method="min") - 1
    return (ranks * BINS // len(values)).astype(np.intp)


def gaps(shares: Floats) -> Floats:
    """Return largest minus second largest entry of each column of (rows, columns)."""
    if len(shares) < 2:
        raise ValueError(f"a gap needs two rows, got shape {shares.shape}")
    ordered = np.sort(shares, axis=0)
    found: Floats = ordered[-1] - ordered[-2]
    return found
