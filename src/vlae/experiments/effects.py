"""What each layer controls: total and first-order effects on measured properties."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from vlae import registry
from vlae.experiment import Context, Result
from vlae.prepared import targets
from vlae.runs import TrainedRun, classify, decode
from vlae.sensitivity import class_effect, total_effect

JUDGED = "optional"
MEASURED = True
CHECKED = 20_000
"""Most held-out images on which the judge's accuracy is measured."""
FEWEST = 50
"""Images with, and without, an attribute below which its accuracy says nothing."""

COLUMNS = [
    *("layer", "property", "total_effect", "first_order"),
    *("judge_accuracy", "withheld"),
]

Properties = dict[str, np.ndarray]


def run(context: Context) -> Result:
    """Table of `COLUMNS`, a row per layer and property.

    Properties are of the mean image of p(x | z): `pixels`, those of the data set's
    measures, and what its judge names: `class`, or each attribute. `first_order` is
    1 - T of all other layers together: what the layer fixes whatever they are.
    `judge_accuracy` is on held-out images (balanced, for attributes; nan where too few
    have it or have it not), nan for other properties. Where it is not known to reach
    the setting, `withheld` is true and the effects are nan.
    """
    trained, stream = context.run, context.run.stream("effects")
    count = context.settings["samples"]
    accuracies = judge_accuracies(context)
    base = trained.model.draw_noise(count, stream)
    before = _properties(context, base)
    rows = []
    for layer, redrawn in enumerate(trained.model.draw_noise(count, stream)):
        alone = [*base[:layer], redrawn, *base[layer + 1 :]]
        others = trained.model.draw_noise(count, stream)
        others[layer] = base[layer]
        after, after_others = _properties(context, alone), _properties(context, others)
        for name, values in before.items():
            judged = name in accuracies
            index = class_effect if judged else total_effect
            accuracy = accuracies.get(name, float("nan"))
            trusted = accuracy >= context.settings["judge_accuracy"]
            withheld = judged and not trusted
            effects = (
                (float("nan"), float("nan"))
                if withheld
                else (index(values, after[name]), 1 - index(values, after_others[name]))
            )
            rows.append((layer + 1, name, *effects, accuracy, withheld))
    return Result(pd.DataFrame(rows, columns=COLUMNS))


def judge_accuracies(context: Context) -> dict[str, float]:
    """Accuracy of the judge on held-out images: of `class`, or of each attribute.

    For attributes it is balanced: the mean of the accuracies on images that have it
    and on those that have it not; nan if there are fewer than `FEWEST` of either.
    """
    if context.judge is None:
        return {}
    data = context.judge.spec["data"]
    images = torch.tensor(context.data.images("test")[:CHECKED]).float() / 255
    truth = targets(context.data.table("test")[:CHECKED], data)
    named = _named(context.judge, images)
    if data["classes"]:
        return {"class": float((named["class"] == truth).mean())}
    return {
        name: _balanced_accuracy(named[name], column)
        for name, column in zip(data["attributes"], truth.T, strict=True)
    }


def _balanced_accuracy(named: np.ndarray, truth: np.ndarray) -> float:
    sides = [truth == value for value in (0, 1)]
    if any(side.sum() < FEWEST for side in sides):
        return float("nan")
    return float(np.mean([(named[side] == truth[side]).mean() for side in sides]))


def _properties(context: Context, noise: list[torch.Tensor]) -> Properties:
    images = decode(context.run, noise)
    pixels = images.cpu().numpy()
    found = {"pixels": pixels}
    for name in context.spec["measures"]:
        found |= registry.load("measures", name).measure(pixels)
    if context.judge is not None:
        found |= _named(context.judge, images)
    return found


def _named(judge: TrainedRun, images: torch.Tensor) -> dict[str, Any]:
    """`class` (N,), or each attribute (N,) as 0 or 1, as the judge sees it."""
    probabilities = classify(judge, images)
    if judge.spec["data"]["classes"]:
        return {"class": probabilities.argmax(1)}
    names = judge.spec["data"]["attributes"]
    return dict(zip(names, (probabilities > 0.5).astype(int).T, strict=True))
