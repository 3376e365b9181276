"""Whether a layer's code means the same whatever the other layers hold."""

from dataclasses import asdict
from typing import Any

import pandas as pd
import torch

from vlae.experiments._effects import MeasuredEffects, defined, measured_effects
from vlae.experiments._properties import (
    PropertiesOfDraws,
    classifier_accuracies,
    parts,
)
from vlae.experiments.base import Context, Result
from vlae.statistics.sensitivity import layer_effects
from vlae.statistics.sign_consistency import sign_consistency

CLASSIFIER = "optional"
MEASURES_IMAGES = True

COLUMNS = [
    *("score", "layer", "coordinate", "property", "part_of"),
    *("value", "low", "high", "draws"),
]

MIN_DRAWS = 2
"""Draws in which a property must be defined."""

Row = dict[str, Any]


def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, one row per score, layer, coordinate and property.

    - `total`, `first_order` and `ratio` (S / T), by pick-freeze, are of the whole
      layer, coordinate 0.
    - `sign` is of one coordinate, counted from 1: the share of draws of everything else
      in which a step of the code from -step/2 to step/2 changes the property in the
      same direction. The layer's other coordinates are at 0. Its interval has the level
      that makes those of all coordinates of the layer hold together in 95 %
      (Bonferroni).

    Properties, and of which other property each is a part, are those of the table
    `effects`, without pixels and without what the classifier does not see well enough.
    `sign` is only of measures that are one number. `draws` counts the draws in which
    the property is defined.
    """
    model, stream = context.run.model, context.run.stream("stability")
    found, whole = measured_effects(context, stream), parts(context)
    accuracies = classifier_accuracies(context)
    left_out = {"pixels"} | {
        name
        for name, accuracy in accuracies.items()
        if not accuracy >= context.settings["classifier_accuracy"]
    }
    rows = _effects(found, left_out)
    seen = accuracies.keys() - whole.keys()
    numbers = [
        name
        for name, values in found.measure.first.items()
        if values.ndim == 1 and name not in left_out | seen
    ]
    for layer, size in enumerate(model.latent_sizes):
        count = min(size, context.settings["coordinates"])
        for coordinate in range(count):
            place, level = (layer, coordinate), 1 - 0.05 / count
            rows += _signs(context, found.measure, numbers, place, level, stream)
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["part_of"] = [whole.get(name, "") for name in table["property"]]
    return Result(table)


def _effects(found: MeasuredEffects, left_out: set[str]) -> list[Row]:
    """Return the rows of whole layers for all properties but those of `left_out`."""
    shown = [
        number
        for number, (name, draws) in enumerate(
            zip(found.properties, found.draws, strict=True)
        )
        if name not in left_out and draws >= MIN_DRAWS
    ]
    if not shown:
        return []
    effects = layer_effects([found.terms[number] for number in shown])
    scores = {
        "total": effects.total,
        "first_order": effects.first_order,
        "ratio": effects.ratio,
    }
    return [
        {
            "score": score,
            "layer": found.layers[number],
            "coordinate": 0,
            "property": found.properties[number],
            **asdict(interval),
            "draws": found.draws[number],
        }
        for score, quotients in scores.items()
        for number, interval in zip(shown, quotients.intervals(), strict=True)
    ]


def _signs(
    context: Context,
    measure: PropertiesOfDraws,
    names: list[str],
    place: tuple[int, int],
    level: float,
    stream: torch.Generator,
) -> list[Row]:
    """Return the rows of a layer and one of its coordinates, both counted from 0.

    Properties of `names` are one number each; `level` is that of their intervals.
    """
    settings, model = context.settings, context.run.model
    layer, coordinate = place
    noise = model.draw_noise(settings["pairs"], stream)
    sides = []
    for end in (-0.5, 0.5):
        code = torch.zeros_like(noise[layer])
        code[:, coordinate] = end * settings["step"]
        sides.append(measure([*noise[:layer], code, *noise[layer + 1 :]]))
    before, after = sides
    where = {"layer": layer + 1, "coordinate": coordinate + 1}
    rows = []
    for name in names:
        draws = defined(before[name], after[name])
        if not draws:
            continue
        ends = asdict(sign_consistency(before[name], after[name], level=level))
        row = {"score": "sign", **where, "property": name, **ends, "draws": draws}
        rows.append(row)
    return rows
