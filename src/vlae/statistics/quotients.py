"""Many quotients of sums over the same draws: their intervals, and which is largest.

The rows are independent draws. All quotients are computed in the same resamples of the
rows (a bootstrap with percentile intervals, Efron and Tibshirani 1993), so that a
difference of two of them has the interval of a paired difference: what the draws have
in common cancels.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vlae.statistics._checks import Floats, finite, require_count
from vlae.statistics.intervals import UNDEFINED, Interval


@dataclass(frozen=True)
class Quotients:
    """k quotients, and what they are in resamples of their rows; nan is undefined."""

    values: Floats
    """(k,)."""
    resampled: Floats
    """(resamples, k)."""

    def every(self, step: int, first: int) -> "Quotients":
        """Return every `step`-th quotient, beginning with number `first`."""
        return Quotients(self.values[first::step], self.resampled[:, first::step])

    def complements(self) -> "Quotients":
        """Return 1 less each quotient."""
        return Quotients(1 - self.values, 1 - self.resampled)

    def over(self, others: "Quotients") -> "Quotients":
        """Return each quotient over another one; nan where that is not positive."""
        sides = (
            (self.values, others.values),
            (self.resampled, others.resampled),
        )
        return Quotients(*(_divided(*side) for side in sides))

    def intervals(self, level: float = 0.95) -> list[Interval]:
        """Return the k quotients with two-sided intervals at `level`.

        The ends are nan if the quotient is undefined in any resample.
        """
        low, high = _ends(self.resampled, level)
        ends = zip(self.values.tolist(), low.tolist(), high.tolist(), strict=True)
        return [Interval(*numbers) for numbers in ends]

    def less(self, others: Sequence[int | None], level: float = 0.95) -> list[Interval]:
        """Return how far each quotient is above one other, as a paired difference.

        Args:
            others: for each of the k quotients the number of the other one, or None.
            level: of the two-sided intervals.

        Returns:
            k intervals; undefined where there is no other quotient, or one of the two
            is undefined.
        """
        found = []
        for column, other in enumerate(others):
            if other is None:
                found.append(UNDEFINED)
                continue
            ahead = float(self.values[column] - self.values[other])
            drawn = self.resampled[:, column] - self.resampled[:, other]
            low, high = _ends(drawn, level)
            found.append(Interval(ahead, float(low), float(high)))
        return found

    def leads(self, groups: Sequence[Hashable], level: float = 0.95) -> list[Interval]:
        """Return how far each quotient is above the largest other of its group.

        The difference from each rival has its own interval, and the smallest of the
        values, of the lower ends and of the upper ends are those of the lead. So the
        lower end is above 0 only if the quotient is surely above every rival, which of
        equal quotients happens to each in at most (1 - level) / 2 of all samples. The
        upper end is below 0 if the quotient is surely below some rival.

        Args:
            groups: the group of each quotient, k of them.
            level: of the two-sided interval of every difference.

        Returns:
            k intervals; undefined for a quotient that is alone in its group, or if any
            quotient of the group is undefined.
        """
        found = []
        for column, group in enumerate(groups):
            others = [i for i, name in enumerate(groups) if name == group]
            others.remove(column)
            if not others:
                found.append(UNDEFINED)
                continue
            ahead = self.values[column] - self.values[others]
            drawn = self.resampled[:, [column]] - self.resampled[:, others]
            ends = (ahead, *_ends(drawn, level))
            found.append(Interval(*(float(numbers.min()) for numbers in ends)))
        return found


def bootstrap_quotients(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Quotients:
    """Return sum(numerators) / sum(denominators), and the same of resampled rows.

    Resampled sums are products with the multinomial counts of the rows, which are drawn
    once for all quotients.

    Args:
        numerators: (n, k), n at least 2.
        denominators: (n, k).
        resamples: how often the quotients are computed.
        seed: of the resampling.

    Returns:
        k quotients; nan where the denominator is 0.

    Raises:
        UserError: if there are fewer than 2 rows.
        ValueError: if the shapes differ or numbers are not finite.
    """
    above = finite("numerators", numerators, 2)
    below = finite("denominators", denominators, 2)
    if above.shape != below.shape:
        raise ValueError(f"expected equal shapes, got {above.shape} {below.shape}")
    rows = len(above)
    require_count("bootstrap: rows", rows, 2)
    random = np.random.default_rng(seed)
    counts = random.multinomial(rows, np.full(rows, 1 / rows), size=resamples)
    counts = counts.astype(np.float64)  # products of integers are slow
    with np.errstate(invalid="ignore", divide="ignore"):
        values = above.sum(0) / below.sum(0)
        drawn = (counts @ above) / (counts @ below)
    drawn[~np.isfinite(drawn)] = np.nan
    values[~np.isfinite(values)] = np.nan
    return Quotients(values, drawn)


def _divided(above: Floats, below: Floats) -> Floats:
    """Return above / below; nan where below is not positive."""
    positive = np.where(below > 0, below, np.nan)
    return above / positive


def _ends(drawn: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the ends (k,) of percentile intervals from resamples (resamples, k)."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
