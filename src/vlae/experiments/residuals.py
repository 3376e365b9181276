"""Section 3.2: does q(z_l | z_above) become the Gaussian p(z_l | z_above)?

If it does, the residuals (z_l - mu_p) / sigma_p under q(x, z) are N(0, 1) for every
z_above. For layers that do not depend on one another the residuals are the codes
themselves.
"""

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.experiments.base import Context, Result
from vlae.statistics.intervals import jackknife
from vlae.statistics.moments import SKEWNESS_VARIANCE, root_mean_square
from vlae.statistics.normality import gaussian_divergence, normality
from vlae.training.trained_run import in_batches

COLUMNS = ["layer", "dimension", "measure", "value", "low", "high"]
MEASURES = [
    *("mean", "variance", "skewness", "excess_kurtosis", "ks", "negentropy", "kl"),
    *("explained", "draw_correlation"),
]
EDGES = np.linspace(-5, 5, 101)

Floats = np.ndarray


def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, one row per layer, dimension and measure; densities.

    Measures of a dimension (counted from 1):

    - those of `statistics.normality`
    - `explained`: share of the residual's variance that is linear in all layers above
      (adjusted R^2, 0 if q follows p; nan for the top layer)
    - `draw_correlation`: correlation between the residuals of two draws of z given the
      same x. It is 0 if a dimension does not depend on x, and then the residuals are
      standard normal for that reason alone. A dimension is active if its correlation is
      at least the setting `active`.

    Dimension 0 is the whole layer. Its measures are:

    - those of dimensions, averaged over active dimensions. `mean` and `skewness` are
      root mean squares minus the value expected by chance; `draw_correlation` is
      averaged over all dimensions.
    - `divergence`: KL from N(0, I) of the Gaussian with the mean and covariance of the
      active dimensions, in nats for the layer.
    - `active`: the number of active dimensions.

    All but `draw_correlation` and `active` are nan if no dimension is active. Intervals
    are 95 %, by a jackknife over blocks of images.

    Arrays: `edges` (101,) and `density_1` ... `density_L` (100,), the densities of the
    residuals of all active dimensions of a layer, or of all dimensions if none is
    active.
    """
    rows: list[tuple[Any, ...]] = []
    arrays: dict[str, Floats] = {"edges": EDGES}
    for layer, (residual, again, above) in enumerate(_drawn(context), start=1):
        active = draw_correlation(residual, again) >= context.settings["active"]
        of_layer = _statistics(active)
        with np.errstate(invalid="ignore"):  # a dimension may not vary: kl is infinite
            found = jackknife(of_layer, residual, again, above)
        names = [(d + 1, m) for m in MEASURES for d in range(len(active))]
        names += [(0, m) for m in [*MEASURES, "divergence"]]
        rows += [
            (layer, dimension, measure, *astuple(one))
            for (dimension, measure), one in zip(names, found, strict=True)
        ]
        rows.append((layer, 0, "active", float(active.sum()), np.nan, np.nan))
        shown = residual[:, active] if active.any() else residual
        counts, _ = np.histogram(shown, EDGES)
        arrays[f"density_{layer}"] = counts / shown.size / np.diff(EDGES)
    return Result(pd.DataFrame(rows, columns=COLUMNS), arrays)


@torch.no_grad()
def _drawn(context: Context) -> list[tuple[Floats, Floats, Floats]]:
    """Return residuals, those of a second draw given the same x, and all latents above.

    One triple per layer, bottom layer first: (n, d_l), (n, d_l), (n, d_above).
    """
    model, stream = context.run.model, context.run.stream("residuals")
    x = context.held_out(context.settings["images"], stream).x

    def draw(x: Tensor, *noise: Tensor) -> Tensor:
        latents, _ = model.infer(x, list(noise))
        return torch.cat([*model.residuals(latents), *latents], 1)

    draws = []
    for _ in range(2):
        drawn = in_batches(draw, x, *model.draw_noise(len(x), stream))
        sizes = 2 * model.latent_sizes
        draws.append([part.cpu().double().numpy() for part in drawn.split(sizes, 1)])
    layers = len(model.latent_sizes)
    first, second = draws
    nothing = np.empty((len(x), 0))
    return [
        (first[i], second[i], np.hstack([nothing, *first[layers + i + 1 :]]))
        for i in range(layers)
    ]


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
        (d,), with mean 0 if both are independent; nan if there is nothing above.
    """
    count, seen = above.shape
    if not seen:
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

    def statistics(residual: Floats, again: Floats, above: Floats) -> Floats:
        table = normality(residual)
        table["explained"] = explained(residual, above)
        table["draw_correlation"] = draw_correlation(residual, again)
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
        of_layer[MEASURES.index("draw_correlation")] = values[-1].mean()
        return np.concatenate([values.flatten(), of_layer])

    return statistics
