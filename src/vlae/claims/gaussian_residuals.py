"""The ELBO pulls q(z_l | z_above) to the Gaussian p(z_l | z_above) (Section 3.2).

Keys of the criterion:
    nats: largest KL of residuals from N(0, 1), in nats per dimension
    explained: largest share of their variance that is linear in the layers above
    rise: nats by which training must have raised the held-out ELBO
"""

import math
from typing import Any

from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.config.term_names import residual_term
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, at_most

TABLES = ["residuals"]


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    return (
        "Residuals (z - mean) / scale of a layer's active dimensions under its prior "
        "given the layers above: their KL from N(0, 1) is at most "
        f"{numbers['nats']:g} nats a dimension, one by one and together, and at most a "
        f"share of {numbers['explained']:g} of their variance is linear in the layers "
        "above. A layer without an active dimension, which says nothing about the "
        "image, is not measured. Training raised the held-out ELBO by at least "
        f"{numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per layer and seed; its number is the KL per dimension."""
    return claim.each_seed(lambda run, seed: _of_seed(claim.numbers, run, seed))


def _of_seed(numbers: dict[str, Any], run: RunResults, seed: int) -> list[Finding]:
    table = run.table("residuals", seed)
    found = []
    for layer, rows in table[table["dimension"] == 0].groupby("layer"):
        ends = rows.set_index("measure")[["value", "low", "high"]]
        measured = {name: Interval(*values) for name, values in ends.iterrows()}
        found.append(_finding(numbers, run, seed, int(layer), measured))
    return found


def _finding(
    numbers: dict[str, Any],
    run: RunResults,
    seed: int,
    layer: int,
    found: dict[str, Interval],
) -> Finding:
    """Return what one seed shows of a layer, by its measures over all dimensions."""
    part = f"residuals of layer {layer}"
    active = int(found["active"].value)
    if not active:
        note = "no active dimension"
        return finding_of(run, seed, part, Outcome.UNMEASURED, note=note)
    kl, whole, explained = found["kl"], found["divergence"], found["explained"]
    together = Interval(whole.value / active, whole.low / active, whole.high / active)
    tests = [at_most(kl, numbers["nats"]), at_most(together, numbers["nats"])]
    words = [f"{active} active", f"together {number(together.value, 3)} nats each"]
    if not math.isnan(explained.value):  # undefined for the top layer
        tests.append(at_most(explained, numbers["explained"]))
        words.append(f"{number(explained.value, 3)} explained by the layers above")
    outcome = learned_and(run, seed, numbers["rise"], tests)
    note = ", ".join([*words, *_course(run, seed, layer)])
    return finding_of(run, seed, part, outcome, kl, note=note)


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
