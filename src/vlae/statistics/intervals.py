"""Intervals of numbers within one seed, by resampling.

The rows (samples, chains, blocks) are the unit and must be independent draws. A
bootstrap over them (Efron and Tibshirani 1993, percentile intervals) does not include
the spread between trainings; `seed_spread` compares seeds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlae.statistics._checks import finite, require_count


@dataclass(frozen=True)
class Interval:
    """An estimate and its two-sided interval, in the estimate's unit."""

    value: float
    low: float
    high: float


UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))
"""Interval of a number that is not defined."""

Statistic = Callable[..., float]


def bootstrap(
    statistic: Statistic,
    *arrays: NDArray[np.generic],
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return the percentile interval of `statistic(*arrays)`.

    The rows of all arrays are resampled together. A paired difference is a statistic of
    both arrays: `lambda a, b: f(a) - f(b)`.

    Args:
        statistic: takes arrays with rows of `arrays`, some repeated; returns a number.
        arrays: each (n, ...), n at least 2.
        level: of the two-sided interval, in (0, 1).
        resamples: how often the statistic is computed.
        seed: of the resampling.

    Raises:
        UserError: if there are fewer than 2 rows.
        ValueError: if the arrays do not have the same n.
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
    """Return the bootstrap standard error of `statistic(*arrays)`, see `bootstrap`."""
    _check(arrays)
    of_rows = _of_rows(statistic, arrays)
    found = _resample(of_rows, [len(arrays[0])], 0.95, resamples, seed)
    return float(found.standard_error)


def mean_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return Student's interval of the mean of independent estimates.

    It suits estimates on disjoint blocks of samples, and is exact if they are Gaussian.

    Args:
        values: (n,), n at least 2.
        level: of the two-sided interval, in (0, 1).

    Raises:
        UserError: if there are fewer than 2 values.
        ValueError: if they do not have one axis or are not finite.
    """
    array = finite("values", values, 1)
    require_count("mean_interval: values", len(array), 2)
    error = array.std(ddof=1) / math.sqrt(len(array)) * _student(level, len(array) - 1)
    mean = float(array.mean())
    return Interval(mean, mean - float(error), mean + float(error))


def difference(first: Interval, second: Interval) -> Interval:
    """Return the difference of two independent estimates, with its interval.

    The interval has the level of the two given ones, and is not symmetric where they
    are not (Newcombe 1998 for shares; Zou and Donner 2008 for any estimates).
    """
    value = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, value - below, value + above)


def jackknife(
    statistics: Callable[..., NDArray[np.float64]],
    *arrays: NDArray[np.generic],
    blocks: int = 20,
    level: float = 0.95,
) -> list[Interval]:
    """Return Student's intervals of several statistics by leaving out blocks of rows.

    It suits statistics that repeated rows would spoil, such as entropies, and slow
    ones: they are computed `blocks` + 1 times. For a mean the result is the interval of
    the means of blocks.

    Args:
        statistics: takes arrays with some rows of `arrays`; returns numbers (m,).
        arrays: each (n, ...), n at least `blocks`; rows independent.
        blocks: number of blocks of nearly equal size, at least 2.
        level: of the two-sided intervals, in (0, 1).

    Returns:
        m intervals; nan for a statistic that is nan with or without a block.

    Raises:
        UserError: if there are fewer rows than blocks.
        ValueError: if the arrays do not have the same n.
    """
    _check(arrays)
    count = len(arrays[0])
    require_count("jackknife: rows", count, blocks)
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
    require_count("bootstrap: rows", len(arrays[0]), 2)


def _of_rows(
    statistic: Statistic, arrays: tuple[NDArray[np.generic], ...]
) -> Statistic:
    """Return the statistic as a function of row numbers of the arrays."""
    return lambda rows: statistic(*(array[rows] for array in arrays))


def _percentile(
    statistic: Statistic, sizes: list[int], level: float, resamples: int, seed: int
) -> Interval:
    """Return the interval of a statistic of row numbers, one array of them per set."""
    low, high = _resample(statistic, sizes, level, resamples, seed).confidence_interval
    value = statistic(*(np.arange(size) for size in sizes))
    return Interval(float(value), float(low), float(high))


def _resample(
    statistic: Statistic, sizes: list[int], level: float, resamples: int, seed: int
) -> Any:
    import scipy.stats  # takes 0.7 s; most importers only use `Interval`

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
    """Return the half-width of Student's interval at `level`, in standard errors."""
    import scipy.stats  # as above

    return float(scipy.stats.t.ppf((1 + level) / 2, freedom))
