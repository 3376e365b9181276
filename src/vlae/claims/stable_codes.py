"""A layer's code means the same whatever the other layers say (Figures 5 to 7).

Keys of the criterion:
    effect: total effect from which a layer is tested on a property, from 0 to 1
    ratio: least share of that effect which is the layer's own (first order over total)
    sign: least share of draws in which a step of a coordinate changes the property in
        the same direction, for the coordinate in which that share is largest
    draws: least number of draws; properties with fewer are left out, and named
    rise: nats by which training must have raised the held-out ELBO
"""

from typing import Any

import pandas as pd

from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, at_least

TABLES = ["stability"]
PARTS = {
    "ratio": "a layer's effect is its own",
    "sign": "a step goes in one direction",
}
"""Parts of the claim by score, which is also the criterion's key."""

Place = tuple[int, str]
"""A layer and a property."""


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    return (
        "Of every property on which a layer has a total effect T of at least "
        f"{numbers['effect']:g} (parts of a property do not count beside it), the "
        f"layer moves at least {numbers['ratio']:g} of T by itself (first order over "
        f"total effect, from at least {numbers['draws']:g} draws); and a step of a "
        f"coordinate changes it in the same direction in at least {numbers['sign']:g} "
        "of the draws of all other layers, for the coordinate that does so most. "
        f"Training raised the held-out ELBO by at least {numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return two findings per seed; their numbers are the smallest ratio and share."""
    return claim.each_seed(lambda run, seed: _of_seed(claim.numbers, run, seed))


def _of_seed(numbers: dict[str, Any], run: RunResults, seed: int) -> list[Finding]:
    table = run.table("stability", seed)
    total = table[(table["score"] == "total") & (table["part_of"] == "")]
    moved = total[total["value"] >= numbers["effect"]]
    enough_draws = moved["draws"] >= numbers["draws"]
    tested, left_out = moved[enough_draws], moved[~enough_draws]
    places = [*tested[["layer", "property"]].itertuples(index=False, name=None)]
    few = [in_print(name) for name in ordered(left_out["property"].unique())]
    remark = f"fewer than {numbers['draws']:,} draws of {', '.join(few)}" if few else ""
    return [
        _finding(numbers, run, seed, score, _at(table, score, places), remark)
        for score in PARTS
    ]


def _at(table: pd.DataFrame, score: str, places: list[Place]) -> dict[Place, Interval]:
    """Return a score at each place, for the coordinate in which it is largest."""
    found = {}
    for layer, name in places:
        here = table[
            (table["score"] == score)
            & (table["layer"] == layer)
            & (table["property"] == name)
        ].dropna(subset="value")
        if not here.empty:
            row = here.loc[here["value"].idxmax()]
            found[layer, name] = Interval(row["value"], row["low"], row["high"])
    return found


def _finding(
    numbers: dict[str, Any],
    run: RunResults,
    seed: int,
    score: str,
    found: dict[Place, Interval],
    remark: str,
) -> Finding:
    """Return whether a score is large enough at every place."""
    part = PARTS[score]
    if not found:
        note = remark or "no layer moves anything enough"
        return finding_of(run, seed, part, Outcome.UNMEASURED, note=note)
    tests = [at_least(interval, numbers[score]) for interval in found.values()]
    places = ", ".join(
        f"{in_print(name)} in layer {layer} {number(interval.value)}"
        for (layer, name), interval in found.items()
    )
    return finding_of(
        run,
        seed,
        part,
        learned_and(run, seed, numbers["rise"], tests),
        min(found.values(), key=lambda interval: interval.value),
        note="; ".join(filter(None, [places, remark])),
    )
