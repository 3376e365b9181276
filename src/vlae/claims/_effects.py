"""Total effects of layers on properties, from the table of the experiment `effects`."""

import pandas as pd

from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least, largest

Effects = dict[str, dict[int, Interval]]
"""Total effects by property, then by layer."""
COLUMNS = ["property", "layer", "total_effect", "total_low", "total_high"]


def total_effects(run: RunResults, seed: int) -> Effects:
    """Return the total effects of one seed, without those that are withheld."""
    table = run.table("effects", seed)
    table = table[~table["withheld"]]
    found: Effects = {}
    for name, layer, *ends in table[COLUMNS].itertuples(index=False):
        found.setdefault(name, {})[int(layer)] = Interval(*ends)
    return found


def leading(layers: dict[int, Interval]) -> int | None:
    """Return the layer with the largest total effect.

    None if there are no layers, or if a total effect or its interval is undefined.
    """
    found = pd.DataFrame({k: (t.value, t.low, t.high) for k, t in layers.items()})
    if found.empty or found.isna().any(axis=None):
        return None
    return int(found.loc[0].idxmax())


def leads(layers: dict[int, Interval], layer: int) -> Outcome:
    """Return whether the total effect of `layer` is larger than all others."""
    others = [found for other, found in layers.items() if other != layer]
    return largest(layers[layer], others)


def contenders(layers: dict[int, Interval]) -> list[int]:
    """Return the layers that may have the largest total effect.

    Their intervals overlap that of the leading layer.
    """
    best = layers[leading(layers) or 0]
    return [layer for layer, found in layers.items() if found.high >= best.low]


def in_layer(layers: dict[int, Interval], layer: int, least: float) -> Outcome:
    """Return whether `layer` leads with a total effect of at least `least`.

    Not measured if there is no such layer, or no layer leads.
    """
    if leading(layers) is None or layer not in layers:
        return Outcome.UNMEASURED
    return all_of([leads(layers, layer), at_least(layers[layer], least)])


def listed(layers: dict[int, Interval]) -> str:
    """Return the total effects from the bottom layer up: '.28 / .56 / .63'."""
    return " / ".join(number(layers[layer].value) for layer in sorted(layers))
