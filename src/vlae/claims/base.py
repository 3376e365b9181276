"""What every kind of claim takes and gives, and how its findings become verdicts.

A kind of claim is a module of `vlae.claims` with

    EXPERIMENTS = ["effects"]                  what it reads of every run
    def findings(claim) -> list[Finding]       a finding per part, run and seed
    def criterion(numbers) -> str              the criterion in words

and a schema of its criterion in `workflow/schemas/claims/NAME.schema.yaml`. A module
says what one seed of one run shows; what that makes of the claim is decided here, by
`vlae.claims.verdicts`, for all alike. An entry in `config/claims.yaml` that names the module
is all else there is to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec
from vlae.results.run_results import RunResults
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome

Map = dict[str, Any]


NAN = float("nan")


@dataclass(frozen=True)
class Finding:
    """What one seed of one run says about one part of a claim."""

    part: str
    dataset: str
    run: str
    seed: int
    outcome: Outcome
    number: float = NAN
    """What the test is about, with its interval within the seed; nan for none."""
    low: float = NAN
    high: float = NAN
    note: str = ""
    veto: str = ""
    """Why a pass is not to be trusted: it can only keep a claim from support."""
    invalid: str = ""
    """Why the test decides nothing, however it ends."""
    shown_only: str = ""
    """Why it is shown and decides nothing, whatever the seeds."""
    control: bool = False
    """Of a run that must fail the test."""


Measure = Callable[[RunResults, int], Sequence[Finding]]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, its criterion, and the results of its runs.

    Args:
        spec: the claim.
        results: the folder of everything that its runs left.
    """

    spec: ClaimSpec
    results: ResultsFolder

    @property
    def numbers(self) -> Map:
        """The criterion without its reasons, in whatever depth they stand."""
        return numbers(self.spec.criterion)

    @cached_property
    def runs(self) -> list[RunResults]:
        return [RunResults(row, self.results) for row in self.spec.runs]

    @cached_property
    def controls(self) -> list[RunResults]:
        """Runs that must fail."""
        return [RunResults(row, self.results) for row in self.spec.controls]

    def each_seed(self, measure: Measure) -> list[Finding]:
        """Findings of every seed of every run, and of the controls, marked as such."""
        found = [f for run in self.runs for s in run.seeds for f in measure(run, s)]
        against = [
            replace(finding, control=True)
            for run in self.controls
            for seed in run.seeds
            for finding in measure(run, seed)
        ]
        return found + against


def numbers(criterion: Map) -> Map:
    """Every `{value: ..., why: ...}` of a criterion replaced by its value."""
    return {
        key: part["value"] if "value" in part else numbers(part)
        for key, part in criterion.items()
    }


def reasons(criterion: Map, prefix: str = "") -> list[tuple[str, Any, str]]:
    """Every number of a criterion: its name in words, its value, and why."""
    found = []
    for key, part in criterion.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if "value" in part:
            value = part["value"]
            shown = ", ".join(value) if isinstance(value, list) else value
            found.append((name, shown, part["why"]))
        else:
            found += reasons(part, f"{name}: ")
    return found


def finding_of(
    run: RunResults,
    seed: int,
    part: str,
    outcome: Outcome,
    found: Interval | None = None,
    *,
    note: str = "",
    veto: str = "",
    invalid: str = "",
    shown_only: str = "",
) -> Finding:
    """Return what one seed of `run` says about `part`.

    Args:
        found: the number that the test is about, with its interval; None for none.
        note, veto, invalid, shown_only: as the fields of `Finding`.
    """
    number = found or Interval(NAN, NAN, NAN)
    return Finding(
        part=part,
        dataset=run.dataset,
        run=run.run,
        seed=seed,
        outcome=outcome,
        number=number.value,
        low=number.low,
        high=number.high,
        note=note,
        veto=veto,
        invalid=invalid,
        shown_only=shown_only,
    )
