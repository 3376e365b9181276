"""Checks of the arguments of estimators."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlae.system.errors import UserError

Floats = NDArray[np.float64]


def finite(name: str, values: ArrayLike, axes: int) -> Floats:
    """Return `values` in double precision.

    Raises:
        ValueError: if they do not have that many `axes`, or hold NaNs or infinities.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != axes:
        raise ValueError(f"{name}: expected {axes} axes, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: not all values are finite")
    return array


def pair(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    """Return two sets of features, (n, d) and (m, d), in double precision.

    Raises:
        ValueError: as `finite`, or if the sets do not have the same d.
    """
    one, two = finite("first set", first, 2), finite("second set", second, 2)
    if one.shape[1] != two.shape[1]:
        raise ValueError(f"the sets have {one.shape[1]} and {two.shape[1]} features")
    return one, two


def require_count(what: str, count: int, minimum: int) -> None:
    """Raise `UserError` if `count` is less than `minimum`."""
    if count < minimum:
        raise UserError(
            f"{what}: {count} is too few, expected at least {minimum}. Set a larger "
            "number of samples or of steps."
        )
