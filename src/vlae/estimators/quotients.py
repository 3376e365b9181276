"""Intervals of quotients of sums, such as effects: many at once, with NumPy alone.

The bootstrap is that of `intervals`; this is a seventh of its time for 36 quotients of
2,048 rows, and starts without SciPy, whose import costs more than the answer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vlae.estimators._checks import enough, finite


@dataclass(frozen=True)
class Interval:
    """An estimate and its two-sided interval, in the estimate's unit."""

    value: float
    low: float
    high: float


def bootstrap_quotients(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> list[Interval]:
    """Percentile intervals of sum(numerators) / sum(denominators), for many at once.

    Resampled sums are products with the rows' multinomial counts, drawn once.

    Args:
        numerators: (n, k), n at least 2.
        denominators: (n, k).

    Returns:
        k intervals; nan for a denominator of 0, nan ends where a resample has it.

    Raises:
        UserError: fewer than 2 rows.
        ValueError: shapes that differ, or numbers that are not finite.
    """
    above = finite("numerators", numerators, 2)
    below = finite("denominators", denominators, 2)
    if above.shape != below.shape:
        raise ValueError(f"expected equal shapes, got {above.shape} {below.shape}")
    rows = len(above)
    enough("bootstrap: rows", rows, 2)
    random = np.random.default_rng(seed)
    counts = random.multinomial(rows, np.full(rows, 1 / rows), size=resamples)
    counts = counts.astype(np.float64)  # else the products are slow ones of integers
    with np.errstate(invalid="ignore", divide="ignore"):
        values = above.sum(0) / below.sum(0)
        drawn = (counts @ above) / (counts @ below)
    drawn[~np.isfinite(drawn)] = np.nan
    values[~np.isfinite(values)] = np.nan
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    ends = zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    return [Interval(*numbers) for numbers in ends]
