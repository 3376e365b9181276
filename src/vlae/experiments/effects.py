"""What each layer controls: total and first-order effects on measured properties."""

import numpy as np
import pandas as pd

from vlae.experiments._properties import classifier_accuracies, properties
from vlae.experiments.base import Context, Result
from vlae.statistics.intervals import bootstrap_quotients
from vlae.statistics.sensitivity import Terms, class_terms, effect_terms
from vlae.training.trained_run import decode

CLASSIFIER = "optional"
MEASURES_IMAGES = True

NUMBERS = [
    *("total_effect", "total_low", "total_high"),
    *("first_order", "first_low", "first_high"),
]
COLUMNS = ["layer", "property", *NUMBERS, "classifier_accuracy", "withheld"]


def run(context: Context) -> Result:
    """Return a table of `COLUMNS` with one row per layer and property.

    Properties are measured on the mean image of p(x | z): `pixels`, the data set's
    measures, and what its classifier names, which is `class` or each attribute.
    `first_order` is 1 - T of all other layers together: what the layer fixes, whatever
    the others are. `low` and `high` are the ends of 95 % intervals, by a bootstrap of
    the draws. `classifier_accuracy` is measured on held-out images (see
    `classifier_accuracies`) and nan for properties that the classifier does not name.
    If it is below the setting or unknown, `withheld` is true and the effects are nan.
    """
    accuracies = classifier_accuracies(context)
    rows, terms = _terms(context, set(accuracies))
    changes, spreads = (np.stack(part, 1) for part in zip(*terms, strict=True))
    found = bootstrap_quotients(changes, spreads)
    numbers = [
        (
            total.value,
            total.low,
            total.high,
            1 - rest.value,
            1 - rest.high,
            1 - rest.low,
        )
        for total, rest in zip(found[::2], found[1::2], strict=True)
    ]
    table = pd.DataFrame(rows, columns=["layer", "property"])
    table[NUMBERS] = numbers
    table["classifier_accuracy"] = table["property"].map(accuracies).astype(float)
    unsure = ~(table["classifier_accuracy"] >= context.settings["classifier_accuracy"])
    table["withheld"] = table["property"].isin(accuracies) & unsure
    table.loc[table["withheld"], NUMBERS] = np.nan
    return Result(table[COLUMNS])


def _terms(
    context: Context, classes: set[str]
) -> tuple[list[tuple[int, str]], list[Terms]]:
    """Return layer and property of each row, and the terms of both effects per row.

    Args:
        context: what to draw images from.
        classes: properties that are classes.

    Returns:
        rows; and twice as many terms: for each row those of redrawing the layer alone,
        then those of redrawing all others.
    """
    trained, stream = context.run, context.run.stream("effects")
    count = context.settings["samples"]
    base = trained.model.draw_noise(count, stream)
    before = properties(context, decode(trained, base))
    rows: list[tuple[int, str]] = []
    terms: list[Terms] = []
    for layer, redrawn in enumerate(trained.model.draw_noise(count, stream)):
        alone = [*base[:layer], redrawn, *base[layer + 1 :]]
        others = trained.model.draw_noise(count, stream)
        others[layer] = base[layer]
        after, after_others = (
            properties(context, decode(trained, noise)) for noise in (alone, others)
        )
        for name, values in before.items():
            of_draws = class_terms if name in classes else effect_terms
            rows.append((layer + 1, name))
            terms += [of_draws(values, side[name]) for side in (after, after_others)]
    return rows, terms
