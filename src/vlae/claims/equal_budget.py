"""LVAE and HVAE share a problem that the VLAE has not, at one budget (Section 4.2)."""

from dataclasses import replace

from vlae.claims import expected_layers, one_layer
from vlae.claims._effects import in_layer, leading, learned, total_effects
from vlae.claims.base import Claim, Finding, Map
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, ordered
from vlae.statistics.intervals import Interval, mean_interval
from vlae.statistics.thresholds import Outcome, all_of, opposite
from vlae.system.errors import UserError

EXPERIMENTS = ["effects", "activity", "bounds"]

ONE, NOT_ONE = one_layer.PART, "no layer carries almost everything"
OWN, NOT_OWN = "each property in its layer", "not each property in its layer"


def criterion(numbers: Map) -> str:
    """In words, with the two tests that it applies."""
    keeps, solves = _listed(numbers["keeps"]), _listed(numbers["solves"])
    return (
        f"Of {keeps}: one layer carries almost everything, and not each property is in "
        f"its layer. Of {solves}: the converse. The run '{numbers['reference']}' must "
        "fail both tests. A comparison counts where parameters differ from that run's "
        f"by a share of at most {numbers['parameters']:g}, and the held-out ELBO is "
        f"not surely more than {numbers['elbo']:g} nats below its own (95 % interval "
        "of the mean difference over the same images). "
        f"One layer: {one_layer.criterion(numbers['one_layer'])} "
        f"Its layer: {expected_layers.in_words(numbers['own_layers'])}"
    )


def findings(claim: Claim) -> list[Finding]:
    """Two findings a run and seed; of the reference, as a control, also two.

    The reference is the control of that name on the same data set.
    """
    numbers = claim.numbers
    references = {
        control.dataset: control
        for control in claim.controls
        if control.run == numbers["reference"]
    }
    found = []
    for run in claim.runs:
        if run.dataset not in references:
            raise UserError(
                f"claims.{claim.spec.id}.controls: there is no "
                f"'{run.dataset}/{numbers['reference']}' to compare {run.run} with."
            )
        for seed in run.seeds:
            found += _of_run(numbers, run, references[run.dataset], seed)
    for control in claim.controls:
        for seed in control.seeds:
            found += _tests(numbers, control, seed, "", control=True)
    return found


def _of_run(
    numbers: Map, run: RunResults, reference: RunResults, seed: int
) -> list[Finding]:
    """The two tests of a run, each turned round where the claim denies it."""
    invalid, remark = _gate(numbers, run, reference, seed)
    one, own = (
        replace(found, note="; ".join(filter(None, [found.note, remark])))
        for found in _tests(numbers, run, seed, invalid)
    )
    if run.run in numbers["keeps"]:
        return [one, _denied(numbers, own, run, seed, NOT_OWN)]
    if run.run in numbers["solves"]:
        return [_denied(numbers, one, run, seed, NOT_ONE), own]
    known = [*numbers["keeps"], *numbers["solves"]]
    raise UserError(
        f"the claim about an equal budget says nothing of {run.dataset}/{run.run}; it "
        f"expects {_listed(known)}. Name it in 'keeps' or 'solves' of its criterion."
    )


def _tests(
    numbers: Map, run: RunResults, seed: int, invalid: str, control: bool = False
) -> list[Finding]:
    """Whether one layer carries almost everything; whether each has its own."""
    one = one_layer.finding(numbers["one_layer"], run, seed)
    own = _own_layers(numbers["own_layers"], run, seed)
    return [replace(f, invalid=invalid, control=control) for f in (one, own)]


def _own_layers(numbers: Map, run: RunResults, seed: int) -> Finding:
    """All properties of F5's test at once; the number is the share in their layers."""
    effects = total_effects(run, seed)
    expected = numbers["layers"]
    names = ordered(expected)
    outcomes = [
        in_layer(effects.get(name, {}), expected[name], numbers["least"])
        for name in names
    ]
    found = {name: leading(effects.get(name, {})) for name in names}
    share = sum(found[name] == expected[name] for name in names) / len(names)
    note = ", ".join(
        f"{in_print(name)} in layer {layer}" if layer else f"{in_print(name)} nowhere"
        for name, layer in found.items()
    )
    outcome = all_of([learned(run, seed, numbers["rise"]), *outcomes])
    return Finding(
        OWN, run.dataset, run.run, seed, outcome, number=share, note=f"found: {note}"
    )


def _denied(
    numbers: Map, finding: Finding, run: RunResults, seed: int, part: str
) -> Finding:
    """The same finding for the opposite test; a run that learned nothing fails both."""
    rise = numbers["one_layer" if finding.part == ONE else "own_layers"]["rise"]
    enough = learned(run, seed, rise)
    turned = opposite(finding.outcome) if enough is Outcome.PASSES else enough
    return replace(finding, part=part, outcome=turned)


def _gate(
    numbers: Map, run: RunResults, reference: RunResults, seed: int
) -> tuple[str, str]:
    """Why the comparison does not count, empty if it does; and the bounds in words."""
    if seed not in reference.seeds:
        return f"does not count: no seed {seed} of '{reference.run}'", ""
    sizes = [r.facts(seed)["parameters"] for r in (run, reference)]
    if abs(sizes[0] / sizes[1] - 1) > numbers["parameters"]:
        return (
            f"does not count: {sizes[0]:,} parameters against {sizes[1]:,} of "
            f"'{reference.run}'",
            "",
        )
    gap = _gap(run, reference, seed)
    less = f"held-out ELBO less that of '{reference.run}'"
    remark = f"{less} {gap.value:.2f} nats ({gap.low:.2f} to {gap.high:.2f})"
    worse = gap.high < -numbers["elbo"]
    below = f"does not count: held-out ELBO surely below that of '{reference.run}'"
    return (below if worse else ""), remark


def _gap(run: RunResults, reference: RunResults, seed: int) -> Interval:
    """Mean over the same held-out images of their ELBO less that of the reference."""
    one, other = (
        table[table["seed"] == seed].set_index("image")["elbo"]
        for table in (run.table("bounds"), reference.table("bounds"))
    )
    return mean_interval((one - other).dropna())


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
