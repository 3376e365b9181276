"""Parts suffice for a confident classification, not for generation (Figure 1)."""

import pandas as pd

from vlae.claims._effects import learned
from vlae.claims.base import Claim, Finding, Map
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least

EXPERIMENTS = ["recomposed"]
STAYS = "the classifier stays confident"
FALLS = "the ELBO falls"


def criterion(numbers: Map) -> str:
    """In words."""
    return (
        "Of images recomposed from parts of different images of one class, against "
        "the same images before they were cut: the classifier's mean confidence, and "
        "its accuracy, fall by at most "
        f"{numbers['fall']:g}; the mean ELBO falls by at least {numbers['nats']:g} "
        "nats. The classifier names at least "
        f"{numbers['accuracy']:g} of the intact images; training raised the held-out "
        f"ELBO by at least {numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Two findings a seed; their numbers are the changes of confidence and of ELBO."""
    return claim.each_seed(lambda run, seed: of_seed(claim.numbers, run, seed))


def of_seed(numbers: Map, run: RunResults, seed: int) -> list[Finding]:
    """What one seed of a run shows."""
    table = run.table("recomposed")
    table = table[table["seed"] == seed].set_index(["images", "measure"])
    intact = table.loc[("intact", "accuracy"), "value"]
    change = {m: _change(table, m) for m in ("confidence", "accuracy", "elbo")}
    who = (run.dataset, run.run, seed)
    elbo = _negative(change["elbo"])
    falls = all_of(
        [learned(run, seed, numbers["rise"]), at_least(elbo, numbers["nats"])]
    )
    if intact < numbers["accuracy"]:
        note = f"the classifier names {number(intact)} of the intact images"
        return [
            Finding(STAYS, *who, Outcome.UNMEASURED, note=note),
            Finding(FALLS, *who, Outcome.UNMEASURED, note=note),
        ]
    stays = all_of(
        at_least(change[m], -numbers["fall"]) for m in ("confidence", "accuracy")
    )
    said = ", ".join(
        f"{name} {_value(table, 'one_class', m)} against {_value(table, 'intact', m)}"
        for name, m in (("confidence", "confidence"), ("accuracy", "accuracy"))
    )
    said += f"; of several classes confidence {_several(table, 'confidence')}"
    unlikely = (
        f"{_value(table, 'one_class', 'unlikely')} of the recomposed images have a "
        "lower ELBO than 95 % of the intact ones; of several classes the change is "
        f"{number(table.loc[('several_classes', 'elbo'), 'difference'], 1)} nats"
    )
    return [
        Finding(STAYS, *who, stays, *_ends(change["confidence"]), note=said),
        Finding(FALLS, *who, falls, *_ends(change["elbo"]), note=unlikely),
    ]


def _change(table: pd.DataFrame, measure: str) -> Interval:
    columns = ["difference", "difference_low", "difference_high"]
    return Interval(*table.loc[("one_class", measure), columns])


def _negative(found: Interval) -> Interval:
    return Interval(-found.value, -found.high, -found.low)


def _ends(found: Interval) -> tuple[float, float, float]:
    return found.value, found.low, found.high


def _value(table: pd.DataFrame, images: str, measure: str) -> str:
    return number(table.loc[(images, measure), "value"])


def _several(table: pd.DataFrame, measure: str) -> str:
    return _value(table, "several_classes", measure)
