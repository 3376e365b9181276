"""Whether a layer's code means the same whatever the other layers say."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from vlae.experiments._properties import Properties, classifier_accuracies, properties
from vlae.experiments.base import Context, Result
from vlae.statistics.intervals import Interval
from vlae.statistics.stability import sign_consistency, stability
from vlae.training.trained_run import decode

CLASSIFIER = "optional"
MEASURES_IMAGES = True

COLUMNS = ["score", "layer", "coordinate", "property", "value", "low", "high", "draws"]

Row = dict[str, Any]


def run(context: Context) -> Result:
    """Table of `COLUMNS`, a row per score, layer and property, by pick-freeze.

    - `total`, `first_order` and `ratio` (S / T) of the whole layer, coordinate 0
    - `sign` of a coordinate, counted from 1: share of draws of all else in which a
      step of the code from -step/2 to step/2, the layer's other coordinates at 0,
      changes the property in the same direction

    Properties are as in `effects`, without pixels and without what the classifier does not
    name well enough; signs are of properties of one number. `draws` are those with a
    defined property.
    """
    trained, settings = context.run, context.settings
    stream, count = trained.stream("stability"), settings["samples"]
    trusted = {
        name
        for name, accuracy in classifier_accuracies(context).items()
        if accuracy >= settings["classifier_accuracy"]
    }

    def look(noise: list[torch.Tensor]) -> Properties:
        found = properties(context, decode(trained, noise))
        named = {k for k, v in found.items() if np.issubdtype(v.dtype, np.integer)}
        left_out = {"pixels", *(named - trusted)}
        return {name: v for name, v in found.items() if name not in left_out}

    model = trained.model
    base = model.draw_noise(count, stream)
    before = look(base)
    rows: list[Row] = []
    for layer, redrawn in enumerate(model.draw_noise(count, stream)):
        alone = look([*base[:layer], redrawn, *base[layer + 1 :]])
        others = model.draw_noise(count, stream)
        others[layer] = base[layer]
        kept = look(others)
        for name, values in before.items():
            sides = [side.astype(float) for side in (values, alone[name], kept[name])]
            undefined = [np.isnan(s.reshape(count, -1)).any(1) for s in sides]
            defined = count - int(np.any(undefined, axis=0).sum())
            place = {"layer": layer + 1, "coordinate": 0, "property": name}
            if defined < 2:
                continue
            found = stability(values, alone[name], kept[name])
            for score in ("total", "first_order", "ratio"):
                ends = _ends(getattr(found, score))
                rows.append({"score": score, **place, **ends, "draws": defined})
    for layer, size in enumerate(model.latent_sizes):
        for coordinate in range(min(size, settings["coordinates"])):
            rows += _signs(context, look, layer, coordinate, stream)
    return Result(pd.DataFrame(rows, columns=COLUMNS))


def _signs(
    context: Context, look: Any, layer: int, coordinate: int, stream: torch.Generator
) -> list[Row]:
    settings, model = context.settings, context.run.model
    noise = model.draw_noise(settings["pairs"], stream)
    sides = []
    for end in (-0.5, 0.5):
        code = torch.zeros_like(noise[layer])
        code[:, coordinate] = end * settings["step"]
        sides.append(look([*noise[:layer], code, *noise[layer + 1 :]]))
    before, after = sides
    rows = []
    for name, values in before.items():
        if values.ndim > 1 or np.issubdtype(values.dtype, np.integer):
            continue
        defined = int((~np.isnan(values - after[name])).sum())
        if not defined:
            continue
        found = sign_consistency(values, after[name])
        place = {"layer": layer + 1, "coordinate": coordinate + 1, "property": name}
        rows.append({"score": "sign", **place, **_ends(found), "draws": defined})
    return rows


def _ends(found: Interval) -> Row:
    return {"value": found.value, "low": found.low, "high": found.high}
