"""What each layer controls: total and first-order effects on measured properties."""

from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd
import torch

from vlae.experiments._properties import (
    PropertiesOfDraws,
    classifier_accuracies,
    parts,
)
from vlae.experiments.base import Context
from vlae.statistics.sensitivity import Terms, effect_terms, layer_effects

NUMBERS = [
    *("total_effect", "total_low", "total_high"),
    *("lead", "lead_low", "lead_high"),
    *("gain", "gain_low", "gain_high"),
    *("first_order", "first_low", "first_high"),
    *("first_lead", "first_lead_low", "first_lead_high"),
    *("first_gain", "first_gain_low", "first_gain_high"),
]
COLUMNS = [
    *("layer", "property", "part_of", *NUMBERS),
    *("classifier_accuracy", "withheld"),
]


def effects(context: Context) -> pd.DataFrame:
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

    `gain`, `first_gain`:
        T and S less that of the next lower layer; nan for layer 1.

    `low`, `high`:
        Ends of 95 % intervals, by a bootstrap of the draws; those of leads and gains
        are of paired differences, since all layers are redrawn from the same draws.

    `classifier_accuracy`, `withheld`:
        Accuracy on held-out images (see `classifier_accuracies`), nan for properties
        that do not depend on the classifier. If it is below the setting or unknown,
        `withheld` is true and the numbers are nan.
    """
    accuracies = classifier_accuracies(context)
    found = measured_effects(context, context.run.stream("effects"))
    table = pd.DataFrame({"layer": found.layers, "property": found.properties})
    names = found.properties
    both = layer_effects(found.terms)
    places = [*zip(found.layers, names, strict=True)]
    numbers = {place: number for number, place in enumerate(places)}
    lower = [numbers.get((layer - 1, name)) for layer, name in places]
    columns: list[tuple[float, ...]] = []
    for indices in (both.total, both.first_order):
        differences = (indices.leads(names), indices.less(lower))
        for intervals in (indices.intervals(), *differences):
            columns += zip(*map(astuple, intervals), strict=True)
    table[NUMBERS] = np.transpose(columns)
    whole = parts(context)
    table["part_of"] = [whole.get(name, "") for name in names]
    table["classifier_accuracy"] = table["property"].map(accuracies).astype(float)
    unsure = ~(table["classifier_accuracy"] >= context.settings["classifier_accuracy"])
    table["withheld"] = table["property"].isin(accuracies) & unsure
    table.loc[table["withheld"], NUMBERS] = np.nan
    return table[COLUMNS]


@dataclass(frozen=True)
class MeasuredEffects:
    """What draws of a run say of k pairs of a layer and a property."""

    measure: PropertiesOfDraws
    """From noise to properties, by the classes' means of these draws."""
    layers: list[int]
    """(k,), counted from 1."""
    properties: list[str]
    """(k,), the name of each."""
    terms: list[tuple[Terms, Terms]]
    """(k,), of redrawing the layer alone, and of redrawing all others."""
    draws: list[int]
    """(k,), number of draws in which the property is defined on every side. Each effect
    takes all draws in which it is defined on its own two sides."""


def measured_effects(context: Context, stream: torch.Generator) -> MeasuredEffects:
    """Return the effects of every layer on every property, from `draws` draws.

    All noise is drawn twice, and each layer in turn is taken from the second draw and
    the others from the first. These images differ from the first ones in one layer, and
    from the second ones in all others, so that they serve for both effects.

    Args:
        context: the run, with the number of draws in its settings.
        stream: where the noise is drawn from.
    """
    model, count = context.run.model, context.settings["draws"]
    noise, other = model.draw_noise(count, stream), model.draw_noise(count, stream)
    measure = PropertiesOfDraws(context, noise)
    first, second = measure.first, measure(other)
    found = MeasuredEffects(measure, [], [], [], [])
    for layer, redrawn in enumerate(other):
        mixed = measure([*noise[:layer], redrawn, *noise[layer + 1 :]])
        for name, values in mixed.items():
            found.layers.append(layer + 1)
            found.properties.append(name)
            alone, others = (effect_terms(s[name], values) for s in (first, second))
            found.terms.append((alone, others))
            found.draws.append(defined(first[name], second[name], values))
    return found


def defined(*sides: np.ndarray) -> int:
    """Return in how many draws a property, (n,) or (n, ...), is defined everywhere."""
    undefined = [np.isnan(s.reshape(len(s), -1)).any(1) for s in sides]
    return len(sides[0]) - int(np.any(undefined, axis=0).sum())
