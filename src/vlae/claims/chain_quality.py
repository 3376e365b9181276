"""The Gibbs chain through the bottom decoder samples as well as the whole model.

This is Proposition 1 for Markov hierarchies, where the chain redraws z_1 alone, and its
generalisation for autoregressive ones, where the chain redraws all z from q(z|x). Means
of p(x|z) decide. They are compared with held-out images without noise, since the
classifier knows clean images; Figure 2 also reports draws against noised images.

Keys of the criterion:
    decides: names of the runs that decide; others are shown only
    step: step of the chains from noise that is compared
    images: least number of images on each side
    margin: largest squared KID of the chains above that of ancestral samples
    sure: least share of samples, on both sides, that the classifier is sure of
    class_entropy: least entropy of their classes, in nats
    r_hat: an R-hat above it vetoes a pass
    rise: nats by which training must have raised the held-out ELBO
"""

from typing import Any

import pandas as pd

from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least, at_most
from vlae.system.errors import UserError

TABLES = ["chains", "mixing"]
PART = "the chain from noise samples as well as the whole model"

CHAIN_ARM, ANCESTRAL_ARM = "noise", "ancestral"
FLOOR_MEASURES = ("sure", "class_entropy")
"""Measures of samples that must not be too low; also keys of the criterion."""
EXCESS_MEASURE = "kid_above_ancestral"


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    return (
        f"After {numbers['step']} steps from noise the squared KID of the chains' "
        f"means from held-out images is at most {numbers['margin']:g} above that of "
        f"ancestral samples, with at least {numbers['images']:,} images on each side. "
        "For both, the classifier is sure of a share of at least "
        f"{numbers['sure']:g}, and the entropy of the classes is at least "
        f"{numbers['class_entropy']:g} nats; where ancestral samples are below, "
        f"nothing is decided. R-hat over {numbers['r_hat']:g} vetoes. Training raised "
        f"the held-out ELBO by at least {numbers['rise']:g} nats. The claim "
        f"is decided on {' and '.join(numbers['decides'])}."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per seed; its number is the excess of the squared KID."""
    return claim.each_seed(lambda run, seed: [_finding(claim, run, seed)])


def _finding(claim: Claim, run: RunResults, seed: int) -> Finding:
    numbers = claim.numbers
    table, step = means(run, seed), numbers["step"]
    chain, ancestral = _at(table, CHAIN_ARM, step), _at(table, ANCESTRAL_ARM, 1)
    if chain.empty:
        raise UserError(
            f"claims.{claim.spec.id}.criterion.step: no chain of {run.name} was "
            f"looked at after {step} steps. Add {step} to experiments.chains.steps, or "
            "change 'step'."
        )
    excess = _interval(chain, EXCESS_MEASURE)
    floors = [
        all_of(at_least(_interval(rows, m), numbers[m]) for m in FLOOR_MEASURES)
        for rows in (chain, ancestral)
    ]
    tests = [at_most(excess, numbers["margin"]), *floors]
    images = int(chain.loc[EXCESS_MEASURE, "n"])
    decides = run.run in numbers["decides"]
    return finding_of(
        run,
        seed,
        PART,
        learned_and(run, seed, numbers["rise"], tests),
        excess,
        note=_note(table, chain, ancestral, step),
        veto=_veto(run, seed, numbers["r_hat"]),
        invalid=_invalid(images, numbers["images"], floors[1]),
        shown_only="" if decides else f"{run.run} does not decide",
    )


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


def _invalid(images: int, least: int, ancestral_floor: Outcome) -> str:
    """Return why the comparison decides nothing; empty if it does."""
    if images < least:
        return f"{images:,} images are too few for this criterion"
    if ancestral_floor is not Outcome.PASSES:
        return "the whole model's own samples are too poor to be compared with"
    return ""


def _note(
    table: pd.DataFrame, chain: pd.DataFrame, ancestral: pd.DataFrame, step: int
) -> str:
    """Return both sides of every measure, and the KID of the longest chains."""
    words = [
        f"{name} {_both(chain, ancestral, measure, digits)}"
        for measure, name, digits in (
            ("kid", "KID", 3),
            ("sure", "sure of", 2),
            ("class_entropy", "class entropy", 2),
            ("precision", "precision", 2),
            ("recall", "recall", 2),
            ("fid", "FID", 1),
        )
    ]
    last = int(table.loc[table["arm"] == CHAIN_ARM, "step"].max())
    if last > step:
        value = _at(table, CHAIN_ARM, last).loc["kid", "value"]
        words.append(f"after {last:,} steps KID {number(value, 3)}")
    return f"chain against ancestral samples: {', '.join(words)}"


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
