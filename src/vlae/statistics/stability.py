"""Does a layer's code mean the same whatever the other layers hold?

There are two measures. For all of a layer's code: the share S / T of what it moves
(total effect T) that it moves by itself (first-order effect S), by pick-freeze
(Sobol 2001, Jansen 1999). For one coordinate: whether a step along it always changes a
property in the same direction.
"""

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from vlae.statistics._checks import Floats, require_count
from vlae.statistics.intervals import UNDEFINED, Interval, bootstrap
from vlae.statistics.sensitivity import total_effect


@dataclass(frozen=True)
class Stability:
    """Effects of one layer on one property; nan if the property does not vary."""

    total: Interval
    """T: 0 if the layer does nothing, about 1 if it does everything."""
    first_order: Interval
    """S: at most T, apart from the sampling error."""
    ratio: Interval
    """S / T: 1 if the layer's effect adds to those of others, 0 if it is only
    interaction; not meaningful if T is small."""


def stability(
    base: NDArray[np.generic],
    redrawn: NDArray[np.generic],
    kept: NDArray[np.generic],
    *,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> Stability:
    """Return S, T and S / T of a layer, with bootstrap intervals over the base samples.

    Args:
        base: property of n independent draws, (n,) or (n, ...).
        redrawn: property of the same draws with this layer's noise redrawn.
        kept: property of the same draws with the noise of all other layers redrawn.
        level: of the two-sided intervals.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns: the effects. Draws with an undefined (nan) property on any side do not
        count. The intervals take the property's mean as known and its variance as known
        up to its sampling error, which makes them too narrow by one part in n.

    Raises:
        UserError: if there are fewer than 2 draws.
        ValueError: if the arrays do not have the same shape.
    """
    if not base.shape == redrawn.shape == kept.shape:
        raise ValueError(f"shapes differ: {base.shape} {redrawn.shape} {kept.shape}")
    rows_of = [side.astype(np.float64) for side in (base, redrawn, kept)]
    sides = [side.reshape(len(side), -1) for side in rows_of]
    defined = ~np.isnan(np.concatenate(sides, 1)).any(1)
    start, alone, others = (side[defined] for side in sides)
    require_count("stability: draws with a defined property", len(start), 2)
    total = total_effect(start, alone)
    first = 1 - total_effect(start, others)
    # The effects are ratios of the means of squared changes and squared distances, so
    # that a resample takes four numbers per row and not an image.
    columns = [_squares(start - alone), _squares(start - others)]
    for side in (alone, others):
        mean = np.concatenate([start, side]).mean(0)
        columns.append(_squares(start - mean) + _squares(side - mean))
    rows = np.stack(columns, 1)

    def interval(value: float, part: int) -> Interval:
        def statistic(drawn: Floats) -> float:
            return _effects(drawn)[part]

        if not np.isfinite(value):
            return UNDEFINED
        found = bootstrap(statistic, rows, level=level, resamples=resamples, seed=seed)
        return Interval(value, found.low, found.high)

    ratio = first / total if total > 0 else float("nan")
    return Stability(interval(total, 0), interval(first, 1), interval(ratio, 2))


def sign_consistency(
    before: NDArray[np.generic], after: NDArray[np.generic], *, level: float = 0.95
) -> Interval:
    """Return the share of pairs in which a step has the direction of the majority.

    Args:
        before: property (n,) of n independent draws of the other layers.
        after: property with one coordinate of the code moved by one step. Pairs with an
            undefined (nan) property do not count. All pairs should start at the same
            code: if the effect bends (x -> x^2), different starts give different
            directions.
        level: of the two-sided interval (Wilson's, for a binomial share).

    Returns:
        1 if the direction never depends on the other layers, 0.5 if it is random. Pairs
        without a change have neither direction, so it can be lower; 0 if no pair
        changes. It is the larger of two shares: at 0.5 it is about 0.4 / sqrt(n) too
        large.

    Raises:
        UserError: if no pair is defined.
        ValueError: if there are not two arrays (n,).
    """
    if before.ndim != 1 or before.shape != after.shape:
        raise ValueError(f"expected two arrays (n,), got {before.shape} {after.shape}")
    change = after.astype(np.float64) - before.astype(np.float64)
    change = change[~np.isnan(change)]
    require_count("sign_consistency: pairs with a defined property", len(change), 1)
    most = max(int((change > 0).sum()), int((change < 0).sum()))
    share = scipy.stats.binomtest(most, len(change))
    found = share.proportion_ci(level, method="wilson")
    return Interval(most / len(change), float(found.low), float(found.high))


def _squares(rows: Floats) -> Floats:
    summed: Floats = (rows**2).sum(1)
    return summed


def _effects(rows: Floats) -> tuple[float, float, float]:
    """Return T, S, S / T of rows (n, 4): two squared changes, two sums of squares."""
    change, change_others, spread, spread_others = rows.mean(0)
    if min(spread, spread_others) == 0:
        return (float("nan"),) * 3
    # total_effect is change / (2 variance), and `spread` is twice the variance.
    total, first = change / spread, 1 - change_others / spread_others
    return total, first, first / total if total > 0 else float("nan")
