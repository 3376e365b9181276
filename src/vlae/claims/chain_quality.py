"""The Gibbs chain of what the bottom decoder sees samples as well as the whole model.

Proposition 1 for Markov hierarchies, where the chain redraws z_1 alone, and what it
becomes for autoregressive ones, where it redraws all z from q(z|x). Means of p(x|z)
decide, against held-out images as they are, since the classifier knows clean images; draws
against noised ones are reported.
"""

import pandas as pd

from vlae.claims._effects import learned
from vlae.claims.base import Claim, Finding, Map
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least, at_most
from vlae.system.errors import UserError

EXPERIMENTS = ["chains", "mixing"]
PART = "the chain from noise samples as well as the whole model"

CHAIN, ANCESTRAL = "noise", "ancestral"
FLOORS = {"sure": "the classifier is sure of", "class_entropy": "class entropy"}


def criterion(numbers: Map) -> str:
    """In words."""
    return (
        f"After {numbers['step']} steps from noise the squared KID of the chains' "
        f"means from held-out images is at most {numbers['margin']:g} above that of "
        f"ancestral samples, with at least {numbers['images']:,} images on each side. "
        "Of both, the classifier is sure of a share of at least "
        f"{numbers['sure']:g}, and the entropy of the classes is at least "
        f"{numbers['class_entropy']:g} nats; where ancestral samples are below, "
        f"nothing is decided. R-hat over {numbers['r_hat']:g} vetoes. Training raised "
        f"the held-out ELBO by at least {numbers['rise']:g} nats. Of the runs "
        f"{' and '.join(numbers['decides'])} decides."
    )


def findings(claim: Claim) -> list[Finding]:
    """A finding a seed; its number is the excess of the squared KID."""
    return claim.each_seed(lambda run, seed: [finding(claim.numbers, run, seed)])


def finding(numbers: Map, run: RunResults, seed: int) -> Finding:
    """What one seed of a run shows."""
    table, step = of_seed(run, seed), numbers["step"]
    if (CHAIN, step) not in {*zip(table["arm"], table["step"], strict=True)}:
        raise UserError(
            f"{run.dataset}/{run.run}: no chain was looked at after {step} steps, at "
            f"which a claim judges them. Add {step} to experiments.chains.steps, or "
            "change 'step' in the claim's criterion."
        )
    chain, ancestral = (_at(table, *arm) for arm in ((CHAIN, step), (ANCESTRAL, 1)))
    excess = _interval(chain, "kid_above_ancestral")
    floors = {
        arm: all_of(at_least(_interval(rows, m), numbers[m]) for m in FLOORS)
        for arm, rows in ((CHAIN, chain), (ANCESTRAL, ancestral))
    }
    images = int(chain.loc["kid_above_ancestral", "n"])
    invalid = ""
    if images < numbers["images"]:
        invalid = f"{images:,} images are too few for this criterion"
    elif floors[ANCESTRAL] is not Outcome.PASSES:
        invalid = "the whole model's own samples are too poor to be compared with"
    decides = run.run in numbers["decides"]
    return Finding(
        PART,
        run.dataset,
        run.run,
        seed,
        all_of(
            [
                learned(run, seed, numbers["rise"]),
                at_most(excess, numbers["margin"]),
                *floors.values(),
            ]
        ),
        excess.value,
        excess.low,
        excess.high,
        _note(table, chain, ancestral, step),
        veto=_veto(run, seed, numbers["r_hat"]),
        invalid=invalid,
        shown_only="" if decides else f"{run.run} does not decide",
    )


def of_seed(run: RunResults, seed: int) -> pd.DataFrame:
    """The table of `chains` of one seed, of means."""
    table = run.table("chains")
    return table[(table["seed"] == seed) & (table["kind"] == "mean")]


def _at(table: pd.DataFrame, arm: str, step: int) -> pd.DataFrame:
    """Measures of an arm at a step, by name."""
    chosen = (table["arm"] == arm) & (table["step"] == step)
    return table[chosen].set_index("measure")


def _interval(rows: pd.DataFrame, measure: str) -> Interval:
    return Interval(*rows.loc[measure, ["value", "low", "high"]])


def _note(
    table: pd.DataFrame, chain: pd.DataFrame, ancestral: pd.DataFrame, step: int
) -> str:
    """Both sides of every measure, and where the longest chains get to."""
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
    last = int(table.loc[table["arm"] == CHAIN, "step"].max())
    if last > step:
        value = _at(table, CHAIN, last).loc["kid", "value"]
        words.append(f"after {last:,} steps KID {number(value, 3)}")
    return f"chain against ancestral samples: {', '.join(words)}"


def _both(
    chain: pd.DataFrame, ancestral: pd.DataFrame, measure: str, digits: int
) -> str:
    values = (rows.loc[measure, "value"] for rows in (chain, ancestral))
    return " / ".join(number(value, digits) for value in values)


def _veto(run: RunResults, seed: int, most: float) -> str:
    """Why the chains are known not to have mixed; empty if nothing says so."""
    table = run.table("mixing")
    found = table[(table["seed"] == seed) & (table["measure"] == "r_hat")]
    values = found.set_index("scalar")["value"].dropna()
    if values.empty:
        return "no R-hat: no scalar of the chains is defined and varies"
    if values.max() <= most:
        return ""
    return f"the chains have not mixed: R-hat up to {number(values.max())}"
