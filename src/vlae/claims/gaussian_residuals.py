"""The ELBO pulls q(z_l | z_above) to the Gaussian p(z_l | z_above) (Section 3.2)."""

from vlae.claims._effects import learned
from vlae.claims.base import Claim, Finding, Map
from vlae.results.run_results import RunResults
from vlae.results.text import number
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_most

EXPERIMENTS = ["residuals"]
HISTORY = "residual_kl_{layer}"


def criterion(numbers: Map) -> str:
    """In words."""
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
    """A finding per layer and seed; its number is the KL, nats a dimension."""
    return claim.each_seed(lambda run, seed: of_seed(claim.numbers, run, seed))


def of_seed(numbers: Map, run: RunResults, seed: int) -> list[Finding]:
    """What one seed of a run shows of every layer."""
    table = run.table("residuals")
    table = table[(table["seed"] == seed) & (table["dimension"] == 0)]
    found = []
    for layer, rows in table.groupby("layer"):
        ends = rows.set_index("measure")[["value", "low", "high"]]
        measured = {name: Interval(*values) for name, values in ends.iterrows()}
        found.append(_finding(numbers, run, seed, int(layer), measured))
    return found


def _finding(
    numbers: Map, run: RunResults, seed: int, layer: int, found: dict[str, Interval]
) -> Finding:
    who = (f"residuals of layer {layer}", run.dataset, run.run, seed)
    active = int(found["active"].value)
    if not active:
        note = "no active dimension"
        return Finding(*who, Outcome.UNMEASURED, note=note)
    kl, whole = found["kl"], found["divergence"]
    together = Interval(whole.value / active, whole.low / active, whole.high / active)
    tests = [at_most(kl, numbers["nats"]), at_most(together, numbers["nats"])]
    explained = found["explained"]
    words = [f"{active} active", f"together {number(together.value, 3)} nats each"]
    if explained.value == explained.value:  # nan where there is nothing above
        tests.append(at_most(explained, numbers["explained"]))
        words.append(f"{number(explained.value, 3)} explained by the layers above")
    words += _course(run, seed, layer)
    outcome = all_of([learned(run, seed, numbers["rise"]), *tests])
    return Finding(*who, outcome, kl.value, kl.low, kl.high, ", ".join(words))


def _course(run: RunResults, seed: int, layer: int) -> list[str]:
    """KL of mean and variance over training, in words, if it was recorded."""
    history = run.history()
    term = HISTORY.format(layer=layer)
    chosen = history["term"].eq(term) & history["split"].eq("held-out")
    curve = history[chosen & (history["seed"] == seed)].sort_values("step")["value"]
    if curve.empty:
        return []
    ends = (curve.iloc[0], curve.max(), curve.iloc[-1])
    values = " / ".join(number(value, 3) for value in ends)
    return [
        "KL of mean and variance, over all dimensions, at the start, at most and at "
        f"the end {values}"
    ]
