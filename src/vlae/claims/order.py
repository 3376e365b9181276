"""More abstract properties sit in deeper layers (Section 4).

Keys of the criterion:
    least: least rank correlation of the order with the layers
    order: the rank of each property, from 1 for the least abstract
    decides: names of the data sets that decide; others are shown only
    rise: nats by which training must have raised the held-out ELBO
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from vlae.claims._effects import Effects, contenders, leading, total_effects
from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, at_least

TABLES = ["effects", "codes"]
PART = "more abstract properties in deeper layers"
SCORES = {
    "mig": "MIG",
    "mig_sup": "MIG-sup",
    "disentanglement": "DCI disentanglement",
    "completeness": "completeness",
}
"""Scores of the experiment `codes` that notes mention, and their names there."""


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words, with the order."""
    order = numbers["order"]
    levels = [
        " and ".join(in_print(name) for name in ordered(order) if order[name] == level)
        for level in sorted(set(order.values()))
    ]
    return (
        "Rank correlation of at least "
        f"{numbers['least']:g} between the order {' < '.join(levels)} and the layer "
        "with the largest total effect T on each, for every choice of layers of which "
        "none is surely behind another (95 % interval of the paired difference). "
        f"Only {' and '.join(numbers['decides'])} decides. Training "
        f"raised the held-out ELBO by at least {numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per seed; its number is the rank correlation."""
    return claim.each_seed(lambda run, seed: [_finding(claim.numbers, run, seed)])


def _finding(numbers: dict[str, Any], run: RunResults, seed: int) -> Finding:
    effects, order = total_effects(run, seed), numbers["order"]
    layers = {name: leading(effects.get(name, {})) for name in ordered(order)}
    missing = [in_print(name) for name, layer in layers.items() if layer is None]
    decides = run.dataset in numbers["decides"]
    shown_only = "" if decides else f"{run.dataset} does not decide"
    if missing:
        note = f"no layer for {', '.join(missing)}"
        return finding_of(
            run, seed, PART, Outcome.UNMEASURED, note=note, shown_only=shown_only
        )
    found = _correlation(effects, order)
    places = ", ".join(f"{in_print(k)} in layer {v}" for k, v in layers.items())
    return finding_of(
        run,
        seed,
        PART,
        learned_and(run, seed, numbers["rise"], [at_least(found, numbers["least"])]),
        found,
        note="; ".join([places, *_disentanglement(run, seed)]),
        shown_only=shown_only,
    )


def _correlation(effects: Effects, order: dict[str, int]) -> Interval:
    """Return Spearman's correlation of the order with the layers of the properties.

    The layer of a property is the one with the largest total effect on it. It might as
    well be any layer whose interval overlaps the largest; the ends of the interval are
    the smallest and the largest correlation of all such choices.
    """
    names = list(order)
    ranks = [order[name] for name in names]
    choices = itertools.product(*(contenders(effects[name]) for name in names))
    found = [_spearman(ranks, layers) for layers in choices]
    largest = [leading(effects[name]) or 0 for name in names]
    return Interval(_spearman(ranks, largest), min(found), max(found))


def _spearman(ranks: Sequence[int], layers: Sequence[int]) -> float:
    """Return the rank correlation; 0 if all layers are equal, which says nothing."""
    if len(set(layers)) == 1:
        return 0.0
    return float(pd.Series(ranks).corr(pd.Series(layers), method="spearman"))


def _disentanglement(run: RunResults, seed: int) -> list[str]:
    """Return the means of `SCORES` that were measured, in words."""
    table = run.table("codes", seed)
    means = [
        f"{name} {number(np.nanmean(values))}"
        for score, name in SCORES.items()
        if not (values := table.loc[table["score"] == score, "value"].dropna()).empty
    ]
    return [", ".join(means)] if means else []
