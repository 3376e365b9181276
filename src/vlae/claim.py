"""What every kind of claim takes and gives, and how its findings become verdicts.

A kind of claim is a module of `vlae.claims` with

    EXPERIMENTS = ["effects"]                  what it reads of every run
    def findings(claim) -> list[Finding]       a finding per part, run and seed
    def criterion(numbers) -> str              the criterion in words

and a schema of its criterion in `workflow/schemas/claims/NAME.schema.yaml`. A module
says what one seed of one run shows; what that makes of the claim is decided here, by
`vlae.verdicts`, for all alike. An entry in `config/claims.yaml` that names the module
is all else there is to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.results import RunResults
from vlae.verdicts import Finding, judge

Map = dict[str, Any]
Measure = Callable[[RunResults, int], Sequence[Finding]]

FINDING = [
    *("part", "dataset", "run", "label", "seed", "control", "counts", "outcome"),
    *("number", "low", "high", "note", "veto", "invalid", "shown_only"),
]
VERDICT = [
    *("id", "part", "dataset", "run", "label", "statement", "place", "verdict"),
    *("reason", "number", "low", "high", "seeds", "criterion", "evidence"),
]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, its criterion, and the results of its runs.

    Args:
        spec: see `Configuration.claim_spec`.
        runs_folder, experiments: folders of all runs and of all experiments.
    """

    spec: Map
    runs_folder: Path
    experiments: Path

    @property
    def numbers(self) -> Map:
        """The criterion without its reasons, in whatever depth they stand."""
        return numbers(self.spec["criterion"])

    @cached_property
    def runs(self) -> list[RunResults]:
        return [self._results(row) for row in self.spec["runs"]]

    @cached_property
    def controls(self) -> list[RunResults]:
        """Runs that must fail."""
        return [self._results(row) for row in self.spec["controls"]]

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

    def _results(self, row: Map) -> RunResults:
        return RunResults(row, self.runs_folder, self.experiments)


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


def findings_table(claim: Claim, findings: Sequence[Finding]) -> pd.DataFrame:
    """Columns `FINDING`; `counts` is false for seeds used while developing."""
    labels = {(r.dataset, r.run): r.title for r in [*claim.runs, *claim.controls]}
    table = pd.DataFrame([asdict(finding) for finding in findings])
    keys = zip(table["dataset"], table["run"], strict=True)
    table["label"] = [labels[key] for key in keys]
    table["counts"] = ~table["seed"].isin(claim.spec["development_seeds"])
    table["outcome"] = table["outcome"].astype(str)
    return table[FINDING]


def verdicts_table(
    claim: Claim, findings: Sequence[Finding], criterion: str
) -> pd.DataFrame:
    """Columns `VERDICT`: a row for every part and run, without the controls.

    A control is held against the runs of its data set, part by part.
    """
    spec = claim.spec
    labels = {(run.dataset, run.run): run.title for run in claim.runs}
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    against: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.control:
            against.setdefault((finding.part, finding.dataset), []).append(finding)
        else:
            key = (finding.part, finding.dataset, finding.run)
            groups.setdefault(key, []).append(finding)
    controlled = {finding.part for finding in findings if finding.control}
    rows = []
    for (part, dataset, run), found in groups.items():
        judged = judge(
            found,
            against.get((part, dataset), []),
            development_seeds=spec["development_seeds"],
            needs_control=part in controlled,
        )
        rows.append(
            {
                "id": spec["id"],
                "part": part,
                "dataset": dataset,
                "run": run,
                "label": labels[dataset, run],
                "statement": spec["statement"],
                "place": spec["place"],
                "verdict": str(judged.verdict),
                "reason": judged.reason,
                "number": judged.number,
                "low": judged.low,
                "high": judged.high,
                "seeds": ", ".join(map(str, judged.seeds)),
                "criterion": criterion,
                "evidence": spec["figure"] or "",
            }
        )
    return pd.DataFrame(rows, columns=VERDICT)
