"""A layer's code means the same whatever the other layers say (Figures 5 to 7).

Each property is asked of one layer, the one that the paper gives it to.

Keys of the criterion:
    layers: the layer of each property, from 1 at the bottom
    effect: total effect of that layer from which the property is tested, from 0 to 1
    ratio: least share of that effect which is the layer's own (first order over total)
    sign: least share of draws in which a step of a coordinate changes the property in
        the same direction, for the coordinate in which that share is largest
    draws: least number of draws; with fewer, a ratio is not measured
    rise: nats by which training must have raised the held-out ELBO
"""

from typing import Any

import pandas as pd

from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.intervals import UNDEFINED, Interval
from vlae.statistics.thresholds import Outcome, at_least
from vlae.system.errors import UserError

TABLES = ["stability"]
PARTS = {
    "ratio": "a layer's effect is its own",
    "sign": "a step goes in one direction",
}
"""Parts of the claim by score, which is also the criterion's key."""


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    layers = numbers["layers"]
    places = [f"{in_print(name)} in layer {layers[name]}" for name in ordered(layers)]
    return (
        f"For {', '.join(places)}: the layer moves at least {numbers['ratio']:g} of "
        "its total effect T by itself (first order over total effect, from at least "
        f"{numbers['draws']:g} draws); and, but for the class, which has no direction, "
        "a step of a coordinate changes the property in the same direction in at least "
        f"{numbers['sign']:g} of the draws of all other layers, for the coordinate "
        "that does so most (its interval holds for all coordinates of the layer "
        "together at 95 %). A "
        f"property on which its layer has a T of less than {numbers['effect']:g} is "
        "left out. Training raised the held-out ELBO by at least "
        f"{numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return two findings per seed; their numbers are the smallest ratio and share."""
    return claim.each_seed(lambda run, seed: _of_seed(claim, run, seed))


def _of_seed(claim: Claim, run: RunResults, seed: int) -> list[Finding]:
    numbers, table = claim.numbers, run.table("stability", seed)
    _require_layers(claim, run, table)
    asked, remarks = {}, []
    for name in ordered(numbers["layers"]):
        layer = numbers["layers"][name]
        here = table[(table["layer"] == layer) & (table["property"] == name)]
        total = here.loc[here["score"] == "total", "value"]
        if total.isna().all():
            asked[name] = here.iloc[:0]
        elif total.iloc[0] >= numbers["effect"]:
            asked[name] = here
        else:
            small = number(total.iloc[0])
            remarks.append(f"layer {layer} hardly moves {in_print(name)} (T {small})")
    return [_finding(numbers, run, seed, score, asked, remarks) for score in PARTS]


def _require_layers(claim: Claim, run: RunResults, table: pd.DataFrame) -> None:
    """Raise `UserError` if a property is expected in a layer that the run has not."""
    last = table["layer"].max()
    for name, layer in claim.numbers["layers"].items():
        if layer > last:
            raise UserError(
                f"claims.{claim.spec.id}.criterion.layers: '{name}' is expected in "
                f"layer {layer}, but {run.name} has no layer {layer}; it has {last}. "
                "Correct the layer."
            )


def _finding(
    numbers: dict[str, Any],
    run: RunResults,
    seed: int,
    score: str,
    asked: dict[str, pd.DataFrame],
    remarks: list[str],
) -> Finding:
    """Return whether a score is large enough for every property that is asked.

    Args:
        numbers: the criterion.
        run: the results of the run.
        seed: the seed.
        score: a key of `PARTS`.
        asked: rows of the table by property, those of the property's layer.
        remarks: what to say of properties that are not asked.
    """
    found = {
        name: _best(rows, score, numbers["draws"])
        for name, rows in asked.items()
        if score == "ratio" or name != "class"
    }
    known = {name: each for name, each in found.items() if each is not UNDEFINED}
    places = [
        f"{in_print(name)} in layer {numbers['layers'][name]} {number(each.value)}"
        for name, each in known.items()
    ]
    missing = [in_print(name) for name in found if name not in known]
    words = [", ".join(places)] if places else []
    if missing:
        words.append(f"not measured from enough draws: {', '.join(missing)}")
    note = "; ".join([*words, *remarks])
    if not found:
        return finding_of(run, seed, PARTS[score], Outcome.UNMEASURED, note=note)
    tests = [at_least(each, numbers[score]) for each in found.values()]
    return finding_of(
        run,
        seed,
        PARTS[score],
        learned_and(run, seed, numbers["rise"], tests),
        min(known.values(), key=lambda each: each.value, default=UNDEFINED),
        note=note,
    )


def _best(rows: pd.DataFrame, score: str, draws: int) -> Interval:
    """Return a score for the coordinate in which it is largest, if it was measured.

    Coordinates of a layer are exchangeable in the prior, so a property may have any of
    them to itself, and the table's intervals hold for all of them together.
    """
    here = rows[rows["score"] == score].dropna(subset="value")
    if here.empty or (score == "ratio" and here["draws"].iloc[0] < draws):
        return UNDEFINED
    return Interval(*here.loc[here["value"].idxmax(), ["value", "low", "high"]])
