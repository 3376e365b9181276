"""What panels of images say about layers: effects on a grid, and variances.

A panel has n images that one layer makes different, and k panels belong to k layers. On
a grid (the paper's Figure 5) image i stands at a known code c_i of its layer, and all
other layers are drawn for it. Then E(f | c) is a smooth function m of the code, and the
first-order effect of the layer on a property f is estimated by how well the other cells
predict each cell,

    S = 1 - sum_i w_i |f_i - m_(-i)(c_i)|^2 / sum_i w_i |f_i - mean_(-i)|^2

with a cubic m that is fitted by weighted least squares to all cells but i, and the
weight w_i of the code in the prior: a leave-one-out R^2. A layer that does nothing has
an S of about 0, and below it by chance.

Where one layer is redrawn and all others are kept (Figures 3, 6 and 7), the variance of
a property over a panel is what this layer does at one draw of the others.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from vlae.statistics._checks import Floats, finite
from vlae.statistics.quotients import Quotients, bootstrap_quotients
from vlae.system.errors import UserError

DEGREE = 3
"""Degree of the polynomial in all coordinates of the code together."""


def normal_masses(axis: ArrayLike) -> Floats:
    """Return the mass of N(0, 1) that is nearest to each point of an axis.

    The outermost points get the tails as well, so that the masses add up to 1: a
    property is taken as constant beyond the grid.

    Args:
        axis: (n,), ascending.
    """
    points = finite("axis", axis, 1)
    borders = [-np.inf, *((points[1:] + points[:-1]) / 2), np.inf]
    masses: Floats = np.diff(ndtr(borders))
    return masses


def grid_effects(
    panels: Sequence[NDArray[np.floating]], codes: ArrayLike, weights: ArrayLike
) -> Quotients:
    """Return the first-order effects S of k layers, with a bootstrap over the cells.

    Args:
        panels: a property of the n cells of each panel, (n,) or (n, ...), whose
            dimensions are summed; a cell where it is undefined (nan) does not count.
        codes: (n, d), of the cells, the same in all panels.
        weights: (n,), mass of the code of each cell in the prior.

    Returns:
        k effects; nan where a property does not vary.

    Raises:
        UserError: if a panel has too few cells for the fit.
    """
    places, masses = finite("codes", codes, 2), finite("weights", weights, 1)
    terms = [_grid_terms(panel, places, masses) for panel in panels]
    changes, spreads = (np.stack(part, 1) for part in zip(*terms, strict=True))
    return bootstrap_quotients(changes, spreads).complements()


def panel_variances(
    panels: Sequence[NDArray[np.floating]], whole: float | None = None
) -> Quotients:
    """Return the variances of k panels, with a bootstrap over the images.

    Args:
        panels: a property of the n images of each panel, (n,) or (n, ...), whose
            dimensions are summed; an image where it is undefined (nan) does not count.
        whole: what the variances are divided by; the largest of them unless given.
    """
    squares = np.stack([_squares(panel) for panel in panels], 1)
    below = squares[:, [squares.sum(0).argmax()]]
    if whole is not None:
        below = np.full((len(squares), 1), whole / len(squares))
    return bootstrap_quotients(squares, np.broadcast_to(below, squares.shape))


def _squares(panel: NDArray[np.floating]) -> Floats:
    """Return parts (n,) that add up to the unbiased variance of a property."""
    rows, is_defined = _rows(panel)
    found, count = np.zeros(len(rows)), int(is_defined.sum())
    if count >= 2:
        kept = rows[is_defined]
        found[is_defined] = ((kept - kept.mean(0)) ** 2).sum(1) / (count - 1)
    return found


def _grid_terms(
    panel: NDArray[np.floating], codes: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """Return each cell's errors without it, of the cubic and of the mean; (n,) each."""
    rows, is_defined = _rows(panel)
    powers = _powers(codes[is_defined])
    if len(powers) <= powers.shape[1]:
        raise UserError(
            f"a grid has {len(powers)} images that can be measured; expected more than "
            f"{powers.shape[1]}, the coefficients of a cubic in "
            f"{codes.shape[1]} coordinates."
        )
    found = []
    for design in (powers, powers[:, :1]):
        terms = np.zeros(len(rows))
        errors = _left_out(design, rows[is_defined], weights[is_defined])
        terms[is_defined] = weights[is_defined] * (errors**2).sum(1)
        found.append(terms)
    return found[0], found[1]


def _powers(codes: Floats) -> Floats:
    """Return all products of at most `DEGREE` coordinates, (n, terms), 1 first."""
    chosen = [
        list(columns)
        for degree in range(DEGREE + 1)
        for columns in combinations_with_replacement(range(codes.shape[1]), degree)
    ]
    return np.stack([codes[:, columns].prod(1) for columns in chosen], 1)


def _left_out(design: Floats, values: Floats, weights: Floats) -> Floats:
    """Return what is left of values (n, d) after a fit (n, p) to all other rows."""
    root = np.sqrt(weights)[:, None]
    basis = np.linalg.qr(root * design)[0]
    errors = values - basis @ (basis.T @ (root * values)) / root
    left: Floats = errors / (1 - (basis**2).sum(1, keepdims=True))
    return left


def _rows(panel: NDArray[np.floating]) -> tuple[Floats, NDArray[np.bool]]:
    rows = panel.reshape(len(panel), -1).astype(np.float64)
    return rows, ~np.isnan(rows).any(1)
