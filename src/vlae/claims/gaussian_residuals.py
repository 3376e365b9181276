"""The ELBO pulls q(z_l | z_above) to the Gaussian p(z_l | z_above) (Section 3.2).

Keys of the criterion:
    correlation: correlation between two draws for one image from which a dimension is
        informative, that is, its code says enough of the image for a test of its shape
    shape: largest negentropy of the mean residuals of informative dimensions, in nats
    draws: least number of draws of which they are means
    nats: largest KL of residuals of active dimensions from N(0, 1), in nats per
        dimension
    explained: largest share of their variance that is linear in the layers above
    rise: nats by which training must have raised the held-out ELBO
"""

import math
from dataclasses import astuple
from typing import Any

import pandas as pd

from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.config.term_names import residual_term
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, at_most

TABLES = ["residuals"]
ENDS = ["value", "low", "high"]


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    return (
        "Residuals (z - mean) / scale of a layer under its prior given the layers "
        f"above. Their means over at least {numbers['draws']:g} draws for each image, "
        "which are nearly free of the posterior's own Gaussian noise, have a "
        f"negentropy of at most {numbers['shape']:g} nats a dimension, averaged over "
        "dimensions in which two draws for one image have a correlation of at least "
        f"{numbers['correlation']:g}; a layer without such a dimension is not "
        "measured. Single draws in all active dimensions have a KL from N(0, 1) of at "
        f"most {numbers['nats']:g} nats a dimension, one by one and together, and at "
        f"most a share of {numbers['explained']:g} of their variance is linear in the "
        "layers above. Training raised the held-out ELBO by at least "
        f"{numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per layer and seed; its number is the negentropy of means."""
    return claim.each_seed(lambda run, seed: _of_seed(claim.numbers, run, seed))


def _of_seed(numbers: dict[str, Any], run: RunResults, seed: int) -> list[Finding]:
    table = run.table("residuals", seed)
    return [
        _finding(numbers, run, seed, int(layer), rows)
        for layer, rows in table.groupby("layer")
    ]


def _finding(
    numbers: dict[str, Any],
    run: RunResults,
    seed: int,
    layer: int,
    table: pd.DataFrame,
) -> Finding:
    """Return what one seed shows of a layer, by its rows of the table."""
    part = f"residuals of layer {layer}"
    whole = table[table["dimension"] == 0].set_index("measure")[ENDS]
    found = {name: Interval(*values) for name, values in whole.iterrows()}
    active, drawn = int(found["active"].value), int(found["draws"].value)
    informative = _informative(table, numbers["correlation"])
    if informative.empty or drawn < numbers["draws"]:
        note = (
            f"{active} active, none with a correlation of {numbers['correlation']:g}"
            if informative.empty
            else f"means of {drawn} draws are too noisy for this criterion"
        )
        return finding_of(run, seed, part, Outcome.UNMEASURED, note=note)
    shape = Interval(*informative.mean())
    kl, divergence, explained = found["kl"], found["divergence"], found["explained"]
    together = Interval(*(end / active for end in astuple(divergence)))
    tests = [
        at_most(shape, numbers["shape"]),
        at_most(kl, numbers["nats"]),
        at_most(together, numbers["nats"]),
    ]
    words = [
        f"{len(informative)} informative of {active} active",
        f"KL {number(kl.value, 3)} nats each, together {number(together.value, 3)}",
    ]
    if not math.isnan(explained.value):  # undefined for the top layer
        tests.append(at_most(explained, numbers["explained"]))
        words.append(f"{number(explained.value, 3)} explained by the layers above")
    outcome = learned_and(run, seed, numbers["rise"], tests)
    note = ", ".join([*words, *_course(run, seed, layer)])
    return finding_of(run, seed, part, outcome, shape, note=note)


def _informative(table: pd.DataFrame, least: float) -> pd.DataFrame:
    """Return the negentropy of mean residuals of dimensions correlated enough.

    There is one row per dimension, with its interval. The mean of the rows is the mean
    over the dimensions, with an interval that holds however their errors depend on one
    another: the standard error of a mean is at most the mean of the standard errors.
    """
    single = table[table["dimension"] > 0].set_index(["measure", "dimension"])
    correlation = single.loc["draw_correlation", "value"]
    chosen = correlation.index[correlation >= least]
    return single.loc["signal_negentropy", ENDS].loc[chosen]


def _course(run: RunResults, seed: int, layer: int) -> list[str]:
    """Return the KL of mean and variance over training in words, if it was recorded."""
    curve = run.curve(seed, residual_term("kl", layer))
    if curve.empty:
        return []
    ends = (curve.iloc[0], curve.max(), curve.iloc[-1])
    values = " / ".join(number(value, 3) for value in ends)
    return [
        "KL of mean and variance, over all dimensions, at the start, at most and at "
        f"the end {values}"
    ]
