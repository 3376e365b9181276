"""What panels of images say about layers: effects on a grid, and variances.

A panel has n images that one layer makes different, and k panels belong to k layers. On
a grid (the paper's Figure 5) image i stands at a known code c_i of its layer, and all
other layers are drawn for it. Then E(f | c) is a smooth function m of the code, and the
first-order effect of the layer on a property f is how well the other images predict
each one (a leave-one-out R^2)::

    S = 1 - sum_i w_i |f_i - m_(-i)(c_i)|^2 / sum_i w_i |f_i - mean|^2

with the mass w_i of the prior around c_i, and m a ridge regression with a Gaussian
kernel, whose length and penalty are those of `LENGTHS` and `PENALTIES` with the largest
S. docs/science.md says how well it agrees with the index of draws, and that a cubic in
the code agrees less.

Where one layer is redrawn and all others are kept (Figures 3, 6 and 7), the variance of
a property over a panel is what this layer does at one draw of the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from vlae.statistics._checks import Floats, finite
from vlae.statistics.quotients import Quotients, bootstrap_quotients

LENGTHS = (0.3, 0.6, 1.2, 2.4, 4.8)
"""Lengths of the kernel, in standard deviations of the prior."""
PENALTIES = (0.1, 1.0, 10.0)
"""Penalties of the ridge regression, in variances of the property around its mean."""


class _Kernel(NamedTuple):
    """Eigenvalues (n,) and eigenvectors (n, n) of a kernel between n codes."""

    values: Floats
    vectors: Floats


@dataclass(frozen=True)
class Grid:
    """n codes of one layer, around which the other layers are drawn.

    Args:
        codes: (n, d).
        weights: (n,), the mass of the prior around each code.
    """

    codes: Floats
    weights: Floats

    @classmethod
    def square(cls, side: int, extent: float) -> "Grid":
        """Return a grid of side x side codes from -extent to extent, row by row.

        The prior is N(0, 1) in both coordinates.
        """
        axis = np.linspace(-extent, extent, side)
        masses = normal_masses(axis)
        codes = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        return cls(codes, np.outer(masses, masses).ravel())

    def effects(self, panels: Sequence[NDArray[np.floating]]) -> Quotients:
        """Return the first-order effects S of k layers, with a bootstrap over images.

        The bootstrap keeps the chosen kernels. The panels are drawn separately, so the
        lead of one has the interval of a difference of independent numbers.

        Args:
            panels: a property of the n images of each panel, (n,) or (n, ...), whose
                dimensions are summed; an image where it is undefined (nan) does not
                count.

        Returns:
            k effects; nan where a property does not vary.
        """
        terms = [self._terms(panel) for panel in panels]
        changes, spreads = (np.stack(part, 1) for part in zip(*terms, strict=True))
        return bootstrap_quotients(changes, spreads).complements()

    def _terms(self, panel: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """Return weighted squared distances of the images, (n,) each.

        They are those from what the others predict, by the smooth function that does
        it best, and those from the mean.
        """
        rows, is_defined = _rows(panel)
        change, spread = np.zeros(len(rows)), np.zeros(len(rows))
        if is_defined.sum() >= 2:
            weights = self.weights[is_defined] / self.weights[is_defined].sum()
            values = rows[is_defined] - weights @ rows[is_defined]
            if values.shape[1] > len(values):  # turned so that only n dimensions vary
                values = np.asarray(np.linalg.qr(values.T, mode="r")).T
            fits = (
                fit
                for kernel in self._kernels(is_defined)
                for fit in _squared_errors(values, kernel)
            )
            change[is_defined] = weights * min(fits, key=lambda fit: weights @ fit)
            spread[is_defined] = weights * (values**2).sum(1)
        return change, spread

    def _kernels(self, is_defined: NDArray[np.bool]) -> list[_Kernel]:
        """Return the kernels between the codes of images with a defined property."""
        if is_defined.all():
            return self._all_kernels
        return _kernels(self.codes[is_defined])

    @cached_property
    def _all_kernels(self) -> list[_Kernel]:
        return _kernels(self.codes)


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


def defined(panel: NDArray[np.floating]) -> int:
    """Return for how many images a property, (n,) or (n, ...), is defined."""
    return int(_rows(panel)[1].sum())


def _squares(panel: NDArray[np.floating]) -> Floats:
    """Return parts (n,) that add up to the unbiased variance of a property."""
    rows, is_defined = _rows(panel)
    found, count = np.zeros(len(rows)), int(is_defined.sum())
    if count >= 2:
        kept = rows[is_defined]
        found[is_defined] = ((kept - kept.mean(0)) ** 2).sum(1) / (count - 1)
    return found


def _kernels(codes: Floats) -> list[_Kernel]:
    """Return Gaussian kernels of all `LENGTHS` between codes (n, d)."""
    squares = ((codes[:, None] - codes[None]) ** 2).sum(-1)
    return [_Kernel(*np.linalg.eigh(np.exp(-squares / (2 * s**2)))) for s in LENGTHS]


def _squared_errors(values: Floats, kernel: _Kernel) -> Iterator[Floats]:
    """Yield the squared errors (n,) at values (n, d) of fits to all other values.

    There is one for each of `PENALTIES`.
    """
    turned = kernel.vectors.T @ values
    for penalty in PENALTIES:
        left = penalty / (kernel.values + penalty)
        errors = kernel.vectors @ (left[:, None] * turned)
        yield (errors**2).sum(1) / (kernel.vectors**2 @ left) ** 2


def _rows(panel: NDArray[np.floating]) -> tuple[Floats, NDArray[np.bool]]:
    """Return a property as rows (n, d), and for which it is defined, (n,)."""
    rows = panel.reshape(len(panel), -1).astype(np.float64)
    return rows, np.asarray(~np.isnan(rows).any(1))
