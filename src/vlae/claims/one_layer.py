"""One layer carries almost everything, the others only minor variation (Figure 3)."""

from vlae.claims._effects import Effects, leading, leads, learned, listed, total_effects
from vlae.claims.base import Claim, Finding, Map, finding_of
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.thresholds import Outcome, all_of, at_least, at_most

EXPERIMENTS = ["effects", "activity"]
PART = "one layer carries almost everything"


def criterion(numbers: Map) -> str:
    return (
        f"In pixels the largest total effect T is at least {numbers['largest']:g} and "
        f"every other at most {numbers['others']:g}, and the same layer has the "
        "largest T of every measured property; which layer it is, is reported as "
        "found. Training raised the held-out ELBO by at least "
        f"{numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """A finding a seed; its number is the largest T in pixels."""
    return claim.each_seed(lambda run, seed: [finding(claim.numbers, run, seed)])


def finding(numbers: Map, run: RunResults, seed: int, part: str = PART) -> Finding:
    """What one seed of a run shows."""
    effects = total_effects(run, seed)
    pixels = effects["pixels"]
    layer = leading(pixels)
    if layer is None:
        note = "the image does not vary"
        return finding_of(run, seed, part, Outcome.UNMEASURED, note=note)
    found = pixels[layer]
    return finding_of(
        run,
        seed,
        part,
        all_of([learned(run, seed, numbers["rise"]), outcome(numbers, effects, layer)]),
        found,
        note="; ".join([*_shown(effects, layer), *_use(run, seed)]),
    )


def outcome(numbers: Map, effects: Effects, layer: int) -> Outcome:
    """Of total effects, of which that of `layer` is the largest in pixels."""
    pixels = effects["pixels"]
    others = [at_most(t, numbers["others"]) for k, t in pixels.items() if k != layer]
    same = [
        leads(layers, layer)
        for layers in effects.values()
        if leading(layers) is not None  # a property that does not vary says nothing
    ]
    return all_of([at_least(pixels[layer], numbers["largest"]), *others, *same])


def _shown(effects: Effects, layer: int) -> list[str]:
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
    """KL and active units per layer, bottom to top."""
    terms = run.held_out().loc[seed]
    kl = [terms[f"kl_{i}"] for i in range(1, len(terms) + 1) if f"kl_{i}" in terms]
    table = run.table("activity")
    units = table[table["seed"] == seed].sort_values("layer")
    active = [
        f"{active} of {size}"
        for active, size in units[["active", "units"]].itertuples(index=False)
    ]
    return [
        f"KL {' / '.join(number(v) for v in kl)} nats",
        f"active units {' / '.join(active)}",
    ]
