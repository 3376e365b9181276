"""What each layer controls: total and first-order effects on measured properties."""

from dataclasses import astuple

import numpy as np
import pandas as pd

from vlae.experiments._properties import (
    PropertiesOfDraws,
    classifier_accuracies,
    parts,
)
from vlae.experiments.base import Context, Result
from vlae.statistics.quotients import bootstrap_quotients
from vlae.statistics.sensitivity import Terms, effect_terms

CLASSIFIER = "optional"
MEASURES_IMAGES = True

NUMBERS = [
    *("total_effect", "total_low", "total_high"),
    *("lead", "lead_low", "lead_high"),
    *("first_order", "first_low", "first_high"),
    *("first_lead", "first_lead_low", "first_lead_high"),
]
COLUMNS = [
    *("layer", "property", "part_of", *NUMBERS),
    *("classifier_accuracy", "withheld"),
]


def run(context: Context) -> Result:
    """Return a table of `COLUMNS` with one row per layer and property.

    `property`, `part_of`:
        Properties are measured on the mean image of p(x | z): `pixels`, the data set's
        measures, what its classifier sees (the probabilities of `class`, or of each
        attribute), and measures within the class, such as `width_within_class`: less
        the mean of the class among these draws (`vlae.statistics.within_class`).
        `part_of` is the property of which this one is a part, else empty.

    `total_effect`, `first_order`:
        T, and S as 1 - T of all other layers together: what the layer fixes, whatever
        the others are. A vector's effects are those of its dimensions summed.

    `lead`, `first_lead`:
        T and S less the largest of any other layer; nan for a single layer.

    `low`, `high`:
        Ends of 95 % intervals, by a bootstrap of the draws; those of the leads are of
        paired differences, since all layers are redrawn from the same draws.

    `classifier_accuracy`, `withheld`:
        Accuracy on held-out images (see `classifier_accuracies`), nan for properties
        that do not depend on the classifier. If it is below the setting or unknown,
        `withheld` is true and the numbers are nan.
    """
    accuracies = classifier_accuracies(context)
    rows, terms = _terms(context)
    table = pd.DataFrame(rows, columns=["layer", "property"])
    changes, spreads = (np.stack(part, 1) for part in zip(*terms, strict=True))
    found = bootstrap_quotients(changes, spreads)
    names = table["property"].tolist()
    columns: list[tuple[float, ...]] = []
    for effects in (found.every(2, 0), found.every(2, 1).complements()):
        for intervals in (effects.intervals(), effects.leads(names)):
            columns += zip(*map(astuple, intervals), strict=True)
    table[NUMBERS] = np.transpose(columns)
    whole = parts(context)
    table["part_of"] = [whole.get(name, "") for name in names]
    table["classifier_accuracy"] = table["property"].map(accuracies).astype(float)
    unsure = ~(table["classifier_accuracy"] >= context.settings["classifier_accuracy"])
    table["withheld"] = table["property"].isin(accuracies) & unsure
    table.loc[table["withheld"], NUMBERS] = np.nan
    return Result(table[COLUMNS])


def _terms(context: Context) -> tuple[list[tuple[int, str]], list[Terms]]:
    """Return layer and property of each row, and the terms of both effects per row.

    Returns:
        rows; and twice as many terms: for each row those of redrawing the layer alone,
        then those of redrawing all others.
    """
    model, stream = context.run.model, context.run.stream("effects")
    count = context.settings["samples"]
    base = model.draw_noise(count, stream)
    measure = PropertiesOfDraws(context, base)
    rows: list[tuple[int, str]] = []
    terms: list[Terms] = []
    for layer, redrawn in enumerate(model.draw_noise(count, stream)):
        others = model.draw_noise(count, stream)
        others[layer] = base[layer]
        after = measure([*base[:layer], redrawn, *base[layer + 1 :]])
        after_others = measure(others)
        for name, values in measure.first.items():
            rows.append((layer + 1, name))
            terms += [
                effect_terms(values, side[name]) for side in (after, after_others)
            ]
    return rows, terms
