"""Whether two groups of seeds differ by more than seeds do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlae.statistics.intervals import Interval

LEVEL = 0.95


@dataclass(frozen=True)
class Seeds:
    """A number over seeds: how many, mean, standard deviation (n - 1), and range."""

    count: int
    mean: float
    deviation: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Seeds":
        """Of finite numbers, one a seed; one seed has no deviation (nan)."""
        found = np.asarray(values, dtype=float)
        deviation = found.std(ddof=1) if len(found) > 1 else float("nan")
        ends = found.min(), found.max()
        return cls(len(found), float(found.mean()), float(deviation), *map(float, ends))

    def holds(self, value: float, slack: float = 0.0) -> bool:
        """Whether `value` is in the range; `slack` is relative to the ends."""
        more = slack * max(abs(self.low), abs(self.high))
        return self.low - more <= value <= self.high + more


def difference(first: Seeds, second: Seeds, level: float = LEVEL) -> Interval:
    """Of the means, second less first, with Student's interval.

    Both groups are taken to have the same variance, which is pooled, so that one seed
    can be held against several (Student 1908; df = n1 + n2 - 2). With one seed each
    there is no spread, and the ends are nan.
    """
    value = second.mean - first.mean
    freedom = first.count + second.count - 2
    if freedom < 1:
        return Interval(value, float("nan"), float("nan"))
    from scipy.special import stdtrit  # a tenth of what scipy.stats takes to import

    groups = (first, second)
    squares = sum((g.count - 1) * g.deviation**2 for g in groups if g.count > 1)
    variance = squares / freedom * sum(1 / g.count for g in groups)
    half = float(stdtrit(freedom, (1 + level) / 2)) * float(np.sqrt(variance))
    return Interval(value, value - half, value + half)


def apart(difference: Interval) -> bool | None:
    """Whether a difference is more than seeds make; None if that cannot be told.

    A nan end compares false on both sides, hence the question.
    """
    if np.isnan(difference.low):
        return None
    return difference.low > 0 or difference.high < 0
