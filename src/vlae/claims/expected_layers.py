"""Each property sits in the layer that the paper names (Figures 5, 6 and 7)."""

from vlae.claims._effects import in_layer, leading, learned, listed, total_effects
from vlae.claims.base import Claim, Finding, Map
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least
from vlae.system.errors import UserError

EXPERIMENTS = ["effects", "codes"]
WIDE = "wide codes give more zeros than ones"


def criterion(numbers: Map) -> str:
    """In words, for all properties."""
    words = f"{in_words(numbers)} Each property is judged by itself."
    return words + (_wide_in_words(numbers["wide"]) if "wide" in numbers else "")


def in_words(numbers: Map) -> str:
    """What is asked of each property, in words."""
    layers = numbers["layers"]
    names = [f"{in_print(name)} in layer {layers[name]}" for name in ordered(layers)]
    return (
        "Redrawing the expected layer changes the property more than redrawing any "
        f"other, with a total effect T of at least {numbers['least']:g}: "
        f"{', '.join(names)}. Training raised the held-out ELBO by at least "
        f"{numbers['rise']:g} nats."
    )


def findings(claim: Claim) -> list[Finding]:
    """A finding per property and seed; its number is T of the expected layer."""
    return claim.each_seed(lambda run, seed: of_seed(claim.numbers, run, seed))


def of_seed(numbers: Map, run: RunResults, seed: int) -> list[Finding]:
    """What one seed of a run shows of every property."""
    effects = total_effects(run, seed)
    found = [
        _finding(run, seed, name, numbers, effects.get(name, {}))
        for name in ordered(numbers["layers"])
    ]
    return [*found, _wide(run, seed, numbers)] if "wide" in numbers else found


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
                in_layer(layers, layer, numbers["least"]),
            ]
        ),
        expected.value,
        expected.low,
        expected.high,
        f"layer {found} changes it most (T {listed(layers)}){_knows(run, seed, name)}",
    )


def _wide_in_words(least: float) -> str:
    return (
        " Where only the code of layer 2 is moved, the rank correlation over codes of "
        "the width of the other digits with the share of zeros less that of ones is "
        f"at least {least:g}."
    )


def _wide(run: RunResults, seed: int, numbers: Map) -> Finding:
    """Whether codes that give wide digits give more zeros than ones."""
    table = run.table("codes")
    row = table[(table["seed"] == seed) & (table["score"] == WIDE)]
    if row["value"].isna().all():
        unmeasured, note = (
            Outcome.UNMEASURED,
            "no widths and classes that can be trusted",
        )
        return Finding(WIDE, run.dataset, run.run, seed, unmeasured, note=note)
    found = Interval(*row[["value", "low", "high"]].iloc[0])
    outcome = all_of(
        [learned(run, seed, numbers["rise"]), at_least(found, numbers["wide"])]
    )
    ends = (found.value, found.low, found.high)
    note = f"over codes of layer {row['layer'].iloc[0]}"
    return Finding(WIDE, run.dataset, run.run, seed, outcome, *ends, note)


def _knows(run: RunResults, seed: int, name: str) -> str:
    """What probes read of a property from each layer's code, if it was asked."""
    table = run.table("codes")
    chosen = (table["seed"] == seed) & (table["property"] == name)
    probes = table[chosen & (table["score"] == "trees")].sort_values("layer")
    if probes["value"].isna().all():
        return ""
    scores = " / ".join(map(number, probes["value"]))
    best = probes.loc[probes["value"].idxmax(), "layer"]
    return f"; layer {best} knows it best ({scores})"


def _why_not(run: RunResults, name: str) -> str:
    table = run.table("effects")
    if name not in set(table["property"]):
        return "nothing here measures it"
    return "withheld: the classifier does not name it well enough"
