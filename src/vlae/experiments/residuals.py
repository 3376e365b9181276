"""Section 3.2: does q(z_l | z_above) become the Gaussian p(z_l | z_above)?

If it does, the residuals (z_l - mu_p) / sigma_p under q(x, z) are N(0, 1), whatever
z_above. For layers that do not see one another they are the codes themselves.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.data.noise import observe
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
    """Table of `COLUMNS`, a row per layer, dimension (from 1) and measure.

    Measures: those of `estimators.normality`; `explained`, the share of the residual's
    variance that is linear in all layers above (adjusted R^2, which p should leave at
    0; nan at the top); `draw_correlation`, between the residuals of two draws of z
    given one x. It is 0 in a dimension that says nothing about x, whose residuals are
    N(0, 1) for that reason alone; from the setting `active` on a dimension is active.

    Dimension 0 is the layer: of each measure the mean over active dimensions (for
    `mean` and `skewness` the root mean square, less what is so by chance; for
    `draw_correlation` over all dimensions), `divergence` (KL
    of the Gaussian with the mean and covariance of the active dimensions from N(0, I),
    in nats for the layer), and `active`, their number. All but `active` are nan if none
    is active. Intervals are of 95 %, by a jackknife over blocks of images.

    Arrays: `edges` (101,) and `density_1` ... `density_L` (100,): of the residuals of a
    layer's active dimensions together, of all if none is.
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
            (layer, dimension, measure, one.value, one.low, one.high)
            for (dimension, measure), one in zip(names, found, strict=True)
        ]
        rows.append((layer, 0, "active", float(active.sum()), np.nan, np.nan))
        shown = residual[:, active] if active.any() else residual
        counts, _ = np.histogram(shown, EDGES)
        arrays[f"density_{layer}"] = counts / shown.size / np.diff(EDGES)
    return Result(pd.DataFrame(rows, columns=COLUMNS), arrays)


@torch.no_grad()
def _drawn(context: Context) -> list[tuple[Floats, Floats, Floats]]:
    """Per layer: residuals, those of a second draw given the same x, latents above."""
    trained, stream = context.run, context.run.stream("residuals")
    model, count = trained.model, context.settings["images"]
    images = torch.tensor(context.data.images("test")[:count], device=trained.device)
    x, _ = observe(images, trained.spec.data_noise, stream)

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
    """Correlation of each dimension in two sets of draws, (n, d) each; (d,)."""
    one, two = first - first.mean(0), second - second.mean(0)
    scale = np.sqrt((one**2).sum(0) * (two**2).sum(0))
    return np.divide((one * two).sum(0), scale, np.zeros_like(scale), where=scale > 0)


def explained(residual: Floats, above: Floats) -> Floats:
    """Adjusted R^2 of a regression of each dimension (n, d) on `above` (n, a); (d,).

    Its mean is 0 where they are independent. nan if there is nothing above.
    """
    count, seen = above.shape
    if not seen:
        return np.full(residual.shape[1], np.nan)
    design = np.concatenate([np.ones((count, 1)), above], 1)
    fitted = design @ np.linalg.lstsq(design, residual)[0]
    left = ((residual - fitted) ** 2).mean(0) / residual.var(0)
    return 1 - left * (count - 1) / (count - seen - 1)


def _statistics(active: np.ndarray) -> Callable[..., Floats]:
    """Numbers of one layer in the order of the table, from what `_drawn` gives."""

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
