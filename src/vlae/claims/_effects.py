"""Effects of layers on properties, from the table `effects`."""

import math
from dataclasses import astuple, dataclass

from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, largest


@dataclass(frozen=True)
class Effect:
    """What redrawing one layer changes of one property."""

    total: Interval
    """The total effect T."""
    lead: Interval
    """T minus the largest T of another layer; nan if the model has one layer."""
    gain: Interval
    """T minus that of the next lower layer; nan for layer 1."""
    first: Interval
    """The first-order effect S."""
    first_lead: Interval
    """S minus the largest S of another layer; nan if the model has one layer."""
    first_gain: Interval
    """S minus that of the next lower layer; nan for layer 1."""


Layers = dict[int, Effect]
"""Effects on one property by layer."""
Effects = dict[str, Layers]
"""Effects by property."""
COLUMNS = ["property", "layer"]
NUMBERS = [
    *("total_effect", "total_low", "total_high"),
    *("lead", "lead_low", "lead_high"),
    *("gain", "gain_low", "gain_high"),
    *("first_order", "first_low", "first_high"),
    *("first_lead", "first_lead_low", "first_lead_high"),
    *("first_gain", "first_gain_low", "first_gain_high"),
]


def total_effects(run: RunResults, seed: int) -> Effects:
    """Return the effects of one seed, without those that are withheld."""
    table = run.table("effects", seed)
    table = table[~table["withheld"]]
    found: Effects = {}
    for name, layer, *numbers in table[COLUMNS + NUMBERS].itertuples(index=False):
        parts = [Interval(*numbers[i : i + 3]) for i in range(0, len(numbers), 3)]
        found.setdefault(name, {})[int(layer)] = Effect(*parts)
    return found


def leading(layers: Layers) -> int | None:
    """Return the layer with the largest total effect.

    None if there are no layers, or if a total effect or its interval is undefined.
    """
    found = [number for e in layers.values() for number in astuple(e.total)]
    if not found or any(map(math.isnan, found)):
        return None
    return max(layers, key=lambda layer: layers[layer].total.value)


def leads(layers: Layers, layer: int) -> Outcome:
    """Return whether the total effect of `layer` is larger than all others."""
    if len(layers) == 1:
        return Outcome.PASSES
    return largest(layers[layer].lead)


def contenders(layers: Layers) -> list[int]:
    """Return the layers that may have the largest total effect: none is surely behind.

    They are the leading layer, and those whose lead has an interval that reaches 0.
    """
    return [
        layer
        for layer in layers
        if layer == leading(layers) or leads(layers, layer) is not Outcome.FAILS
    ]


def listed(layers: Layers, *, first: bool = False) -> str:
    """Return the effects from the bottom layer up: '0.28 / 0.56 / 0.63'.

    Args:
        layers: the effects on one property.
        first: whether to list S instead of T.
    """
    found = [layers[layer] for layer in sorted(layers)]
    return " / ".join(number((e.first if first else e.total).value) for e in found)
