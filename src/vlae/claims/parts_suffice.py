"""Parts suffice for a confident classification, but not for generation (Figure 1).

Keys of the criterion:
    fall: largest fall of the classifier's mean confidence, and of its accuracy
    nats: least fall of the mean ELBO, in nats, beyond that of images whose own parts
        are moved by a pixel
    accuracy: least accuracy on intact images; below it nothing is measured
    rise: nats by which training must have raised the held-out ELBO
"""

from typing import Any

import pandas as pd

from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least

TABLES = ["recomposed"]
CONFIDENCE_PART = "the classifier stays confident"
ELBO_PART = "the ELBO falls"


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    return (
        "On images recomposed from parts of different images of one class, against "
        "the same images before they were cut: the classifier's mean confidence, and "
        "its accuracy, fall by at most "
        f"{numbers['fall']:g}; the mean ELBO falls by at least {numbers['nats']:g} "
        "nats more than that of the same images with their own parts, each moved by "
        "one pixel, which have seams and no new content (paired difference). The "
        "classifier names at least "
        f"{numbers['accuracy']:g} of the intact images; training raised the held-out "
        f"ELBO by at least {numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return two findings per seed.

    The numbers are the change of confidence, and that of the ELBO beyond a seam's.
    """
    return claim.each_seed(lambda run, seed: _of_seed(claim.numbers, run, seed))


def _of_seed(numbers: dict[str, Any], run: RunResults, seed: int) -> list[Finding]:
    table = run.table("recomposed", seed).set_index(["images", "measure"])
    intact = table.loc[("intact", "accuracy"), "value"]
    if intact < numbers["accuracy"]:
        note = f"the classifier names {number(intact)} of the intact images"
        return [
            finding_of(run, seed, part, Outcome.UNMEASURED, note=note)
            for part in (CONFIDENCE_PART, ELBO_PART)
        ]
    confidence, accuracy = _change(table, "confidence"), _change(table, "accuracy")
    beyond = _change(table, "elbo", "beyond")
    stays = all_of(at_least(each, -numbers["fall"]) for each in (confidence, accuracy))
    fall = Interval(-beyond.value, -beyond.high, -beyond.low)
    falls = learned_and(run, seed, numbers["rise"], [at_least(fall, numbers["nats"])])
    return [
        finding_of(
            run, seed, CONFIDENCE_PART, stays, confidence, note=_confidence_note(table)
        ),
        finding_of(run, seed, ELBO_PART, falls, beyond, note=_elbo_note(table)),
    ]


def _change(table: pd.DataFrame, measure: str, against: str = "difference") -> Interval:
    """Return by how much recomposing within one class changes a measure.

    Args:
        table: rows by images and measure.
        measure: the measure.
        against: `difference` from intact images, or `beyond` moved parts.
    """
    columns = [against, f"{against}_low", f"{against}_high"]
    return Interval(*table.loc[("one_class", measure), columns])


def _confidence_note(table: pd.DataFrame) -> str:
    both = ", ".join(
        f"{m} {_value(table, 'one_class', m)} against {_value(table, 'intact', m)}"
        for m in ("confidence", "accuracy")
    )
    several = _value(table, "several_classes", "confidence")
    return f"{both}; of several classes confidence {several}"


def _elbo_note(table: pd.DataFrame) -> str:
    one, seam, several = (
        number(table.loc[(images, "elbo"), "difference"], 1)
        for images in ("one_class", "moved_parts", "several_classes")
    )
    return (
        f"against intact images {one} nats, of moved parts {seam}, of several classes "
        f"{several}; "
        f"{_value(table, 'one_class', 'unlikely')} of the recomposed images have a "
        "lower ELBO than 95 % of the intact ones"
    )


def _value(table: pd.DataFrame, images: str, measure: str) -> str:
    return number(table.loc[(images, measure), "value"])
