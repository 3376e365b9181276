"""Total effects of layers on properties, from the table `effects`."""

import math
from dataclasses import astuple, dataclass

from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least, largest


@dataclass(frozen=True)
class Effect:
    """What redrawing one layer changes of one property."""

    total: Interval
    """The total effect T."""
    lead: Interval
    """T minus the largest T of another layer; nan if the model has one layer."""


Layers = dict[int, Effect]
"""Effects on one property by layer."""
Effects = dict[str, Layers]
"""Effects by property."""
COLUMNS = ["property", "layer", "total_effect", "total_low", "total_high"]
LEAD_COLUMNS = ["lead", "lead_low", "lead_high"]


def total_effects(run: RunResults, seed: int, *, with_parts: bool = True) -> Effects:
    """Return the total effects of one seed, without those that are withheld.

    Args:
        run: the results of the run.
        seed: the seed.
        with_parts: whether properties count that are a part of another one, such as the
            width within the class. A claim on all properties leaves them out: so each
            thing counts once, and the claim asks the same when more parts are measured.
    """
    table = run.table("effects", seed)
    table = table[~table["withheld"]]
    if not with_parts:
        table = table[table["part_of"] == ""]
    found: Effects = {}
    rows = table[COLUMNS + LEAD_COLUMNS].itertuples(index=False)
    for name, layer, *numbers in rows:
        effect = Effect(Interval(*numbers[:3]), Interval(*numbers[3:]))
        found.setdefault(name, {})[int(layer)] = effect
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


def in_layer(layers: Layers, layer: int, least: float) -> Outcome:
    """Return whether `layer` leads with a total effect of at least `least`.

    Not measured if there is no such layer, or no layer leads.
    """
    if leading(layers) is None or layer not in layers:
        return Outcome.UNMEASURED
    return all_of([leads(layers, layer), at_least(layers[layer].total, least)])


def listed(layers: Layers) -> str:
    """Return the total effects from the bottom layer up: '.28 / .56 / .63'."""
    return " / ".join(number(layers[layer].total.value) for layer in sorted(layers))
