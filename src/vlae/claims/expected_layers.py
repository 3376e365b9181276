"""Each property sits in the layer that the paper names (Figures 5, 6 and 7).

Keys of the criterion:
    effect: the effect that decides, `first-order` (S) or `total` (T)
    leads: the layer that has more of a property than every other, from 1 at the bottom
    gains: the layer that has more of a property than the next lower one
    least: least effect of that layer on each of these properties, from 0 to 1
    rise: nats by which training must have raised the held-out ELBO
    wide: least rank correlation over codes of layer 2 of the width of other digits with
        the share of zeros minus that of ones; without this key it is not tested
"""

from collections.abc import Iterator
from typing import Any

from vlae.claims._effects import Layers, leading, listed, total_effects
from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.config.experiment_outputs import WIDE_CODES_SCORE
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of, at_least, largest
from vlae.system.errors import UserError

TABLES = ["effects", "codes"]
WIDE = WIDE_CODES_SCORE
"""A part of the claim, named after the score in the table of `codes`."""
FIRST_ORDER = "first-order"
"""Value of `effect`."""


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words, for all properties."""
    words = f"{in_words(numbers)} Each property is judged by itself."
    return words + (_wide_in_words(numbers["wide"]) if "wide" in numbers else "")


def in_words(numbers: dict[str, Any]) -> str:
    """Return in words what is asked of each property."""
    first = numbers["effect"] == FIRST_ORDER
    words = [
        f"{in_print(name)} in layer {layer}, at least {numbers['least'][name]:g} and "
        + ("more than in every other" if leads else f"more than in layer {layer - 1}")
        for name, layer, leads in places(numbers)
    ]
    return (
        f"By the {'first-order effect S' if first else 'total effect T'} of "
        f"a layer: {'; '.join(words)}. Differences of layers are paired, and 95 % "
        "intervals must lie on the right side. Training raised the held-out ELBO by at "
        f"least {numbers['rise']:g} nats."
    )


def _wide_in_words(least: float) -> str:
    return (
        " Where only the code of layer 2 is moved, the rank correlation over codes of "
        "the width of the other digits with the share of zeros less that of ones is "
        f"at least {least:g}."
    )


def places(numbers: dict[str, Any]) -> Iterator[tuple[str, int, bool]]:
    """Yield each property, its layer, and whether this must lead all others."""
    leads, gains = numbers["leads"], numbers.get("gains", {})
    for name in ordered([*leads, *gains]):
        yield name, (leads | gains)[name], name in leads


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per property and seed; its number is the layer's effect."""
    return claim.each_seed(lambda run, seed: _of_seed(claim, run, seed))


def _of_seed(claim: Claim, run: RunResults, seed: int) -> list[Finding]:
    numbers = claim.numbers
    effects = total_effects(run, seed)
    found = [
        _finding(claim, run, seed, name, layer, leads, effects.get(name, {}))
        for name, layer, leads in places(numbers)
    ]
    return [*found, _wide(numbers, run, seed)] if "wide" in numbers else found


def in_place(
    numbers: dict[str, Any], name: str, layer: int, leads: bool, layers: Layers
) -> tuple[Outcome, Interval]:
    """Return whether a property is in its layer, and the effect that decides.

    Args:
        numbers: the criterion.
        name: of the property.
        layer: the layer in which it is expected.
        leads: whether that must have more of it than every other, or than the next
            lower one.
        layers: the effects on the property, of several layers.
    """
    effect, first = layers[layer], numbers["effect"] == FIRST_ORDER
    if first:
        found, lead, gain = effect.first, effect.first_lead, effect.first_gain
    else:
        found, lead, gain = effect.total, effect.lead, effect.gain
    ahead = lead if leads else gain
    return all_of([at_least(found, numbers["least"][name]), largest(ahead)]), found


def _finding(
    claim: Claim,
    run: RunResults,
    seed: int,
    name: str,
    layer: int,
    leads: bool,
    layers: Layers,
) -> Finding:
    """Return what one seed shows of property `name`, which is expected in `layer`."""
    numbers = claim.numbers
    part = f"{in_print(name)} in layer {layer}"
    if leading(layers) is None:
        note = "the property does not vary" if layers else _why_not(run, name)
        return finding_of(run, seed, part, Outcome.UNMEASURED, note=note)
    if layer not in layers:
        raise UserError(
            f"claims.{claim.spec.id}.criterion: '{name}' is expected in layer {layer}, "
            f"but {run.name} has no layer {layer}; it has {len(layers)}. Correct the "
            "layer."
        )
    outcome, found = in_place(numbers, name, layer, leads, layers)
    return finding_of(
        run,
        seed,
        part,
        learned_and(run, seed, numbers["rise"], [outcome]),
        found,
        note=f"S {listed(layers, first=True)}, T {listed(layers)}"
        + _best_known_in(run, seed, name),
    )


def _wide(numbers: dict[str, Any], run: RunResults, seed: int) -> Finding:
    """Return whether codes that give wide digits give more zeros than ones."""
    table = run.table("codes", seed)
    row = table[table["score"] == WIDE]
    if row["value"].isna().all():
        note = "no widths and classes that can be trusted"
        return finding_of(run, seed, WIDE, Outcome.UNMEASURED, note=note)
    found = Interval(*row[["value", "low", "high"]].iloc[0])
    return finding_of(
        run,
        seed,
        WIDE,
        learned_and(run, seed, numbers["rise"], [at_least(found, numbers["wide"])]),
        found,
        note=f"over codes of layer {row['layer'].iloc[0]}",
    )


def _best_known_in(run: RunResults, seed: int, name: str) -> str:
    """Return what probes predict of a property from each layer's code, if measured."""
    table = run.table("codes", seed)
    chosen = (table["property"] == name) & (table["score"] == "trees")
    probes = table[chosen].sort_values("layer")
    if probes["value"].isna().all():
        return ""
    scores = " / ".join(map(number, probes["value"]))
    best = probes.loc[probes["value"].idxmax(), "layer"]
    return f"; layer {best} knows it best ({scores})"


def _why_not(run: RunResults, name: str) -> str:
    if name not in set(run.table("effects")["property"]):
        return "nothing here measures it"
    return "withheld: the classifier does not name it well enough"
