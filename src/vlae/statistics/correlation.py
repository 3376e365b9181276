"""Rank correlation of properties that may be undefined for some images."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def rank_correlation(
    first: NDArray[np.generic], second: NDArray[np.generic]
) -> float:
    """Return Spearman's rank correlation of two properties of the same rows.

    Args:
        first: (n,) or (n, d); a row in which either side is undefined (nan) is left
            out.
        second: of the same shape.

    Returns:
        from -1 to 1, for d numbers the mean of their d correlations; nan if one of them
        takes fewer than two values.

    Raises:
        ValueError: if the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"expected equal shapes, got {first.shape} {second.shape}")
    sides = [side.reshape(len(side), -1).astype(np.float64) for side in (first, second)]
    defined = ~np.isnan(np.concatenate(sides, 1)).any(1)
    one, two = (pd.DataFrame(side[defined]) for side in sides)
    if len(one) < 2 or (one.nunique() < 2).any() or (two.nunique() < 2).any():
        return float("nan")
    return float(one.rank().corrwith(two.rank()).mean())
