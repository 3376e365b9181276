"""Section 3.2: does q(z_l | z_above) become the Gaussian p(z_l | z_above)?

If it does, the residuals (z_l - mu_p) / sigma_p under q(x, z) are N(0, 1) for every
z_above. For layers that do not depend on one another the residuals are the codes
themselves.
"""

from collections.abc import Callable, Iterator
from dataclasses import astuple
from typing import Any

import numpy as np
import pandas as pd

from vlae.statistics.intervals import UNDEFINED, jackknife
from vlae.statistics.moments import SKEWNESS_VARIANCE, root_mean_square
from vlae.statistics.normality import gaussian_divergence, negentropy, normality

COLUMNS = ["layer", "dimension", "measure", "value", "low", "high"]
MEASURES = [
    *("mean", "variance", "skewness", "excess_kurtosis", "ks", "negentropy", "kl"),
    *("explained", "draw_correlation", "signal_negentropy"),
]
EDGES = np.linspace(-5, 5, 101)
MIN_IMAGES = 40
"""Images below which nothing is said of residuals."""

Floats = np.ndarray


def compared(
    sizes: list[int], residuals: Floats, codes: Floats, active: float
) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Return a table of `COLUMNS`, one row per layer, dimension and measure; densities.

    Args:
        sizes: number of dimensions of each layer, bottom layer first.
        residuals: of several draws of z for each image, (draws, n, dimensions of all
            layers); draws at least 2.
        codes: z itself in the first draw, (n, dimensions of all layers).
        active: correlation from which a dimension counts as active.

    Measures of a dimension (counted from 1):

    - those of `statistics.normality`, of the first draw
    - `explained`: share of the residual's variance that is linear in all layers above
      (adjusted R^2, 0 if q follows p; nan for the top layer)
    - `draw_correlation`: correlation between the residuals of two draws of z given the
      same x. It is 0 if a dimension does not depend on x, and then the residuals are
      standard normal for that reason alone. A dimension is active if its correlation is
      at least `active`.
    - `signal_negentropy`: the `negentropy` of means over all draws, which estimate
      E[residual | x]. Single draws hold noise of the posterior, which is Gaussian by
      construction and hides the shape of what the code says of the image: at a
      correlation of .6 a signal of two values has a negentropy of .03 nats in single
      draws and of .57 in means of eight.

    Dimension 0 is the whole layer. Its measures are:

    - those of dimensions, averaged over active dimensions. `mean` and `skewness` are
      root mean squares minus the value expected by chance; `draw_correlation` is
      averaged over all dimensions.
    - `divergence`: KL from N(0, I) of the Gaussian with the mean and covariance of the
      active dimensions, in nats for the layer.
    - `active`: the number of active dimensions.
    - `draws`: the number of draws.

    All but `draw_correlation`, `active` and `draws` are nan if no dimension is active,
    and all but `active` and `draws` if there are fewer than `MIN_IMAGES` images.
    Intervals are 95 %, by a jackknife over blocks of images.

    Arrays: `edges` (101,) and `density_1` ... `density_L` (100,), the densities of the
    residuals of all active dimensions of a layer, or of all dimensions if none is
    active.
    """
    rows: list[tuple[Any, ...]] = []
    arrays: dict[str, Floats] = {"edges": EDGES}
    for layer, (drawn, above) in enumerate(_of_layers(sizes, residuals, codes), 1):
        residual, again, signal = drawn[0], drawn[1], drawn.mean(0)
        used = draw_correlation(residual, again) >= active
        of_layer = _statistics(used)
        names = [(d + 1, m) for m in MEASURES for d in range(len(used))]
        names += [(0, m) for m in [*MEASURES, "divergence"]]
        found = [UNDEFINED] * len(names)
        if len(residual) >= MIN_IMAGES:
            with np.errstate(invalid="ignore"):  # a dimension may not vary: infinite kl
                found = jackknife(of_layer, residual, again, signal, above)
        rows += [
            (layer, dimension, measure, *astuple(one))
            for (dimension, measure), one in zip(names, found, strict=True)
        ]
        rows.append((layer, 0, "active", float(used.sum()), np.nan, np.nan))
        rows.append((layer, 0, "draws", float(len(residuals)), np.nan, np.nan))
        shown = residual[:, used] if used.any() else residual
        counts, _ = np.histogram(shown, EDGES)
        arrays[f"density_{layer}"] = counts / shown.size / np.diff(EDGES)
    return pd.DataFrame(rows, columns=COLUMNS), arrays


def _of_layers(
    sizes: list[int], residuals: Floats, codes: Floats
) -> Iterator[tuple[Floats, Floats]]:
    """Yield the residuals of a layer and all latents above, layer by layer.

    They are (draws, n, d_l) and (n, d_above), the bottom layer first.
    """
    ends = np.cumsum(sizes)
    for size, end in zip(sizes, ends, strict=True):
        layer = slice(end - size, end)
        yield residuals[..., layer], codes[:, end:]


def draw_correlation(first: Floats, second: Floats) -> Floats:
    """Return the correlation of each dimension in two sets of draws.

    Args:
        first: (n, d).
        second: (n, d), rows in the same order.

    Returns:
        (d,); 0 for a dimension that does not vary.
    """
    one, two = first - first.mean(0), second - second.mean(0)
    scale = np.sqrt((one**2).sum(0) * (two**2).sum(0))
    return np.divide((one * two).sum(0), scale, np.zeros_like(scale), where=scale > 0)


def explained(residual: Floats, above: Floats) -> Floats:
    """Return the adjusted R^2 of a regression of each dimension on the latents above.

    Args:
        residual: (n, d).
        above: (n, a).

    Returns:
        (d,), with mean 0 if both are independent; nan if there is nothing above, or
        if rows are too few for a regression.
    """
    count, seen = above.shape
    if not seen or count <= seen + 1:
        return np.full(residual.shape[1], np.nan)
    design = np.concatenate([np.ones((count, 1)), above], 1)
    fitted = design @ np.linalg.lstsq(design, residual)[0]
    left = ((residual - fitted) ** 2).mean(0) / residual.var(0)
    return 1 - left * (count - 1) / (count - seen - 1)


def _statistics(active: np.ndarray) -> Callable[..., Floats]:
    """Return a function that computes the numbers of one layer in the table's order.

    Args:
        active: which dimensions are active, (d,).
    """

    def statistics(
        residual: Floats, again: Floats, signal: Floats, above: Floats
    ) -> Floats:
        table = normality(residual)
        table["explained"] = explained(residual, above)
        table["draw_correlation"] = draw_correlation(residual, again)
        table["signal_negentropy"] = negentropy(signal)
        values = table[MEASURES].to_numpy().T
        of_layer = np.full(len(MEASURES) + 1, np.nan)
        if active.any():
            of_active = table[active]
            of_layer[:-1] = of_active[MEASURES].mean()
            count, variance = len(residual), of_active["variance"].mean()
            for name, chance in (("mean", variance), ("skewness", SKEWNESS_VARIANCE)):
                signed = of_active[name].to_numpy()
                of_layer[MEASURES.index(name)] = root_mean_square(
                    signed, chance / count
                )
            of_layer[-1] = gaussian_divergence(residual[:, active])
        correlations = table["draw_correlation"]
        of_layer[MEASURES.index("draw_correlation")] = correlations.mean()
        return np.concatenate([values.flatten(), of_layer])

    return statistics
