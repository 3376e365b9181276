"""How sure a number is: within one seed by resampling, across seeds by their range.

Within a seed the rows (samples, chains, blocks) are the unit: they must be independent
draws. A bootstrap over them (Efron and Tibshirani 1993, percentile intervals) does not
know of the spread between trainings; that is what `across_seeds` shows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlae.statistics._checks import enough, finite


@dataclass(frozen=True)
class Interval:
    """An estimate and its two-sided interval, in the estimate's unit."""

    value: float
    low: float
    high: float


Statistic = Callable[..., float]


def bootstrap(
    statistic: Statistic,
    *arrays: NDArray[np.generic],
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of statistic(*arrays); rows are resampled together.

    A paired difference is a statistic of both arrays: `lambda a, b: f(a) - f(b)`.

    Args:
        statistic: from arrays with the rows of `arrays`, some repeated, to a number.
        arrays: each (n, ...), n at least 2.
        level: of the two-sided interval, in (0, 1).
        resamples: how often the statistic is computed.

    Raises:
        UserError: fewer than 2 rows.
        ValueError: the arrays do not have the same n.
    """
    _check(arrays)
    of_rows = _of_rows(statistic, arrays)
    return _percentile(of_rows, [len(arrays[0])], level, resamples, seed)


def standard_error(
    statistic: Statistic,
    *arrays: NDArray[np.generic],
    resamples: int = 100,
    seed: int = 0,
) -> float:
    """Bootstrap standard error of statistic(*arrays), see `bootstrap`."""
    _check(arrays)
    of_rows = _of_rows(statistic, arrays)
    found = _resample(of_rows, [len(arrays[0])], 0.95, resamples, seed)
    return float(found.standard_error)


def mean_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Student's interval of the mean of independent estimates, (n,), n at least 2.

    For estimates on disjoint blocks of samples; exact if they are Gaussian.

    Raises:
        UserError: fewer than 2 values.
        ValueError: not one axis, or not finite.
    """
    array = finite("values", values, 1)
    enough("mean_interval: values", len(array), 2)
    error = array.std(ddof=1) / math.sqrt(len(array)) * _student(level, len(array) - 1)
    mean = float(array.mean())
    return Interval(mean, mean - float(error), mean + float(error))


def jackknife(
    statistics: Callable[..., NDArray[np.float64]],
    *arrays: NDArray[np.generic],
    blocks: int = 20,
    level: float = 0.95,
) -> list[Interval]:
    """Student's intervals of several statistics at once, by leaving out blocks of rows.

    For statistics that repeated rows would spoil, such as entropies, and for slow ones:
    they are computed `blocks` + 1 times. Of a mean it is the interval of the means of
    blocks; of what is nan with or without a block, nan.

    Args:
        statistics: from arrays with some of the rows of `arrays` to numbers (m,).
        arrays: each (n, ...), n at least `blocks`; rows independent.
        blocks: of nearly equal size, at least 2.
        level: of the two-sided intervals, in (0, 1).

    Raises:
        UserError: fewer rows than blocks.
        ValueError: the arrays do not have the same n.
    """
    _check(arrays)
    count = len(arrays[0])
    enough("jackknife: rows", count, blocks)
    value = statistics(*arrays)
    block = np.arange(count) * blocks // count
    left = [statistics(*(a[block != b] for a in arrays)) for b in range(blocks)]
    error = np.sqrt((blocks - 1) * np.var(left, axis=0))
    half = error * _student(level, blocks - 1)
    return [
        Interval(float(v), float(v - h), float(v + h))
        for v, h in zip(value, half, strict=True)
    ]


def _check(arrays: tuple[NDArray[np.generic], ...]) -> None:
    if len({len(array) for array in arrays}) != 1:
        raise ValueError(f"expected equal rows, got {[len(a) for a in arrays]}")
    enough("bootstrap: rows", len(arrays[0]), 2)


def _of_rows(
    statistic: Statistic, arrays: tuple[NDArray[np.generic], ...]
) -> Statistic:
    """The statistic of some rows of the arrays, from their numbers."""
    return lambda rows: statistic(*(array[rows] for array in arrays))


def _percentile(
    statistic: Statistic, sizes: list[int], level: float, resamples: int, seed: int
) -> Interval:
    """Of a statistic of row numbers, one array of them per set."""
    low, high = _resample(statistic, sizes, level, resamples, seed).confidence_interval
    value = statistic(*(np.arange(size) for size in sizes))
    return Interval(float(value), float(low), float(high))


def _resample(
    statistic: Statistic, sizes: list[int], level: float, resamples: int, seed: int
) -> Any:
    import scipy.stats  # takes .7 s, which who only reads intervals need not wait for

    return scipy.stats.bootstrap(
        tuple(np.arange(size) for size in sizes),
        statistic,
        n_resamples=resamples,
        batch=50,  # resampled row numbers in memory at once
        vectorized=False,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    )


def _student(level: float, freedom: int) -> float:
    """Half-width of Student's interval at `level`, in standard errors."""
    import scipy.stats  # as above

    return float(scipy.stats.t.ppf((1 + level) / 2, freedom))


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
