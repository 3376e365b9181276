"""Sobol indices: how much of a property changes when one layer is redrawn.

T_l = E[(f(A) - f(A with layer l redrawn))^2] / (2 Var f)   (Jansen 1999)

for a model whose layers have independent noise. The indices of several layers overlap
and need not add up to one, so they are not shares. The first-order index is one less
the total effect of all other layers together (Sobol 2001): what the layer fixes,
whatever the others are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlae.statistics.quotients import Quotients, bootstrap_quotients

Floats = NDArray[np.float64]
Terms = tuple[Floats, Floats]
"""Each draw's change, and its part of twice the variance; each (n,)."""

_BLOCK_ROWS = 256  # draws that are converted to double precision at once


@dataclass(frozen=True)
class Effects:
    """Effects of k pairs of a layer and a property, in the same resamples."""

    total: Quotients
    """T: 0 if the layer does nothing, about 1 if it does everything."""
    first_order: Quotients
    """S: at most T, apart from the sampling error."""

    @property
    def ratio(self) -> Quotients:
        """S / T: 1 if the layer's effect adds to those of others.

        It is 0 if the effect is only interaction, nan if T is 0, and not meaningful if
        T is small.
        """
        return self.first_order.over(self.total)


def layer_effects(terms: Sequence[tuple[Terms, Terms]]) -> Effects:
    """Return total and first-order effects with a bootstrap over the draws.

    Args:
        terms: for each layer and property what `effect_terms` returns of two sides that
            differ in this layer alone, and of two that differ in all others; the draws
            of all are the same n.

    Raises:
        UserError: if there are fewer than 2 draws.
    """
    sides = [side for pair in terms for side in pair]
    changes, spreads = (np.stack(part, 1) for part in zip(*sides, strict=True))
    found = bootstrap_quotients(changes, spreads)
    return Effects(found.every(2, 0), found.every(2, 1).complements())


def total_effect(base: np.ndarray, redrawn: np.ndarray) -> float:
    """Return T of one layer on a property, summed over its dimensions.

    Args:
        base: property of independent draws, (n,) or (n, ...). A class is given by its
            probabilities, (n, classes); if these are 0 and 1, the index is P(the class
            changes) / P(independent draws differ).
        redrawn: property of the same draws with one layer's noise redrawn.

    Returns:
        0 if the layer does nothing, about 1 if it does everything; nan if the property
        does not vary. Draws with an undefined (nan) property on either side do not
        count.
    """
    return quotient(*effect_terms(base, redrawn))


def effect_terms(base: np.ndarray, redrawn: np.ndarray) -> Terms:
    """Return the terms whose sums make the quotient `total_effect`, for a bootstrap.

    Args:
        base: property of independent draws, (n,) or (n, ...).
        redrawn: property of the same draws with one layer's noise redrawn.

    Returns:
        squared changes, and squared distances of both sides from the mean of all; each
        (n,), 0 for draws that do not count.
    """
    first, second = base.reshape(len(base), -1), redrawn.reshape(len(base), -1)
    defined = ~(np.isnan(first) | np.isnan(second)).any(1)
    change, spread = np.zeros(len(base)), np.zeros(len(base))
    rows = np.flatnonzero(defined)
    if len(rows) < 2:
        return change, spread
    blocks = np.split(rows, range(_BLOCK_ROWS, len(rows), _BLOCK_ROWS))
    # Both sides have the same distribution, so together they estimate Var f best.
    sums = [
        side[block].sum(0, dtype=np.float64)
        for side in (first, second)
        for block in blocks
    ]
    mean = sum(sums) / (2 * len(rows))
    for block in blocks:
        one, other = (side[block].astype(np.float64) for side in (first, second))
        change[block] = ((one - other) ** 2).sum(1)
        spread[block] = ((one - mean) ** 2).sum(1) + ((other - mean) ** 2).sum(1)
    return change, spread


def quotient(change: Floats, spread: Floats) -> float:
    """Return sum(change) / sum(spread); nan if nothing varies."""
    whole = float(spread.sum())
    return float(change.sum()) / whole if whole > 0 else float("nan")
