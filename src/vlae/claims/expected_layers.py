"""Each property sits in the layer that the paper names (Figures 5, 6 and 7).

Keys of the criterion:
    least: least total effect of the expected layer, from 0 to 1
    layers: the expected layer of each property, from 1 at the bottom
    rise: nats by which training must have raised the held-out ELBO
    wide: least rank correlation over codes of layer 2 of the width of other digits with
        the share of zeros minus that of ones; without this key it is not tested
"""

from typing import Any

from vlae.claims._effects import Layers, in_layer, leading, listed, total_effects
from vlae.claims.base import Claim, Finding, finding_of, learned_and
from vlae.config.experiment_outputs import WIDE_CODES_SCORE
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, ordered
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, at_least
from vlae.system.errors import UserError

TABLES = ["effects", "codes"]
WIDE = WIDE_CODES_SCORE
"""A part of the claim, named after the score in the table of `codes`."""


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words, for all properties."""
    words = f"{in_words(numbers)} Each property is judged by itself."
    return words + (_wide_in_words(numbers["wide"]) if "wide" in numbers else "")


def in_words(numbers: dict[str, Any]) -> str:
    """Return in words what is asked of each property."""
    layers = numbers["layers"]
    names = [f"{in_print(name)} in layer {layers[name]}" for name in ordered(layers)]
    return (
        "Redrawing the expected layer changes the property more than redrawing any "
        f"other, with a total effect T of at least {numbers['least']:g}: "
        f"{', '.join(names)}. Training raised the held-out ELBO by at least "
        f"{numbers['rise']:g} nats."
    )


def _wide_in_words(least: float) -> str:
    return (
        " Where only the code of layer 2 is moved, the rank correlation over codes of "
        "the width of the other digits with the share of zeros less that of ones is "
        f"at least {least:g}."
    )


def findings(claim: Claim) -> list[Finding]:
    """Return one finding per property and seed; its number is T of its layer."""
    return claim.each_seed(lambda run, seed: _of_seed(claim, run, seed))


def _of_seed(claim: Claim, run: RunResults, seed: int) -> list[Finding]:
    numbers = claim.numbers
    effects = total_effects(run, seed)
    found = [
        _finding(claim, run, seed, name, effects.get(name, {}))
        for name in ordered(numbers["layers"])
    ]
    return [*found, _wide(numbers, run, seed)] if "wide" in numbers else found


def _finding(
    claim: Claim, run: RunResults, seed: int, name: str, layers: Layers
) -> Finding:
    """Return what one seed shows of property `name`, by its total effects."""
    numbers = claim.numbers
    layer = numbers["layers"][name]
    part = f"{in_print(name)} in layer {layer}"
    found = leading(layers)
    if found is None:
        note = "the property does not vary" if layers else _why_not(run, name)
        return finding_of(run, seed, part, Outcome.UNMEASURED, note=note)
    if layer not in layers:
        raise UserError(
            f"claims.{claim.spec.id}.criterion.layers: '{name}' is expected in layer "
            f"{layer}, but {run.name} has no layer {layer}; it has {len(layers)}. "
            "Correct the layer."
        )
    return finding_of(
        run,
        seed,
        part,
        learned_and(
            run, seed, numbers["rise"], [in_layer(layers, layer, numbers["least"])]
        ),
        layers[layer].total,
        note=f"layer {found} changes it most (T {listed(layers)})"
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
