"""Total-effect index: how much of a property's variance redrawing a layer moves.

T_l = E[(f(A) - f(A with layer l redrawn))^2] / (2 Var f)   (Jansen 1999)

for a model whose layers' noise is independent. Indices overlap and need not add
to one: they are not shares.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Terms = tuple[Floats, Floats]
"""Of each draw: its change, and its share of twice the variance, each (n,)."""

_ROWS = 256  # of images in double precision at once


def total_effect(base: np.ndarray, redrawn: np.ndarray) -> float:
    """T of one layer on a property, summed over its dimensions.

    Args:
        base: property of independent draws, (n,) or (n, ...).
        redrawn: property of the same draws with one layer's noise redrawn.

    Returns:
        a number from 0 (the layer does nothing), about 1 if it does everything;
        nan if the property does not vary. Draws with an undefined (nan) property
        on either side do not count.
    """
    return quotient(*effect_terms(base, redrawn))


def class_effect(base: np.ndarray, redrawn: np.ndarray) -> float:
    """T of one layer on a class: P(it changes) / P(two independent draws differ).

    Args:
        base: class of independent draws, integers (n,).
        redrawn: class after redrawing one layer.

    Returns:
        as `total_effect`; nan if there is only one class.
    """
    return quotient(*class_terms(base, redrawn))


def effect_terms(base: np.ndarray, redrawn: np.ndarray) -> Terms:
    """What `total_effect` is the quotient of, draw by draw, for a bootstrap.

    Args:
        as `total_effect`.

    Returns:
        squared changes, and squared distances of both sides from the mean of all;
        0 for draws that do not count.
    """
    first, second = base.reshape(len(base), -1), redrawn.reshape(len(base), -1)
    defined = ~(np.isnan(first) | np.isnan(second)).any(1)
    change, spread = np.zeros(len(base)), np.zeros(len(base))
    rows = np.flatnonzero(defined)
    if len(rows) < 2:
        return change, spread
    blocks = np.split(rows, range(_ROWS, len(rows), _ROWS))
    # Both sides are draws of the same distribution: together they estimate Var f
    # best.
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


def class_terms(base: np.ndarray, redrawn: np.ndarray) -> Terms:
    """The same for a class, taken as the indicators of its values."""
    both = np.concatenate([base, redrawn])
    _, places, counts = np.unique(both, return_inverse=True, return_counts=True)
    frequencies = counts / len(both)
    distances = 1 - 2 * frequencies[places] + (frequencies**2).sum()
    first, second = np.split(distances, 2)
    return 2.0 * (base != redrawn), first + second


def quotient(change: Floats, spread: Floats) -> float:
    """Sum of the changes over the sum of the spreads; nan if nothing varies."""
    whole = float(spread.sum())
    return float(change.sum()) / whole if whole > 0 else float("nan")
