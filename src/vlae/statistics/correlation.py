"""Rank correlation of properties that may be undefined for some images."""

import numpy as np
import scipy.stats
from numpy.typing import NDArray


def rank_correlation(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    """Return Spearman's rank correlation of two properties of the same rows.

    Args:
        first: (n,) or (n, d); a row in which either side is undefined (nan) is left
            out.
        second: of the same shape.

    Returns:
        from -1 to 1, for d numbers the mean of their d correlations; nan if one of them
        takes fewer than two values.

    Raises:
        ValueError: if the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"expected equal shapes, got {first.shape} {second.shape}")
    sides = [side.reshape(len(side), -1).astype(np.float64) for side in (first, second)]
    defined = ~np.isnan(np.concatenate(sides, 1)).any(1)
    one, two = (side[defined] for side in sides)
    if len(one) < 2 or any((np.ptp(side, axis=0) == 0).any() for side in (one, two)):
        return float("nan")
    ranks = [_standardised_ranks(side) for side in (one, two)]
    return float((ranks[0] * ranks[1]).mean())


def _standardised_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks within each column of (n, d), of mean 0 and standard deviation 1."""
    ranks = scipy.stats.rankdata(values, axis=0)
    found: NDArray[np.float64] = (ranks - ranks.mean(0)) / ranks.std(0)
    return found
