"""Reading the table of the experiment `effects`, and whether a run has learned."""

import pandas as pd

from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least, largest

Effects = dict[str, dict[int, Interval]]


def total_effects(run: RunResults, seed: int) -> Effects:
    """Total effects of a seed: property, then layer. Nothing that is withheld."""
    table = run.table("effects")
    table = table[(table["seed"] == seed) & ~table["withheld"]]
    found: Effects = {}
    for name, layer, *ends in table[
        ["property", "layer", "total_effect", "total_low", "total_high"]
    ].itertuples(index=False):
        found.setdefault(name, {})[int(layer)] = Interval(*ends)
    return found


def learned(run: RunResults, seed: int, nats: float) -> Outcome:
    """Whether training raised the held-out ELBO enough.

    The layers of an untrained model do something too, and may do what is expected.
    """
    return Outcome.PASSES if run.rise(seed) >= nats else Outcome.FAILS


def leading(layers: dict[int, Interval]) -> int | None:
    """The layer of the largest total effect; None if any is undefined, or its ends."""
    found = pd.DataFrame({k: (t.value, t.low, t.high) for k, t in layers.items()})
    return (
        None
        if found.isna().any(axis=None) or found.empty
        else int(found.loc[0].idxmax())
    )


def leads(layers: dict[int, Interval], layer: int) -> Outcome:
    """Whether the total effect of `layer` is the largest, as sure as the intervals."""
    others = [found for other, found in layers.items() if other != layer]
    return largest(layers[layer], others)


def contenders(layers: dict[int, Interval]) -> list[int]:
    """Layers that may have the largest total effect: whose interval overlaps its."""
    best = layers[leading(layers) or 0]
    return [layer for layer, found in layers.items() if found.high >= best.low]


def in_layer(layers: dict[int, Interval], layer: int, least: float) -> Outcome:
    """Whether `layer` has the largest total effect, and one of at least `least`.

    Not measured where there is no such layer or no number.
    """
    if leading(layers) is None or layer not in layers:
        return Outcome.UNMEASURED
    return all_of([leads(layers, layer), at_least(layers[layer], least)])


def listed(layers: dict[int, Interval]) -> str:
    """Total effects from the bottom up: '.28 / .56 / .63'."""
    return " / ".join(number(layers[layer].value) for layer in sorted(layers))
