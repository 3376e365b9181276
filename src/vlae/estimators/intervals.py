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

from vlae.estimators._checks import enough, finite
from vlae.estimators.quotients import Interval

Statistic = Callable[..., float]


@dataclass(frozen=True)
class Spread:
    """A number over seeds: mean, smallest and largest, and of how many."""

    mean: float
    low: float
    high: float
    seeds: int


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


def bootstrap_difference(
    statistic: Statistic,
    first: tuple[NDArray[np.generic], ...],
    second: tuple[NDArray[np.generic], ...],
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of statistic(*first) - statistic(*second), drawn apart.

    For paired sets use `bootstrap` on the difference: its interval is narrower.

    Args:
        first: arrays (n, ...), resampled together.
        second: arrays (m, ...), resampled together and apart from `first`.

    Raises:
        as `bootstrap`.
    """
    for arrays in (first, second):
        _check(arrays)
    one, other = _of_rows(statistic, first), _of_rows(statistic, second)

    def difference(rows: NDArray[np.intp], others: NDArray[np.intp]) -> float:
        return one(rows) - other(others)

    sizes = [len(first[0]), len(second[0])]
    return _percentile(difference, sizes, level, resamples, seed)


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


def across_seeds(values: ArrayLike) -> Spread:
    """Mean and range of one number per seed, (seeds,), at least one.

    Raises:
        UserError: no values.
        ValueError: not one axis, or not finite.
    """
    array = finite("values", values, 1)
    enough("across_seeds: seeds", len(array), 1)
    low, high = float(array.min()), float(array.max())
    return Spread(float(array.mean()), low, high, len(array))


def non_inferior(difference: Interval, margin: float) -> bool:
    """Whether a loss is no larger than `margin`: upper bound <= margin.

    Args:
        difference: of a quantity of which less is better, new minus reference. Of a
            two-sided 95 % interval this is a one-sided test at 2.5 %.
        margin: set beforehand, at least 0, in the unit of the difference.

    Returns:
        False says only that it was not shown.

    Raises:
        ValueError: a negative margin, or a bound that is nan: nothing was measured.
    """
    if margin < 0:
        raise ValueError(f"a margin is at least 0, got {margin}")
    if math.isnan(difference.high):
        raise ValueError("the difference has no upper bound: it was not measured")
    return difference.high <= margin


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
