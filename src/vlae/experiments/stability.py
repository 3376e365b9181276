"""Whether a layer's code means the same whatever the other layers hold."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.experiments._properties import Properties, classifier_accuracies, properties
from vlae.experiments.base import Context, Result
from vlae.statistics.stability import sign_consistency, stability
from vlae.training.trained_run import decode

CLASSIFIER = "optional"
MEASURES_IMAGES = True

COLUMNS = ["score", "layer", "coordinate", "property", "value", "low", "high", "draws"]

Row = dict[str, Any]
Measure = Callable[[list[Tensor]], Properties]
"""From the noise of all layers to properties of the decoded images."""


def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, one row per score, layer, coordinate and property.

    - `total`, `first_order` and `ratio` (S / T), by pick-freeze, are of the whole
      layer, coordinate 0.
    - `sign` is of one coordinate, counted from 1: the share of draws of everything else
      in which a step of the code from -step/2 to step/2 changes the property in the
      same direction. The layer's other coordinates are at 0.

    Properties are those of `effects` without pixels and without what the classifier
    does not name well enough; `sign` is only of properties that are one number. `draws`
    counts the draws in which the property is defined.
    """
    measure, stream = _measure(context), context.run.stream("stability")
    rows = _effects(context, measure, stream)
    for layer, size in enumerate(context.run.model.latent_sizes):
        for coordinate in range(min(size, context.settings["coordinates"])):
            rows += _signs(context, measure, layer, coordinate, stream)
    return Result(pd.DataFrame(rows, columns=COLUMNS))


def _measure(context: Context) -> Measure:
    """Return a function that measures what can be trusted."""
    trusted = {
        name
        for name, accuracy in classifier_accuracies(context).items()
        if accuracy >= context.settings["classifier_accuracy"]
    }

    def measure(noise: list[Tensor]) -> Properties:
        found = properties(context, decode(context.run, noise))
        named = {k for k, v in found.items() if np.issubdtype(v.dtype, np.integer)}
        left_out = {"pixels", *(named - trusted)}
        return {name: v for name, v in found.items() if name not in left_out}

    return measure


def _effects(context: Context, measure: Measure, stream: torch.Generator) -> list[Row]:
    """Return the rows of whole layers."""
    model, count = context.run.model, context.settings["samples"]
    base = model.draw_noise(count, stream)
    before = measure(base)
    rows: list[Row] = []
    for layer, redrawn in enumerate(model.draw_noise(count, stream)):
        alone = measure([*base[:layer], redrawn, *base[layer + 1 :]])
        others = model.draw_noise(count, stream)
        others[layer] = base[layer]
        kept = measure(others)
        for name, values in before.items():
            sides = (values, alone[name], kept[name])
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
    measure: Measure,
    layer: int,
    coordinate: int,
    stream: torch.Generator,
) -> list[Row]:
    """Return the rows of one coordinate of a layer; both counted from 0."""
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
    for name, values in before.items():
        if values.ndim > 1 or np.issubdtype(values.dtype, np.integer):
            continue
        defined = _defined(values, after[name])
        if not defined:
            continue
        ends = asdict(sign_consistency(values, after[name]))
        row = {"score": "sign", **place, "property": name, **ends, "draws": defined}
        rows.append(row)
    return rows


def _defined(*sides: np.ndarray) -> int:
    """Return in how many draws a property, (n,) or (n, ...), is defined everywhere."""
    undefined = [np.isnan(s.astype(float).reshape(len(s), -1)).any(1) for s in sides]
    return len(sides[0]) - int(np.any(undefined, axis=0).sum())
