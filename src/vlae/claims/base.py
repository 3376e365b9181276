"""What every kind of claim takes and gives.

A kind of claim is a module of `vlae.claims` with::

    TABLES = ["effects"]                       the tables that it reads of every run
    def findings(claim) -> list[Finding]       one finding per part, run and seed
    def criterion(numbers) -> str              the criterion in words

and a schema of its criterion in `workflow/schemas/claims/NAME.schema.yaml`. The keys of
the criterion are listed in the module's docstring. A module says what one seed of one
run shows; `vlae.claims.verdicts` turns that into verdicts, in the same way for all
kinds. An entry of `config/claims.yaml` whose `kind` is the module's name makes a claim
of that kind.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec
from vlae.results.run_results import RunResults
from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import Outcome, all_of
from vlae.system import registry

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
    """The number that is tested; nan if there is none."""
    low: float = NAN
    """Lower end of the number's interval within the seed; nan if there is none."""
    high: float = NAN
    note: str = ""
    veto: str = ""
    """Why a pass is not to be trusted: it counts as open."""
    invalid: str = ""
    """Why the test decides nothing, whatever its outcome: it counts as open."""
    shown_only: str = ""
    """Why the finding is shown and decides nothing, whatever the seeds."""
    control: bool = False
    """Whether the run is a control, which should rarely pass the test."""


Measure = Callable[[RunResults, int], Sequence[Finding]]
"""Returns the findings of one seed of a run."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, its criterion, and the results of its runs.

    Args:
        spec: the claim.
        results: the folder with everything that its runs left.
    """

    spec: ClaimSpec
    results: ResultsFolder

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The criterion without its reasons; the keys are those of its kind."""
        return numbers(self.spec.criterion)

    @cached_property
    def runs(self) -> list[RunResults]:
        """The runs that the claim is about."""
        return [RunResults(row, self.results) for row in self.spec.runs]

    @cached_property
    def controls(self) -> list[RunResults]:
        """The runs that should rarely pass the claim's tests."""
        return [RunResults(row, self.results) for row in self.spec.controls]

    def each_seed(self, measure: Measure) -> list[Finding]:
        """Return the findings of every seed of every run, then those of the controls.

        Findings of controls are marked as such.
        """
        found = [
            finding
            for run in self.runs
            for seed in run.seeds
            for finding in measure(run, seed)
        ]
        against = [
            replace(finding, control=True)
            for run in self.controls
            for seed in run.seeds
            for finding in measure(run, seed)
        ]
        return found + against


def numbers(criterion: dict[str, Any]) -> dict[str, Any]:
    """Return a criterion with every `{value: ..., why: ...}` replaced by its value."""
    return {
        key: part["value"] if "value" in part else numbers(part)
        for key, part in criterion.items()
    }


def reasons(criterion: dict[str, Any], prefix: str = "") -> list[tuple[str, Any, str]]:
    """Return the name in words, the value, and the reason of each criterion's number.

    Names inside another key begin with it: 'layers: mean colour'.
    """
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


def criterion_in_words(spec: ClaimSpec) -> str:
    """Return the criterion of a claim in words, as its kind puts it."""
    words: str = registry.load("claims", spec.kind).criterion(numbers(spec.criterion))
    return words


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
        run: the results of the run.
        seed: the seed.
        part: the part of the claim, as reports print it.
        outcome: how the test ended.
        found: the number that is tested, with its interval; None if there is none.
        note: what else the reader should know.
        veto: see `Finding`.
        invalid: see `Finding`.
        shown_only: see `Finding`.
    """
    number = Interval(NAN, NAN, NAN) if found is None else found
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


def learned(run: RunResults, seed: int, rise: float) -> Outcome:
    """Return whether training raised the held-out ELBO by at least `rise` nats.

    The layers of an untrained model have effects too, and may have the expected ones.
    """
    return Outcome.PASSES if run.rise(seed) >= rise else Outcome.FAILS


def learned_and(
    run: RunResults, seed: int, rise: float, tests: Iterable[Outcome]
) -> Outcome:
    """Return whether the run has `learned` and passes all tests."""
    return all_of([learned(run, seed, rise), *tests])
