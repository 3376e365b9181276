"""A layer's code means the same whatever the other layers say (Figures 5 to 7).

A property of which too few draws are defined is left out, and named.
"""

import pandas as pd

from vlae.claims._effects import learned
from vlae.claims.base import Claim, Finding, Map
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least

EXPERIMENTS = ["stability"]
ALONE = "a layer's effect is its own"
SAME = "a step goes in one direction"


def criterion(numbers: Map) -> str:
    """In words."""
    return (
        f"Of every property on which a layer has a total effect T of at least "
        f"{numbers['effect']:g}, the layer moves at least {numbers['ratio']:g} of T by "
        "itself (first order over total effect, from at least "
        f"{numbers['draws']:g} draws); and a step of a coordinate changes it in the "
        f"same direction in at least {numbers['sign']:g} of the draws of all other "
        "layers, for the coordinate that does so most. Training raised the held-out "
        f"ELBO by at least {numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Two findings a seed; their numbers are the smallest ratio and share."""
    return claim.each_seed(lambda run, seed: of_seed(claim.numbers, run, seed))


def of_seed(numbers: Map, run: RunResults, seed: int) -> list[Finding]:
    """What one seed of a run shows."""
    table = run.table("stability")
    table = table[table["seed"] == seed]
    total = table[table["score"] == "total"]
    moved = total[total["value"] >= numbers["effect"]]
    enough_draws = moved["draws"] >= numbers["draws"]
    asked, left_out = moved[enough_draws], moved[~enough_draws]
    places = [*asked[["layer", "property"]].itertuples(index=False, name=None)]
    few = [in_print(name) for name in ordered(left_out["property"].unique())]
    remarks = (
        f"fewer than {numbers['draws']:,} draws of {', '.join(few)}" if few else ""
    )
    enough = learned(run, seed, numbers["rise"])
    return [
        _weakest(run, seed, part, enough, _of(table, score, places), least, remarks)
        for part, score, least in (
            (ALONE, "ratio", numbers["ratio"]),
            (SAME, "sign", numbers["sign"]),
        )
    ]


def _of(
    table: pd.DataFrame, score: str, places: list[tuple[int, str]]
) -> dict[tuple[int, str], Interval]:
    """A score where it is asked for: of the coordinate in which it is largest."""
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


def _weakest(
    run: RunResults,
    seed: int,
    part: str,
    enough: Outcome,
    found: dict[tuple[int, str], Interval],
    least: float,
    remarks: str,
) -> Finding:
    who = (part, run.dataset, run.run, seed)
    if not found:
        note = remarks or "no layer moves anything enough"
        return Finding(*who, Outcome.UNMEASURED, note=note)
    tests = [at_least(interval, least) for interval in found.values()]
    weakest = min(found.values(), key=lambda interval: interval.value)
    note = ", ".join(
        f"{in_print(name)} in layer {layer} {number(interval.value)}"
        for (layer, name), interval in found.items()
    )
    note = "; ".join(filter(None, [note, remarks]))
    ends = (weakest.value, weakest.low, weakest.high)
    return Finding(*who, all_of([enough, *tests]), *ends, note)
