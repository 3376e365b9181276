"""Each property sits in the layer that the paper names (Figures 5, 6 and 7)."""

from vlae.claim import Claim, Map
from vlae.claims._effects import (
    carried_by,
    leading,
    learned,
    listed,
    total_effects,
)
from vlae.errors import UserError
from vlae.estimators.intervals import Interval
from vlae.results import RunResults
from vlae.verdicts import Finding, Outcome, all_of
from vlae.words import in_print, ordered

EXPERIMENTS = ["effects"]


def criterion(numbers: Map) -> str:
    """In words, for all properties."""
    layers = numbers["layers"]
    names = [f"{in_print(name)} in layer {layers[name]}" for name in ordered(layers)]
    return (
        "Redrawing the expected layer changes the property more than redrawing any "
        f"other, with a total effect T of at least {numbers['least']:g}: "
        f"{', '.join(names)}. Each property is judged by itself. Training raised the "
        f"held-out ELBO by at least {numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """A finding per property and seed; its number is T of the expected layer."""
    return claim.each_seed(lambda run, seed: of_seed(claim.numbers, run, seed))


def of_seed(numbers: Map, run: RunResults, seed: int) -> list[Finding]:
    """What one seed of a run shows of every property."""
    effects = total_effects(run, seed)
    return [
        _finding(run, seed, name, numbers, effects.get(name, {}))
        for name in ordered(numbers["layers"])
    ]


def _finding(
    run: RunResults,
    seed: int,
    name: str,
    numbers: Map,
    layers: dict[int, Interval],
) -> Finding:
    layer = numbers["layers"][name]
    part = f"{in_print(name)} in layer {layer}"
    found = leading(layers)
    if found is None:
        note = "the property does not vary" if layers else _why_not(run, name)
        unmeasured = Outcome.UNMEASURED
        return Finding(part, run.dataset, run.run, seed, unmeasured, note=note)
    if layer not in layers:
        raise UserError(
            f"{run.dataset}/{run.run} has no layer {layer}, in which a claim expects "
            f"'{name}'; it has {len(layers)}. Correct the claim's 'layers'."
        )
    expected = layers[layer]
    return Finding(
        part,
        run.dataset,
        run.run,
        seed,
        all_of(
            [
                learned(run, seed, numbers["rise"]),
                *carried_by(layers, layer, numbers["least"]),
            ]
        ),
        expected.value,
        expected.low,
        expected.high,
        f"layer {found} changes it most (T {listed(layers)})",
    )


def _why_not(run: RunResults, name: str) -> str:
    table = run.table("effects")
    if name not in set(table["property"]):
        return "nothing here measures it"
    return "withheld: the classifier does not name it well enough"
