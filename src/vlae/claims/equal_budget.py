"""LVAE and HVAE have a problem at one budget that the VLAE solves (Section 4.2).

Two tests are applied to every run: the test of `one_layer`, and that of
`expected_layers` on all properties at once.

Keys of the criterion:
    reference: name of the run without layers, a control, that others are compared with
    parameters: largest relative difference from its number of parameters
    elbo: nats by which the held-out ELBO may at most be below its own (non-inferiority)
    keeps: names of the runs that must pass the first test and fail the second
    solves: names of the runs that must fail the first test and pass the second
    one_layer: criterion of the first test, see `vlae.claims.one_layer`
    own_layers: criterion of the second test, see `vlae.claims.expected_layers`
"""

from dataclasses import replace
from typing import Any

from vlae.claims import expected_layers, one_layer
from vlae.claims._effects import leading, listed, total_effects
from vlae.claims.base import NAN, Claim, Finding, finding_of, learned, learned_and
from vlae.results.run_results import RunResults
from vlae.results.text import in_print
from vlae.statistics.intervals import Interval, mean_interval
from vlae.statistics.thresholds import Outcome, opposite
from vlae.system.errors import UserError

TABLES = ["effects", "activity", "bounds"]

NOT_ONE_LAYER_PART = "no layer carries almost everything"
OWN_LAYERS_PART = "each property in its layer"
NOT_OWN_LAYERS_PART = "not each property in its layer"


def criterion(numbers: dict[str, Any]) -> str:
    """Return the criterion in words, with the two tests that it applies."""
    keeps, solves = _quoted(numbers["keeps"]), _quoted(numbers["solves"])
    return (
        f"In {keeps}, one layer carries almost everything, and not each property is in "
        f"its layer. In {solves}, the converse holds. The run "
        f"'{numbers['reference']}' must fail both tests. A comparison counts where "
        f"parameters differ from that run's by a share of at most "
        f"{numbers['parameters']:g}, and the held-out ELBO is "
        f"surely at most {numbers['elbo']:g} nats below its own (whole 95 % interval "
        "of the mean difference over the same images). "
        f"One layer: {one_layer.criterion(numbers['one_layer'])} "
        f"Its layer: {expected_layers.in_words(numbers['own_layers'])}"
    )


def findings(claim: Claim) -> list[Finding]:
    """Return two findings per run and seed, and two per seed of every control.

    A run is compared with the control that is the reference on the same data set.
    """
    found = []
    for run in claim.runs:
        reference = _reference(claim, run)
        for seed in run.seeds:
            found += _of_run(claim, run, reference, seed)
    for control in claim.controls:
        for seed in control.seeds:
            tests = _tests(claim.numbers, control, seed)
            found += [replace(finding, control=True) for finding in tests]
    return found


def _reference(claim: Claim, run: RunResults) -> RunResults:
    """Return the control that a run is compared with.

    Raises:
        UserError: if the claim has no such control.
    """
    name = claim.numbers["reference"]
    for control in claim.controls:
        if (control.dataset, control.run) == (run.dataset, name):
            return control
    raise UserError(
        f"claims.{claim.spec.id}.controls: there is no '{run.dataset}/{name}' to "
        f"compare {run.name} with. Add it, or change 'reference' in the criterion."
    )


def _of_run(
    claim: Claim, run: RunResults, reference: RunResults, seed: int
) -> list[Finding]:
    """Return the two tests of a run, each negated if the claim denies it.

    Raises:
        UserError: if the criterion names the run neither in `keeps` nor in `solves`.
    """
    numbers = claim.numbers
    invalid, remark = _comparison(numbers, run, reference, seed)
    one, own = (
        replace(
            found,
            invalid=invalid,
            note="; ".join(filter(None, [found.note, remark])),
        )
        for found in _tests(numbers, run, seed)
    )
    if run.run in numbers["keeps"]:
        rise = numbers["own_layers"]["rise"]
        return [one, _negated(own, run, rise, NOT_OWN_LAYERS_PART)]
    if run.run in numbers["solves"]:
        rise = numbers["one_layer"]["rise"]
        return [_negated(one, run, rise, NOT_ONE_LAYER_PART), own]
    raise UserError(
        f"claims.{claim.spec.id}.criterion: {run.name} is named neither in 'keeps' nor "
        f"in 'solves', which have {_quoted([*numbers['keeps'], *numbers['solves']])}. "
        "Add it to one of them."
    )


def _tests(numbers: dict[str, Any], run: RunResults, seed: int) -> list[Finding]:
    """Return whether one layer carries almost everything, and each has its own."""
    return [
        one_layer.finding(numbers["one_layer"], run, seed),
        _own_layers(numbers["own_layers"], run, seed),
    ]


def _own_layers(numbers: dict[str, Any], run: RunResults, seed: int) -> Finding:
    """Return whether every property is in its layer.

    The number is the share of properties that are.
    """
    effects = total_effects(run, seed)
    outcomes: dict[str, Outcome] = {}
    words = []
    for name, layer, leads in expected_layers.places(numbers):
        layers = effects.get(name, {})
        if leading(layers) is None or layer not in layers:
            outcomes[name] = Outcome.UNMEASURED
            words.append(f"{in_print(name)} not measured")
            continue
        outcomes[name], _ = expected_layers.in_place(
            numbers, name, layer, leads, layers
        )
        words.append(f"{in_print(name)} S {listed(layers, first=True)}")
    passed = [outcome is Outcome.PASSES for outcome in outcomes.values()]
    return finding_of(
        run,
        seed,
        OWN_LAYERS_PART,
        learned_and(run, seed, numbers["rise"], outcomes.values()),
        Interval(sum(passed) / len(passed), NAN, NAN),
        note=", ".join(words),
    )


def _negated(finding: Finding, run: RunResults, rise: float, part: str) -> Finding:
    """Return the finding for the opposite test.

    A run that has not learned fails this test as well.
    """
    enough = learned(run, finding.seed, rise)
    turned = opposite(finding.outcome) if enough is Outcome.PASSES else enough
    return replace(finding, part=part, outcome=turned)


def _comparison(
    numbers: dict[str, Any], run: RunResults, reference: RunResults, seed: int
) -> tuple[str, str]:
    """Return why the comparison does not count, and how the held-out ELBOs differ.

    The first is empty if it counts, the second if the ELBOs were not compared.
    """
    if seed not in reference.seeds:
        return f"does not count: no seed {seed} of '{reference.run}'", ""
    own, other = (r.facts(seed)["parameters"] for r in (run, reference))
    if abs(own / other - 1) > numbers["parameters"]:
        why = f"{own:,} parameters against {other:,} of '{reference.run}'"
        return f"does not count: {why}", ""
    gap = _elbo_gap(run, reference, seed)
    remark = (
        f"held-out ELBO less that of '{reference.run}' {gap.value:z.2f} nats "
        f"({gap.low:z.2f} to {gap.high:z.2f})"
    )
    if not gap.low >= -numbers["elbo"]:
        why = f"held-out ELBO perhaps {numbers['elbo']:g} nats below that of"
        return f"does not count: {why} '{reference.run}'", remark
    return "", remark


def _elbo_gap(run: RunResults, reference: RunResults, seed: int) -> Interval:
    """Return the mean difference of the ELBO from the reference, in nats per image.

    Only images are compared whose ELBO both runs have.
    """
    own, other = (
        results.table("bounds", seed).set_index("image")["elbo"]
        for results in (run, reference)
    )
    return mean_interval((own - other).dropna())


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
