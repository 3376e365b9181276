"""Total-effect index: how much of a property's variance redrawing a layer moves.

T_l = E[(f(A) - f(A with layer l redrawn))^2] / (2 Var f)   (Jansen 1999)

for a model whose layers' noise is independent. Indices overlap and need not add
to one: they are not shares.
"""

import numpy as np


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
    first = base.reshape(len(base), -1).astype(np.float64)
    second = redrawn.reshape(len(redrawn), -1).astype(np.float64)
    defined = ~(np.isnan(first) | np.isnan(second)).any(1)
    first, second = first[defined], second[defined]
    if len(first) < 2:
        return float("nan")
    # Both sides are draws of the same distribution: together they estimate Var f
    # best.
    variance = np.concatenate([first, second]).var(0).sum()
    change = ((first - second) ** 2).mean(0).sum()
    return float(change / (2 * variance)) if variance > 0 else float("nan")


def class_effect(base: np.ndarray, redrawn: np.ndarray) -> float:
    """T of one layer on a class: P(it changes) / P(two independent draws differ).

    Args:
        base: class of independent draws, integers (n,).
        redrawn: class after redrawing one layer.

    Returns:
        as `total_effect`; nan if there is only one class.
    """
    both = np.concatenate([base, redrawn])
    frequencies = np.unique(both, return_counts=True)[1] / len(both)
    differ = 1 - (frequencies**2).sum()
    return float((base != redrawn).mean() / differ) if differ > 0 else float("nan")
