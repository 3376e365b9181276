"""Whether layers, or coordinates, hold the known factors one by one: four scores."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.experiments.base import Context, Result
from vlae.statistics.disentanglement import dci, information, mig
from vlae.statistics.factors import Factors
from vlae.statistics.intervals import UNDEFINED, Interval
from vlae.statistics.known_factors import MIN_IMAGES, factor_vae_score, sap
from vlae.training.trained_run import in_batches

COLUMNS = [
    *("units", "score", "property", "value", "low", "high"),
    *("chance", "maximum", "images", "reason"),
]
UNITS = ("layers", "coordinates")
SCORES = ("sap", "factor_vae", "mig", "disentanglement", "completeness")

Row = dict[str, Any]


def run(context: Context) -> Result:
    """Return a table of `COLUMNS`; property "" stands for all factors.

    Codes are z ~ q(z | x) of held-out images, and factors those that the data set names
    as drawn independently (`factors` on its card; `class` is the label). `units` are
    layers, or single coordinates of all layers.

    - `sap` of each factor and its mean, with a jackknife over images
    - `factor_vae`, with the range over random halves of the images; `chance` and
      `maximum` are those of this number of units and factors
    - `mig`, each factor and mean, of the same factors
    - `disentanglement` and `completeness` of DCI, of layers alone: means weighted by
      the importance of a layer, and over factors

    A score that cannot be computed is nan, and `reason` says why: the data set names no
    factors, there are too few images, or the model has a single unit.
    """
    images = min(context.settings["images"], len(context.data.images("test")))
    factors, reason = _factors(context, images)
    if reason:
        rows = [_row(units, score, reason) for units in UNITS for score in SCORES]
    else:
        layers = _codes(context)
        single = [layer[:, [i]] for layer in layers for i in range(layer.shape[1])]
        rows = []
        for units, groups in zip(UNITS, (layers, single), strict=True):
            rows += _scores(units, groups, factors)
    table = pd.DataFrame([{"images": images, **row} for row in rows])
    return Result(table[COLUMNS])


def _factors(context: Context, images: int) -> tuple[Factors, str]:
    """Return the known factors of held-out images, or why there are none to use."""
    names = context.data.card.get("factors", [])
    if not names:
        return {}, f"{context.run.spec.dataset} names no factors that it was drawn from"
    if images < MIN_IMAGES:
        return {}, f"{images} held-out images; {MIN_IMAGES} are needed"
    table = context.data.table("test", names)[:images]
    found: dict[str, np.ndarray] = {}
    for name in names:
        values = table[name].to_numpy()
        whole = values.dtype.kind in "biu"
        title = "class" if name == "label" else name
        found[title] = values.astype("int64" if whole else "float64")
    varying = {name: v for name, v in found.items() if len(np.unique(v)) > 1}
    if len(varying) < 2:
        return {}, f"{len(varying)} factors vary among {images} images; 2 are needed"
    return varying, ""


@torch.no_grad()
def _codes(context: Context) -> list[np.ndarray]:
    """Return codes of held-out images, (n, d_l) per layer."""
    model, stream = context.run.model, context.run.stream("disentanglement")
    held_out = context.held_out(context.settings["images"], stream)

    def infer(part: Tensor, *noise: Tensor) -> Tensor:
        return torch.cat(model.infer(part, list(noise))[0], 1)

    noise = model.draw_noise(len(held_out.x), stream)
    joined = in_batches(infer, held_out.x, *noise).cpu().double()
    return [part.numpy() for part in joined.split(model.latent_sizes, 1)]


def _scores(units: str, groups: list[np.ndarray], factors: Factors) -> list[Row]:
    if len(groups) < 2:
        reason = f"the model has one of the {units}; 2 are needed"
        return [_row(units, score, reason) for score in SCORES]
    gaps, voted = sap(groups, factors), factor_vae_score(groups, factors)
    rows = [_row(units, "sap", found=gaps.mean)]
    for name, gap in zip(factors, gaps.factors, strict=True):
        rows.append(_row(units, "sap", property=name, found=gap))
    bounds = {"chance": voted.chance, "maximum": voted.maximum}
    rows.append(_row(units, "factor_vae", found=voted.accuracy) | bounds)
    known = mig(information(groups, factors))
    rows.append(_row(units, "mig") | {"value": float(known.mean())})
    for name, gap in zip(factors, known, strict=True):
        rows.append(_row(units, "mig", property=name) | {"value": float(gap)})
    if units == "layers":
        rows += _dci(groups, factors)
    return rows


def _dci(layers: list[np.ndarray], factors: Factors) -> list[Row]:
    """Return the means of DCI: a factor or layer that nothing needs counts as 0."""
    found = dci(layers, factors)
    weights = found.importance.sum(1)
    each = np.nan_to_num(found.disentanglement)
    means = {
        "disentanglement": np.average(each, weights=weights) if weights.any() else 0.0,
        "completeness": np.nan_to_num(found.completeness).mean(),
    }
    return [
        _row("layers", score) | {"value": float(mean)} for score, mean in means.items()
    ]


def _row(
    units: str,
    score: str,
    reason: str = "",
    property: str = "",
    found: Interval = UNDEFINED,
) -> Row:
    """Return a row without bounds: those of most scores are 0 and 1."""
    names = {"units": units, "score": score, "property": property}
    return names | asdict(found) | {"chance": 0.0, "maximum": 1.0, "reason": reason}
