"""Does a layer's code mean the same whatever the other layers say?

Two views of claim S. Over all of a layer's code: the share S / T of what it moves
(total effect T) that it moves by itself (first-order effect S), by pick-freeze
(Sobol 2001, Jansen 1999). Of one coordinate: whether a step along it always changes a
property in the same direction.
"""

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from vlae.statistics._checks import Floats, enough
from vlae.statistics.intervals import Interval, bootstrap
from vlae.statistics.sensitivity import total_effect


@dataclass(frozen=True)
class Stability:
    """Effects of one layer on one property; nan if the property does not vary."""

    total: Interval
    """T: 0 if the layer does nothing, about 1 if it does everything."""
    first_order: Interval
    """S: at most T, but for the sampling error."""
    ratio: Interval
    """S / T: 1 if the layer's effect adds to the others', 0 if it is all interaction.
    Where T is small it says nothing."""


def stability(
    base: NDArray[np.generic],
    redrawn: NDArray[np.generic],
    kept: NDArray[np.generic],
    *,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> Stability:
    """S, T and S / T of a layer, with bootstrap intervals over the base samples.

    Args:
        base: property of n independent draws, (n,) or (n, ...). Integers are a class:
            they are taken as indicators, which makes T the `class_effect`.
        redrawn: of the same draws with this layer's noise redrawn.
        kept: of the same draws with the noise of all other layers redrawn.
        level: of the two-sided intervals.

    Returns:
        effects. Draws with an undefined (nan) property on any side do not count. The
        intervals take the mean and (but for its sampling error) the variance of the
        property as known, which costs them one part in n.

    Raises:
        UserError: fewer than 2 draws.
        ValueError: the arrays do not have the same shape.
    """
    if not base.shape == redrawn.shape == kept.shape:
        raise ValueError(f"shapes differ: {base.shape} {redrawn.shape} {kept.shape}")
    sides = [side.reshape(len(side), -1) for side in _numbers(base, redrawn, kept)]
    defined = ~np.isnan(np.concatenate(sides, 1)).any(1)
    start, alone, others = (side[defined] for side in sides)
    enough("stability: draws with a defined property", len(start), 2)
    total = total_effect(start, alone)
    first = 1 - total_effect(start, others)
    # A row's squared change and squared distance from the mean: ratios of their means
    # are the effects, so that a resample costs four numbers a row, not an image.
    columns = [_squares(start - alone), _squares(start - others)]
    for side in (alone, others):
        mean = np.concatenate([start, side]).mean(0)
        columns.append(_squares(start - mean) + _squares(side - mean))
    rows = np.stack(columns, 1)

    def interval(value: float, part: int) -> Interval:
        def statistic(drawn: Floats) -> float:
            return _effects(drawn)[part]

        if not np.isfinite(value):
            return Interval(*[float("nan")] * 3)
        found = bootstrap(statistic, rows, level=level, resamples=resamples, seed=seed)
        return Interval(value, found.low, found.high)

    ratio = first / total if total > 0 else float("nan")
    return Stability(interval(total, 0), interval(first, 1), interval(ratio, 2))


def sign_consistency(
    before: NDArray[np.generic], after: NDArray[np.generic], *, level: float = 0.95
) -> Interval:
    """Share of pairs in which a step changes a property in the majority's direction.

    Args:
        before: property (n,) of n independent draws of the other layers.
        after: the same with one coordinate of the code moved by one step. Pairs with
            an undefined (nan) property do not count. Start every pair at the same
            code: where the effect bends (x -> x^2), other starts are other directions.
        level: of the two-sided interval (Wilson's, of a binomial share).

    Returns:
        1 if the direction never depends on the other layers, .5 if it is a coin's toss.
        A pair without change is in no direction, so it can be lower; 0 if no pair
        changes. The larger of two shares is taken: at .5 it is about
        0.4 / sqrt(n) too large.

    Raises:
        UserError: no pair is defined.
        ValueError: not two arrays (n,).
    """
    if before.ndim != 1 or before.shape != after.shape:
        raise ValueError(f"expected two arrays (n,), got {before.shape} {after.shape}")
    change = after.astype(np.float64) - before.astype(np.float64)
    change = change[~np.isnan(change)]
    enough("sign_consistency: pairs with a defined property", len(change), 1)
    most = max(int((change > 0).sum()), int((change < 0).sum()))
    share = scipy.stats.binomtest(most, len(change))
    found = share.proportion_ci(level, method="wilson")
    return Interval(most / len(change), float(found.low), float(found.high))


def _numbers(*sides: NDArray[np.generic]) -> list[Floats]:
    """Properties in double precision; classes (n,) as indicators (n, classes)."""
    if not all(np.issubdtype(side.dtype, np.integer) for side in sides):
        return [side.astype(np.float64) for side in sides]
    classes = np.unique(np.concatenate(sides))
    return [(side[..., None] == classes).astype(np.float64) for side in sides]


def _squares(rows: Floats) -> Floats:
    summed: Floats = (rows**2).sum(1)
    return summed


def _effects(rows: Floats) -> tuple[float, float, float]:
    """T, S and S / T of rows (n, 4): two squared changes, two sums of squares."""
    change, change_others, spread, spread_others = rows.mean(0)
    if min(spread, spread_others) == 0:
        return (float("nan"),) * 3
    # total_effect is change / (2 variance), and `spread` is twice the variance.
    total, first = change / spread, 1 - change_others / spread_others
    return total, first, first / total if total > 0 else float("nan")
