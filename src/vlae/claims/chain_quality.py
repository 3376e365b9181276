"""The Gibbs chain through the bottom decoder samples as well as the whole model.

This is Proposition 1 for Markov hierarchies, where the chain redraws z_1 alone, and its
generalisation for autoregressive ones, where the chain redraws all z from q(z|x). Means
of p(x|z) decide. They are compared with held-out images without noise, since the
classifier knows clean images; Figure 2 also reports draws against noised images.

There are two parts, as there are two things to ask of samples: whether each is a good
image, and whether all together are distributed as images are. The paper's words are
"visual quality", which is the first.

Keys of the criterion:
    decides: names of the runs that decide; others are shown only
    step: step of the chains from noise that is compared
    images: least number of images on each side
    margin: how far below those of ancestral samples the share of samples that the
        classifier is sure of, the precision and the recall may be
    sure: least share of ancestral samples that the classifier is sure of
    times: largest quotient of the squared KID of the chains and of ancestral samples
    class_entropy: least entropy of the classes of samples, on both sides, in nats
    r_hat: an R-hat above it vetoes a pass of the second part
    rise: nats by which training must have raised the held-out ELBO
"""

from typing import Any

import pandas as pd

from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval, difference
from vlae.statistics.thresholds import Outcome, all_of, at_least, at_most
from vlae.system.errors import UserError

TABLES = ["chains", "mixing"]
QUALITY_PART = "single samples of the chain are as good as the whole model's"
DISTRIBUTION_PART = "the chain's samples are distributed as the whole model's"

CHAIN_ARM, ANCESTRAL_ARM = "noise", "ancestral"
EXCESS_MEASURE = "kid_above_ancestral"
RATIO_MEASURE = "kid_over_ancestral"

Measures = list[tuple[str, str, int]]
"""Measures, their names in notes, and digits after the point."""
QUALITY_MEASURES: Measures = [("sure", "sure of", 2), ("precision", "precision", 2)]
DISTRIBUTION_MEASURES: Measures = [
    ("kid", "KID", 3),
    ("recall", "recall", 2),
    ("class_entropy", "class entropy", 2),
    ("fid", "FID", 1),
]


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    margin = f"{numbers['margin']:g}"
    return (
        f"Means of p(x|z) after {numbers['step']} steps from noise are compared with "
        f"means of ancestral samples, at least {numbers['images']:,} on each side. "
        "Single samples: the share of which the classifier is sure, and their "
        f"precision, are each at most {margin} below that of ancestral samples (95 % "
        "interval of the difference). Distribution: the recall is at most "
        f"{margin} below, the squared KID from held-out images is at most "
        f"{numbers['times']:g} times that of ancestral samples, and the entropy of the "
        f"classes is at least {numbers['class_entropy']:g} nats; R-hat over "
        f"{numbers['r_hat']:g} vetoes. Where the classifier is sure of a share of less "
        f"than {numbers['sure']:g} of the ancestral samples, or the entropy of their "
        "classes is smaller than that, nothing is decided. Training raised the "
        f"held-out ELBO by at least {numbers['rise']:g} nats. The claim is decided on "
        f"{' and '.join(numbers['decides'])}."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return two findings per seed.

    The number of the first is the lesser of the differences of `sure` and precision,
    that of the second the quotient of the squared KIDs.
    """
    return claim.each_seed(lambda run, seed: _of_seed(claim, run, seed))


def _of_seed(claim: Claim, run: RunResults, seed: int) -> list[Finding]:
    numbers = claim.numbers
    table, step = means(run, seed), numbers["step"]
    chain, ancestral = _at(table, CHAIN_ARM, step), _at(table, ANCESTRAL_ARM, 1)
    if chain.empty:
        raise UserError(
            f"claims.{claim.spec.id}.criterion.step: no chain of {run.name} was "
            f"looked at after {step} steps. Add {step} to experiments.chains.steps, or "
            "change 'step'."
        )
    sure, precision, recall = (
        difference(_interval(chain, m), _interval(ancestral, m))
        for m in ("sure", "precision", "recall")
    )
    ratio = _interval(chain, RATIO_MEASURE)
    quality = [at_least(each, -numbers["margin"]) for each in (sure, precision)]
    distribution = [
        at_least(recall, -numbers["margin"]),
        at_most(ratio, numbers["times"]),
        at_least(_interval(chain, "class_entropy"), numbers["class_entropy"]),
    ]
    decides = run.run in numbers["decides"]
    same = {
        "invalid": _invalid(numbers, chain, ancestral),
        "shown_only": "" if decides else f"{run.run} does not decide",
    }
    return [
        finding_of(
            run,
            seed,
            QUALITY_PART,
            learned_and(run, seed, numbers["rise"], quality),
            min(sure, precision, key=lambda interval: interval.value),
            note=_note(chain, ancestral, QUALITY_MEASURES),
            **same,
        ),
        finding_of(
            run,
            seed,
            DISTRIBUTION_PART,
            learned_and(run, seed, numbers["rise"], distribution),
            ratio,
            note=_note(chain, ancestral, DISTRIBUTION_MEASURES) + _later(table, step),
            veto=_veto(run, seed, numbers["r_hat"]),
            **same,
        ),
    ]


def means(run: RunResults, seed: int) -> pd.DataFrame:
    """Return the rows of the table `chains` that are about means of p(x|z)."""
    table = run.table("chains", seed)
    return table[table["kind"] == "mean"]


def _at(table: pd.DataFrame, arm: str, step: int) -> pd.DataFrame:
    """Return the measures of an arm at a step, indexed by their names."""
    chosen = (table["arm"] == arm) & (table["step"] == step)
    return table[chosen].set_index("measure")


def _interval(rows: pd.DataFrame, measure: str) -> Interval:
    return Interval(*rows.loc[measure, ["value", "low", "high"]])


def _invalid(
    numbers: dict[str, Any], chain: pd.DataFrame, ancestral: pd.DataFrame
) -> str:
    """Return why the comparison decides nothing; empty if it does."""
    images, least = int(chain.loc[EXCESS_MEASURE, "n"]), numbers["images"]
    if images < least:
        return f"{images:,} images are too few for this criterion"
    floors = [
        at_least(_interval(ancestral, measure), numbers[measure])
        for measure in ("sure", "class_entropy")
    ]
    if all_of(floors) is not Outcome.PASSES:
        return "the whole model's own samples are too poor to be compared with"
    return ""


def _note(chain: pd.DataFrame, ancestral: pd.DataFrame, measures: Measures) -> str:
    """Return both sides of some measures."""
    words = [
        f"{name} {_both(chain, ancestral, measure, digits)}"
        for measure, name, digits in measures
    ]
    return f"chain against ancestral samples: {', '.join(words)}"


def _later(table: pd.DataFrame, step: int) -> str:
    """Return the KID of the longest chains, if they are longer than `step`."""
    last = int(table.loc[table["arm"] == CHAIN_ARM, "step"].max())
    if last <= step:
        return ""
    value = _at(table, CHAIN_ARM, last).loc["kid", "value"]
    return f", after {last:,} steps KID {number(value, 3)}"


def _both(
    chain: pd.DataFrame, ancestral: pd.DataFrame, measure: str, digits: int
) -> str:
    values = (rows.loc[measure, "value"] for rows in (chain, ancestral))
    return " / ".join(number(value, digits) for value in values)


def _veto(run: RunResults, seed: int, largest: float) -> str:
    """Return why the chains are known not to have mixed; empty if nothing says so."""
    table = run.table("mixing", seed)
    found = table[table["measure"] == "r_hat"]
    values = found.set_index("scalar")["value"].dropna()
    if values.empty:
        return "no R-hat: no scalar of the chains is defined and varies"
    if values.max() <= largest:
        return ""
    return f"the chains have not mixed: R-hat up to {number(values.max())}"
