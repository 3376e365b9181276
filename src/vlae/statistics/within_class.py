"""A property within the class: what is left of it once the class has had its share.

Digits differ in width because a 1 is narrow and a 0 is not, and because one 0 is wider
than another. A layer that holds the class alone changes the first and not the second.
In symbols::

    m_c     = sum_i p_c(x_i) f(x_i) / sum_i p_c(x_i)     over reference images x_i
    f_in(x) = f(x) - sum_c p_c(x) m_c

for a property f and probabilities p_c of the classes. With sure classes the variance of
f is that of its class means plus that of f_in.
"""

import numpy as np
from numpy.typing import NDArray

from vlae.statistics._checks import Floats


def class_means(
    values: NDArray[np.generic], probabilities: NDArray[np.generic]
) -> Floats:
    """Return the mean of a property in each class, weighted by the probabilities.

    Args:
        values: property of n images, (n,) or (n, d); an image where it is undefined
            (nan) does not count.
        probabilities: of the classes, (n, classes), rows that add up to 1.

    Returns:
        (classes,) or (classes, d). A class that no image has gets the mean over all
        images; all means are nan if the property is undefined everywhere.
    """
    rows = values.reshape(len(values), -1).astype(np.float64)
    defined = ~np.isnan(rows).any(1)
    rows, weights = rows[defined], probabilities[defined].astype(np.float64)
    if not len(rows):
        return np.full((probabilities.shape[1], *values.shape[1:]), np.nan)
    totals = weights.sum(0)[:, None]
    means = np.tile(rows.mean(0), (len(totals), 1))
    np.divide(weights.T @ rows, totals, out=means, where=totals > 0)
    return means.reshape(len(means), *values.shape[1:])


def within_class(
    values: NDArray[np.generic], probabilities: NDArray[np.generic], means: Floats
) -> Floats:
    """Return a property less the mean of its class, the class as it is believed.

    Args:
        values: property of n images, (n,) or (n, d).
        probabilities: of the classes, (n, classes), rows that add up to 1.
        means: result of `class_means`, perhaps of other images.

    Returns:
        as `values`, in their unit; nan where they are.
    """
    expected: Floats = probabilities.astype(np.float64) @ means
    return values.astype(np.float64) - expected
