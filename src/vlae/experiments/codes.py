"""What each layer's code knows of an image: probes, information, MIG and DCI."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from vlae.data.noise import observe
from vlae.experiments._properties import classifier_accuracies, measured, properties
from vlae.experiments.base import Context, Result
from vlae.statistics.disentanglement import DCI, Factors, dci, information, mig, mig_sup
from vlae.statistics.intervals import Interval, bootstrap
from vlae.statistics.probes import LEAST, Kind, probe
from vlae.system.errors import UserError
from vlae.training.trained_run import decode, in_batches

CLASSIFIER = "optional"
MEASURES_IMAGES = True

COLUMNS = ["score", "layer", "property", "value", "low", "high", "known"]
PROBES: tuple[Kind, ...] = ("linear", "trees")
WIDE = "wide codes give more zeros than ones"

Row = dict[str, Any]


def run(context: Context) -> Result:
    """Table of `COLUMNS`; layer 0 stands for all of them, property "" for all.

    Codes are z ~ q(z | x) of held-out images, properties those of the same images:
    one number each, of the data set's measures, or the factor of the same name that
    its table knows (`known`), as it does the class.

    - `linear`, `trees`: held-out score of a probe from a layer to a property, with
      its interval: R^2, of a class balanced accuracy with chance as 0
    - `information`: share of the property's entropy that a layer knows; `mig` of a
      property, `mig_sup` of a layer
    - `disentanglement` of a layer, `completeness` and `informativeness` of a property:
      DCI with the layers as code groups
    - `wide codes give more zeros than ones`, of the layer in the settings: see
      `_wide_codes`
    """
    settings = context.settings
    groups, factors, known = _codes(context)
    rows = _probes(groups, factors)
    shares = information(groups, factors)
    for layer, share in enumerate(shares, 1):
        rows += _each("information", layer, factors, share)
    if len(groups) > 1 and len(factors) > 1:
        rows += _each("mig", 0, factors, mig(shares))
        rows += _per_layer("mig_sup", mig_sup(shares))
        rows += _dci(dci(groups, factors), factors)
    table = pd.DataFrame(rows)
    table["known"] = table["property"].isin(known)
    wide = _wide_codes(context, **settings["wide"])
    if wide is not None:
        row = {"score": WIDE, "layer": settings["wide"]["layer"], "property": "class"}
        table.loc[len(table)] = {**row, **_ends(wide), "known": False}
    return Result(table[COLUMNS])


@torch.no_grad()
def _codes(context: Context) -> tuple[list[np.ndarray], Factors, set[str]]:
    """Codes (n, d_l) of held-out images, their properties, and which are known."""
    trained, stream = context.run, context.run.stream("codes")
    model, sizes = trained.model, trained.model.latent_sizes
    images = context.data.images("test")[: context.settings["images"]]
    held_out = torch.tensor(images, device=trained.device)
    x, _ = observe(held_out, trained.spec.data_noise, stream)

    def infer(part: torch.Tensor, *noise: torch.Tensor) -> torch.Tensor:
        return torch.cat(model.infer(part, list(noise))[0], 1)

    joined = in_batches(infer, x, *model.draw_noise(len(x), stream)).cpu()
    groups = [part.double().numpy() for part in joined.split(sizes, 1)]
    table = context.data.table("test")[: len(x)]
    found = measured(context, np.asarray(images, np.float32) / 255)
    factors = {name: values for name, values in found.items() if values.ndim == 1}
    known = {name for name in factors if name in table}
    factors |= {name: table[name].to_numpy() for name in known}
    if "label" in table:
        factors["class"] = table["label"].to_numpy("int64")
        known.add("class")
    if not factors:
        raise UserError(
            f"experiments.codes: {trained.spec.dataset} has neither measures of "
            "one number nor classes, so there is nothing that codes could know. "
            "Choose other runs."
        )
    kept = {k: v for k, v in factors.items() if np.isfinite(v).sum() >= LEAST}
    return groups, kept, known


def _probes(groups: list[np.ndarray], factors: Factors) -> list[Row]:
    return [
        {"score": kind, "layer": layer, "property": name, **_ends(probe(*pair, kind))}
        for layer, codes in enumerate(groups, 1)
        for name, values in factors.items()
        for kind in PROBES
        for pair in [(codes, values)]
    ]


def _dci(found: DCI, factors: Factors) -> list[Row]:
    return [
        *_per_layer("disentanglement", found.disentanglement),
        *_each("completeness", 0, factors, found.completeness),
        *_each("informativeness", 0, factors, found.informativeness),
    ]


def _each(score: str, layer: int, factors: Factors, values: Any) -> list[Row]:
    return [
        {"score": score, "layer": layer, "property": name, "value": float(value)}
        for name, value in zip(factors, values, strict=True)
    ]


def _per_layer(score: str, values: Any) -> list[Row]:
    return [
        {"score": score, "layer": layer, "property": "", "value": float(value)}
        for layer, value in enumerate(values, 1)
    ]


def _ends(found: Interval) -> Row:
    return {"value": found.value, "low": found.low, "high": found.high}


def _wide_codes(
    context: Context, layer: int, codes: int, draws: int
) -> Interval | None:
    """Rank correlation of a code's width with its zeros minus its ones, over codes.

    The noise of `layer` is fixed for each of `codes`, that of all others drawn `draws`
    times. A code's width is that of the decoded digits other than 0 and 1, each less
    the mean of its class: zeros are wide themselves, so that the plain mean would
    follow the number of zeros.

    Returns:
        with an interval by a bootstrap of the codes; nan if nothing varies; None
        where there is no `width`, no classifier of classes that can be trusted, or no
        such layer.
    """
    trained, stream = context.run, context.run.stream("wide codes")
    accuracy = classifier_accuracies(context).get("class", 0.0)
    if accuracy < context.settings["classifier_accuracy"]:
        return None
    noise = trained.model.draw_noise(codes * draws, stream)
    if layer > len(noise):
        return None
    fixed = noise[layer - 1][:codes]
    noise[layer - 1] = fixed.repeat_interleave(draws, 0)
    found = properties(context, decode(trained, noise))
    if "width" not in found:
        return None
    digits = pd.DataFrame({"class": found["class"], "width": found["width"]})
    digits["code"] = np.repeat(np.arange(codes), draws)
    digits["width"] -= digits.groupby("class")["width"].transform("mean")
    others = digits[~digits["class"].isin([0, 1])]
    by_code = digits.groupby("code")["class"]
    table = pd.DataFrame(
        {
            "width": others.groupby("code")["width"].mean(),
            "more": by_code.agg(lambda c: (c == 0).mean() - (c == 1).mean()),
        }
    ).dropna()
    if len(table) < 2 or (table.nunique() < 2).any():
        return Interval(*[float("nan")] * 3)
    width, more = (table[name].to_numpy() for name in ("width", "more"))
    return bootstrap(_rank_correlation, width, more, resamples=500)


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(pd.Series(first).corr(pd.Series(second), method="spearman"))
