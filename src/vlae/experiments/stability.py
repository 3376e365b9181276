"""Whether a layer's code means the same whatever the other layers hold."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.experiments._properties import (
    PropertiesOfDraws,
    classifier_accuracies,
    parts,
)
from vlae.experiments.base import Context, Result
from vlae.statistics.stability import sign_consistency, stability

CLASSIFIER = "optional"
MEASURES_IMAGES = True

COLUMNS = [
    *("score", "layer", "coordinate", "property", "part_of"),
    *("value", "low", "high", "draws"),
]

Row = dict[str, Any]


def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, one row per score, layer, coordinate and property.

    - `total`, `first_order` and `ratio` (S / T), by pick-freeze, are of the whole
      layer, coordinate 0.
    - `sign` is of one coordinate, counted from 1: the share of draws of everything else
      in which a step of the code from -step/2 to step/2 changes the property in the
      same direction. The layer's other coordinates are at 0.

    Properties, and of which other property each is a part, are those of `effects`,
    without pixels and without what the classifier does not see well enough. `sign` is
    only of measures that are one number. `draws` counts the draws in which the property
    is defined.
    """
    model, stream = context.run.model, context.run.stream("stability")
    base = model.draw_noise(context.settings["samples"], stream)
    measure, whole = PropertiesOfDraws(context, base), parts(context)
    accuracies = classifier_accuracies(context)
    unsure = {
        name
        for name, accuracy in accuracies.items()
        if not accuracy >= context.settings["classifier_accuracy"]
    }
    names = [name for name in measure.first if name not in {"pixels", *unsure}]
    rows = _effects(context, base, measure, names, stream)
    seen = accuracies.keys() - whole.keys()
    numbers = [n for n in names if measure.first[n].ndim == 1 and n not in seen]
    for layer, size in enumerate(model.latent_sizes):
        for coordinate in range(min(size, context.settings["coordinates"])):
            rows += _signs(context, measure, numbers, layer, coordinate, stream)
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["part_of"] = [whole.get(name, "") for name in table["property"]]
    return Result(table)


def _effects(
    context: Context,
    base: list[Tensor],
    measure: PropertiesOfDraws,
    names: list[str],
    stream: torch.Generator,
) -> list[Row]:
    """Return the rows of whole layers for the properties of `names`.

    Args:
        context: the run.
        base: noise of the first draws of `measure`.
        measure: from noise to properties.
        names: of the properties.
        stream: where other noise is drawn from.
    """
    model, count = context.run.model, context.settings["samples"]
    rows: list[Row] = []
    for layer, redrawn in enumerate(model.draw_noise(count, stream)):
        alone = measure([*base[:layer], redrawn, *base[layer + 1 :]])
        others = model.draw_noise(count, stream)
        others[layer] = base[layer]
        kept = measure(others)
        for name in names:
            sides = (measure.first[name], alone[name], kept[name])
            defined = _defined(*sides)
            if defined < 2:
                continue
            place = {"layer": layer + 1, "coordinate": 0, "property": name}
            found = stability(*sides)
            for score in ("total", "first_order", "ratio"):
                ends = asdict(getattr(found, score))
                rows.append({"score": score, **place, **ends, "draws": defined})
    return rows


def _signs(
    context: Context,
    measure: PropertiesOfDraws,
    names: list[str],
    layer: int,
    coordinate: int,
    stream: torch.Generator,
) -> list[Row]:
    """Return the rows of one coordinate of a layer; both counted from 0.

    Properties of `names` are one number each.
    """
    settings, model = context.settings, context.run.model
    noise = model.draw_noise(settings["pairs"], stream)
    sides = []
    for end in (-0.5, 0.5):
        code = torch.zeros_like(noise[layer])
        code[:, coordinate] = end * settings["step"]
        sides.append(measure([*noise[:layer], code, *noise[layer + 1 :]]))
    before, after = sides
    place = {"layer": layer + 1, "coordinate": coordinate + 1}
    rows = []
    for name in names:
        defined = _defined(before[name], after[name])
        if not defined:
            continue
        ends = asdict(sign_consistency(before[name], after[name]))
        row = {"score": "sign", **place, "property": name, **ends, "draws": defined}
        rows.append(row)
    return rows


def _defined(*sides: np.ndarray) -> int:
    """Return in how many draws a property, (n,) or (n, ...), is defined everywhere."""
    undefined = [np.isnan(s.astype(float).reshape(len(s), -1)).any(1) for s in sides]
    return len(sides[0]) - int(np.any(undefined, axis=0).sum())
