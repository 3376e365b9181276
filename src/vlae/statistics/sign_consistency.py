"""Whether a step along one coordinate always changes a property in one direction."""

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from vlae.statistics._checks import require_count
from vlae.statistics.intervals import Interval


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
