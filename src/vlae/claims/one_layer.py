"""One layer carries almost everything, the others only minor variation (Figure 3).

Keys of the criterion:
    property: the property that decides
    largest: least total effect of the leading layer on it, from 0 to 1
    others: largest total effect of any other layer on it, from 0 to 1
    rise: nats by which training must have raised the held-out ELBO
    decides: names of the runs that decide, others are shown only; all if there is none
"""

from typing import Any

from vlae.claims._effects import Effects, leading, listed, total_effects
from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.config.term_names import kl_terms
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.thresholds import Outcome, at_least, at_most

TABLES = ["effects", "activity"]
PART = "one layer carries almost everything"


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    words = (
        f"On {in_print(numbers['property'])} the largest total effect T of a layer is "
        f"at least {numbers['largest']:g} and that of every other at most "
        f"{numbers['others']:g}; which layer it is, and what the layers do to pixels "
        "and to other properties, is reported as found. Training raised the held-out "
        f"ELBO by at least {numbers['rise']:g} nats."
    )
    if "decides" in numbers:
        words += f" The claim is decided on {' and '.join(numbers['decides'])}."
    return words


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per seed; its number is the largest T."""
    return claim.each_seed(lambda run, seed: [finding(claim.numbers, run, seed)])


def finding(numbers: dict[str, Any], run: RunResults, seed: int) -> Finding:
    """Return what one seed of a run shows, by the numbers of a criterion."""
    effects = total_effects(run, seed)
    layers = effects.get(numbers["property"], {})
    layer = leading(layers)
    if layer is None:
        note = f"{in_print(numbers['property'])} is not measured or does not vary"
        return finding_of(run, seed, PART, Outcome.UNMEASURED, note=note)
    tests = [at_least(layers[layer].total, numbers["largest"])]
    tests += [
        at_most(effect.total, numbers["others"])
        for other, effect in layers.items()
        if other != layer
    ]
    decides = run.run in numbers.get("decides", [run.run])
    return finding_of(
        run,
        seed,
        PART,
        learned_and(run, seed, numbers["rise"], tests),
        layers[layer].total,
        note="; ".join([*_leading_layers(effects), *_use(run, seed)]),
        shown_only="" if decides else f"{run.run} does not decide",
    )


def _leading_layers(effects: Effects) -> list[str]:
    """Return which layer leads in each property, with the total effects of all."""
    return [
        f"layer {leading(effects[name])} leads in {in_print(name)} "
        f"(T {listed(effects[name])})"
        for name in ordered(effects)
        if leading(effects[name]) is not None
    ]


def _use(run: RunResults, seed: int) -> list[str]:
    """Return the KL and the active units of each layer, from the bottom up."""
    terms = run.held_out().loc[seed]
    kl = [terms[term] for term in kl_terms(map(str, terms.keys()))]
    units = run.table("activity", seed).sort_values("layer")
    active = [
        f"{active} of {size}"
        for active, size in units[["active", "units"]].itertuples(index=False)
    ]
    return [
        f"KL {' / '.join(number(v) for v in kl)} nats",
        f"active units {' / '.join(active)}",
    ]
