"""What each layer's code knows of an image: probes, information, MIG and DCI."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.config.experiment_outputs import WIDE_CODES_SCORE
from vlae.experiments._properties import (
    PropertiesOfDraws,
    classifier_accuracies,
    measured,
    measured_within_class,
    parts,
    within,
)
from vlae.experiments.base import Context, Result
from vlae.statistics.disentanglement import DCI, Factors, dci, information, mig, mig_sup
from vlae.statistics.intervals import UNDEFINED, Interval, bootstrap
from vlae.statistics.probes import MIN_ROWS, Kind, probe
from vlae.statistics.within_class import class_means, within_class
from vlae.system.errors import UserError
from vlae.training.trained_run import in_batches

CLASSIFIER = "optional"
MEASURES_IMAGES = True

COLUMNS = ["score", "layer", "property", "value", "low", "high", "known"]
PROBES: tuple[Kind, ...] = ("linear", "trees")

Row = dict[str, Any]


def run(context: Context) -> Result:
    """Return a table of `COLUMNS`; layer 0 stands for all layers, property "" for all.

    Codes are z ~ q(z | x) of held-out images. Properties are those of the same images,
    one number each: of the data set's measures, or the factor of the same name from the
    data set's table if it has one (`known`); the class always comes from the table, and
    a property within the class is less its mean over these images of the class. Parts
    of other properties, as these, are probed alone: MIG and DCI would take them for
    factors of their own.

    - `linear`, `trees`: held-out score of a probe from a layer to a property, with its
      interval: R^2, or for a class the balanced accuracy, scaled so that chance is 0
    - `information`: share of the property's entropy that a layer knows; `mig` of a
      property, `mig_sup` of a layer
    - `disentanglement` of a layer, `completeness` and `informativeness` of a property:
      DCI with the layers as code groups
    - `wide codes give more zeros than ones`, for the layer in the settings: see
      `_wide_codes`

    Raises:
        UserError: if the data set has neither measures of one number nor classes.
    """
    settings = context.settings
    groups, every, known = _codes(context)
    factors = {name: v for name, v in every.items() if name not in parts(context)}
    rows = _probes(groups, every)
    shares = information(groups, every)
    for layer, share in enumerate(shares, 1):
        rows += _per_property("information", layer, every, share)
    shares = shares[:, [name in factors for name in every]]
    if len(groups) > 1 and len(factors) > 1:
        rows += _per_property("mig", 0, factors, mig(shares))
        rows += _per_layer("mig_sup", mig_sup(shares))
        rows += _dci(dci(groups, factors), factors)
    table = pd.DataFrame(rows)
    table["known"] = table["property"].isin(known)
    wide = _wide_codes(context, **settings["wide"])
    if wide is not None:
        row = {"score": WIDE_CODES_SCORE, "layer": settings["wide"]["layer"]}
        row |= {"property": "class", **asdict(wide), "known": False}
        table.loc[len(table)] = row
    return Result(table[COLUMNS])


@torch.no_grad()
def _codes(context: Context) -> tuple[list[np.ndarray], Factors, set[str]]:
    """Return codes (n, d_l) and properties of held-out images, and the known ones."""
    model, stream = context.run.model, context.run.stream("codes")
    held_out = context.held_out(context.settings["images"], stream)

    def infer(part: Tensor, *noise: Tensor) -> Tensor:
        return torch.cat(model.infer(part, list(noise))[0], 1)

    noise = model.draw_noise(len(held_out.x), stream)
    joined = in_batches(infer, held_out.x, *noise).cpu()
    groups = [part.double().numpy() for part in joined.split(model.latent_sizes, 1)]
    factors, known = _factors(context, held_out.images)
    return groups, factors, known


def _factors(context: Context, images: Tensor) -> tuple[Factors, set[str]]:
    """Return properties of the first held-out images, and which the data set knows."""
    table = context.data.table("test")[: len(images)]
    found = measured(context, np.asarray(images.cpu().numpy(), np.float32) / 255)
    factors = {name: values for name, values in found.items() if values.ndim == 1}
    known = {name for name in factors if name in table}
    factors |= {name: table[name].to_numpy() for name in known}
    if "label" in table:
        labels = factors["class"] = table["label"].to_numpy("int64")
        known.add("class")
        inner = [name for name in measured_within_class(context) if name in factors]
        for name in inner:
            factors[within(name)] = _less_class_means(factors[name], labels)
        known |= {within(name) for name in known.intersection(inner)}
    if not factors:
        raise UserError(
            f"experiments.codes: {context.run.spec.dataset} has neither measures of "
            "one number nor classes, so there is no property to probe for. Choose "
            "other runs."
        )
    kept = {k: v for k, v in factors.items() if np.isfinite(v).sum() >= MIN_ROWS}
    return kept, known


def _less_class_means(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    sure = (labels[:, None] == np.unique(labels)).astype(np.float64)
    return within_class(values, sure, class_means(values, sure))


def _probes(groups: list[np.ndarray], factors: Factors) -> list[Row]:
    return [
        {
            "score": kind,
            "layer": layer,
            "property": name,
            **asdict(probe(codes, values, kind)),
        }
        for layer, codes in enumerate(groups, 1)
        for name, values in factors.items()
        for kind in PROBES
    ]


def _dci(found: DCI, factors: Factors) -> list[Row]:
    return [
        *_per_layer("disentanglement", found.disentanglement),
        *_per_property("completeness", 0, factors, found.completeness),
        *_per_property("informativeness", 0, factors, found.informativeness),
    ]


def _per_property(score: str, layer: int, factors: Factors, values: Any) -> list[Row]:
    return [
        {"score": score, "layer": layer, "property": name, "value": float(value)}
        for name, value in zip(factors, values, strict=True)
    ]


def _per_layer(score: str, values: Any) -> list[Row]:
    return [
        {"score": score, "layer": layer, "property": "", "value": float(value)}
        for layer, value in enumerate(values, 1)
    ]


def _wide_codes(
    context: Context, layer: int, codes: int, draws: int
) -> Interval | None:
    """Return how a code's width correlates with its share of zeros minus that of ones.

    The noise of `layer` is fixed for each of `codes`, and that of all other layers
    drawn `draws` times. The width of a code is the mean width within the class of its
    decoded digits, each weighted by the probability that it is neither 0 nor 1: zeros
    are wide themselves, so the plain mean would follow the number of zeros. Shares of
    zeros and ones are mean probabilities.

    Returns: The rank correlation over codes, with an interval by a bootstrap of the
        codes; nan if nothing varies; None if `width` is not measured, there is no such
        layer, or no classifier of classes can be trusted.
    """
    model, stream = context.run.model, context.run.stream("wide codes")
    accuracy = classifier_accuracies(context).get("class", 0.0)
    if accuracy < context.settings["classifier_accuracy"]:
        return None
    noise = model.draw_noise(codes * draws, stream)
    if layer > len(noise):
        return None
    fixed = noise[layer - 1][:codes]
    noise[layer - 1] = fixed.repeat_interleave(draws, 0)
    found = PropertiesOfDraws(context, noise).first
    if within("width") not in found:
        return None
    zero, one = found["class"].astype(np.float64).T[:2]
    digits = pd.DataFrame({"more": zero - one, "other": 1 - zero - one})
    digits["wide"] = digits["other"] * found[within("width")]
    digits["code"] = np.repeat(np.arange(codes), draws)
    sums = digits.dropna().groupby("code")[["wide", "other"]].sum()
    table = pd.DataFrame(
        {
            "width": sums["wide"] / sums["other"].where(sums["other"] > 0),
            "more": digits.groupby("code")["more"].mean(),
        }
    ).dropna()
    if len(table) < 2 or (table.nunique() < 2).any():
        return UNDEFINED
    width, more = (table[name].to_numpy() for name in ("width", "more"))
    return bootstrap(_rank_correlation, width, more, resamples=500)


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(pd.Series(first).corr(pd.Series(second), method="spearman"))
