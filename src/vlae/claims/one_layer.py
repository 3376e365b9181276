"""One layer carries almost everything, the others only minor variation (Figure 3).

Keys of the criterion:
    largest: least total effect of the leading layer in pixels, from 0 to 1
    others: largest total effect of any other layer in pixels, from 0 to 1
    rise: nats by which training must have raised the held-out ELBO
"""

from typing import Any

from vlae.claims._effects import Effects, leading, leads, listed, total_effects
from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.config.term_names import kl_terms
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.thresholds import Outcome, all_of, at_least, at_most

TABLES = ["effects", "activity"]
PART = "one layer carries almost everything"


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words."""
    return (
        f"In pixels the largest total effect T is at least {numbers['largest']:g} and "
        f"every other at most {numbers['others']:g}, and the same layer has the "
        "largest T of every measured property that is not a part of another one; which "
        "layer it is, is reported as found. Training raised the held-out ELBO by at "
        f"least {numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per seed; its number is the largest T in pixels."""
    return claim.each_seed(lambda run, seed: [finding(claim.numbers, run, seed)])


def finding(numbers: dict[str, Any], run: RunResults, seed: int) -> Finding:
    """Return what one seed of a run shows, by the numbers of a criterion."""
    effects = total_effects(run, seed, with_parts=False)
    pixels = effects["pixels"]
    layer = leading(pixels)
    if layer is None:
        note = "the image does not vary"
        return finding_of(run, seed, PART, Outcome.UNMEASURED, note=note)
    carries = _carries_everything(numbers, effects, layer)
    return finding_of(
        run,
        seed,
        PART,
        learned_and(run, seed, numbers["rise"], [carries]),
        pixels[layer].total,
        note="; ".join([*_leading_layers(effects, layer), *_use(run, seed)]),
    )


def _carries_everything(
    numbers: dict[str, Any], effects: Effects, layer: int
) -> Outcome:
    """Return the outcome for `layer`, which has the largest total effect in pixels."""
    pixels = effects["pixels"]
    others = [
        at_most(effect.total, numbers["others"])
        for other, effect in pixels.items()
        if other != layer
    ]
    same = [
        leads(layers, layer)
        for layers in effects.values()
        if leading(layers) is not None  # a property that does not vary says nothing
    ]
    return all_of([at_least(pixels[layer].total, numbers["largest"]), *others, *same])


def _leading_layers(effects: Effects, layer: int) -> list[str]:
    """Return which layer leads in pixels, and which other layer in which property."""
    found = [f"layer {layer} leads in pixels (T {listed(effects['pixels'])})"]
    other = {
        name: leading(layers)
        for name, layers in effects.items()
        if name != "pixels" and leading(layers) not in (None, layer)
    }
    found += [
        f"layer {other[name]} in {in_print(name)} ({listed(effects[name])})"
        for name in ordered(other)
    ]
    return found


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
