"""More abstract properties sit in deeper layers (Section 4)."""

import itertools

import numpy as np
import pandas as pd

from vlae.claims._effects import Effects, contenders, leading, learned, total_effects
from vlae.claims.base import Claim, Finding, Map
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least

EXPERIMENTS = ["effects", "codes"]
PART = "more abstract properties in deeper layers"


def criterion(numbers: Map) -> str:
    """In words, with the order."""
    order = numbers["order"]
    levels = [
        " and ".join(in_print(name) for name in ordered(order) if order[name] == level)
        for level in sorted(set(order.values()))
    ]
    return (
        "Rank correlation of at least "
        f"{numbers['least']:g} between the order {' < '.join(levels)} and the layer "
        "with the largest total effect T on each, for every choice of layers whose "
        f"intervals overlap. Only {' and '.join(numbers['decides'])} decides. Training "
        f"raised the held-out ELBO by at least {numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """A finding a seed; its number is the rank correlation."""
    return claim.each_seed(lambda run, seed: [_finding(claim.numbers, run, seed)])


def _finding(numbers: Map, run: RunResults, seed: int) -> Finding:
    effects, order = total_effects(run, seed), numbers["order"]
    layers = {name: leading(effects.get(name, {})) for name in ordered(order)}
    missing = [in_print(name) for name, layer in layers.items() if layer is None]
    decides = run.dataset in numbers["decides"]
    shown_only = "" if decides else f"{run.dataset} does not decide"
    who = (PART, run.dataset, run.run, seed)
    if missing:
        note = f"no layer for {', '.join(missing)}"
        return Finding(*who, Outcome.UNMEASURED, note=note, shown_only=shown_only)
    found = correlation(effects, order)
    places = ", ".join(f"{in_print(k)} in layer {v}" for k, v in layers.items())
    outcome = all_of(
        [learned(run, seed, numbers["rise"]), at_least(found, numbers["least"])]
    )
    note = "; ".join([places, *_codes(run, seed)])
    numbers_found = (found.value, found.low, found.high)
    return Finding(*who, outcome, *numbers_found, note, shown_only=shown_only)


def correlation(effects: Effects, order: dict[str, int]) -> Interval:
    """Spearman's, of the order with the carrying layers; its range over ties.

    A layer carries a property if its total effect is the largest; every layer whose
    interval overlaps the largest might, and the ends are those of all such choices.
    If one layer carries all, the order says nothing: 0.
    """
    names = list(order)
    ranks = [order[name] for name in names]
    choices = itertools.product(*(contenders(effects[name]) for name in names))
    found = [_spearman(ranks, layers) for layers in choices]
    largest = [leading(effects[name]) or 0 for name in names]
    return Interval(_spearman(ranks, largest), min(found), max(found))


def _spearman(ranks: list[int], layers: list[int] | tuple[int, ...]) -> float:
    if len(set(layers)) == 1:
        return 0.0
    return float(pd.Series(ranks).corr(pd.Series(layers), method="spearman"))


def _codes(run: RunResults, seed: int) -> list[str]:
    """MIG, MIG-sup and DCI in words."""
    table = run.table("codes")
    table = table[table["seed"] == seed]
    means = [
        f"{word} {number(np.nanmean(values))}"
        for word, score in (
            ("MIG", "mig"),
            ("MIG-sup", "mig_sup"),
            ("DCI disentanglement", "disentanglement"),
            ("completeness", "completeness"),
        )
        if not (values := _values(table, score)).empty
    ]
    return [", ".join(means)] if means else []


def _values(table: pd.DataFrame, score: str) -> pd.Series:
    return table.loc[table["score"] == score, "value"].dropna()
