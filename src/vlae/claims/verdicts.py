"""From what single seeds found to a verdict, in the same way for every claim.

A number has a sampling error, so a seed's test has four outcomes. It `passes` or
`fails` if the whole interval does, is `open` if the threshold lies in the interval, and
`not measured` if there is no number. A finding without a criterion has `no test`. A
verdict needs `MIN_SEEDS` seeds that were not used while developing. If all of them
pass, the claim is supported; if all fail, it is not; otherwise it is undecided.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import pandas as pd

from vlae.claims.base import NAN, Claim, Finding, criterion_in_words
from vlae.statistics.thresholds import Outcome

MIN_SEEDS = 3
"""Seeds that a verdict needs."""
FINDING_COLUMNS = [
    *("part", "dataset", "run", "label", "seed", "control", "counts", "outcome"),
    *("number", "low", "high", "note", "veto", "invalid", "shown_only"),
]
VERDICT_COLUMNS = [
    *("id", "part", "dataset", "run", "label", "statement", "place", "verdict"),
    *("reason", "number", "low", "high", "seeds", "criterion", "evidence"),
]


class Verdict(StrEnum):
    """What all seeds of a run together say about one part of a claim."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    INCONCLUSIVE = "inconclusive"
    TOO_FEW_SEEDS = "too few seeds"
    NOT_MEASURED = "not measured"
    SHOWN = "shown only"


@dataclass(frozen=True)
class Decision:
    """A verdict on one part of a claim for one run, its reason and its number."""

    verdict: Verdict
    reason: str
    number: float
    """Mean over the seeds that count; nan if there is no number."""
    low: float
    """Lowest end of the seeds' intervals."""
    high: float
    """Highest end of the seeds' intervals."""
    seeds: tuple[int, ...]
    """The seeds that count, or all seeds if none does."""


# Tables


def findings_table(claim: Claim, findings: Sequence[Finding]) -> pd.DataFrame:
    """Return the findings of a claim, one per row, with `FINDING_COLUMNS`.

    `counts` is false for seeds that were used while developing.
    """
    labels = {(r.dataset, r.run): r.title for r in [*claim.runs, *claim.controls]}
    table = pd.DataFrame([asdict(finding) for finding in findings])
    keys = zip(table["dataset"], table["run"], strict=True)
    table["label"] = [labels[key] for key in keys]
    table["counts"] = ~table["seed"].isin(claim.spec.development_seeds)
    table["outcome"] = table["outcome"].astype(str)
    return table[FINDING_COLUMNS]


def verdicts_table(claim: Claim, findings: Sequence[Finding]) -> pd.DataFrame:
    """Return the verdicts of a claim, with `VERDICT_COLUMNS`.

    There is one row per part and run, and none for controls. Controls are compared with
    the runs of the same data set, part by part.
    """
    spec = claim.spec
    labels = {(run.dataset, run.run): run.title for run in claim.runs}
    of_runs: dict[tuple[str, str, str], list[Finding]] = {}
    of_controls: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        part, dataset = finding.part, finding.dataset
        if finding.control:
            of_controls.setdefault((part, dataset), []).append(finding)
        else:
            of_runs.setdefault((part, dataset, finding.run), []).append(finding)
    controlled = {part for part, _ in of_controls}
    criterion = criterion_in_words(spec)
    rows = []
    for (part, dataset, run), found in of_runs.items():
        decision = decide(
            found,
            of_controls.get((part, dataset), []),
            development_seeds=spec.development_seeds,
            needs_control=part in controlled,
        )
        rows.append(
            {
                "id": spec.id,
                "part": part,
                "dataset": dataset,
                "run": run,
                "label": labels[dataset, run],
                "statement": spec.statement,
                "place": spec.place,
                "verdict": str(decision.verdict),
                "reason": decision.reason,
                "number": decision.number,
                "low": decision.low,
                "high": decision.high,
                "seeds": ", ".join(map(str, decision.seeds)),
                "criterion": criterion,
                "evidence": spec.figure or "",
            }
        )
    return pd.DataFrame(rows, columns=VERDICT_COLUMNS)


# Decisions


def decide(
    findings: Sequence[Finding],
    controls: Sequence[Finding] = (),
    *,
    development_seeds: Iterable[int] = (),
    needs_control: bool = False,
) -> Decision:
    """Return the verdict on one part of a claim for one run.

    Args:
        findings: one per seed, all of that part and run.
        controls: findings of runs that must fail the same test on the same data.
        development_seeds: seeds that do not count, for runs and controls alike.
        needs_control: whether the claim names controls. Support then needs `MIN_SEEDS`
            seeds of a control on these data that fail.

    Raises:
        ValueError: if there are no findings, or several of one seed.
    """
    seeds = [finding.seed for finding in findings]
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"expected one finding per seed, got seeds {seeds}")
    development = set(development_seeds)
    counted = [f for f in findings if f.seed not in development]
    against = [c for c in controls if c.seed not in development]
    verdict, reason = _verdict(findings, counted, against, needs_control)
    numbers = [
        f
        for f in counted or findings
        if f.outcome is not Outcome.UNMEASURED and not math.isnan(f.number)
    ]
    ends = [end for f in numbers for end in (f.low, f.high) if not math.isnan(end)]
    ends += [f.number for f in numbers]
    return Decision(
        verdict=verdict,
        reason=reason,
        number=sum(f.number for f in numbers) / len(numbers) if numbers else NAN,
        low=min(ends, default=NAN),
        high=max(ends, default=NAN),
        seeds=tuple(f.seed for f in counted or findings),
    )


def _verdict(
    findings: Sequence[Finding],
    counted: Sequence[Finding],
    controls: Sequence[Finding],
    needs_control: bool,
) -> tuple[Verdict, str]:
    """Return the verdict and its reason.

    Args:
        findings: one per seed.
        counted: those of seeds that were not used while developing.
        controls: findings of controls with such seeds.
        needs_control: see `decide`.
    """
    if _all(findings, Outcome.UNMEASURED):
        return Verdict.NOT_MEASURED, _notes(findings)
    shown = [f.shown_only for f in findings if f.shown_only]
    if shown:
        return Verdict.SHOWN, "; ".join([shown[0], *_outcomes(findings)])
    if len(counted) < MIN_SEEDS:
        used = len(findings) - len(counted)
        words = [f"{len(counted)} of {MIN_SEEDS}"]
        words += [f"{used} used while developing"] if used else []
        return Verdict.TOO_FEW_SEEDS, "; ".join([*words, *_outcomes(findings)])
    if _all(counted, Outcome.UNMEASURED):
        return Verdict.NOT_MEASURED, _notes(counted)
    if invalid := [f for f in counted if f.invalid]:
        return Verdict.INCONCLUSIVE, _in_seeds(invalid[0].invalid, invalid)
    if passed := [c for c in controls if c.outcome is Outcome.PASSES]:
        names = _joined(f"{c.dataset}/{c.run}" for c in passed)
        return Verdict.INCONCLUSIVE, _in_seeds(f"the control {names} passed", passed)
    if _all(counted, Outcome.FAILS):
        return Verdict.NOT_SUPPORTED, "all seeds fail"
    if not _all(counted, Outcome.PASSES):
        return Verdict.INCONCLUSIVE, "; ".join(_outcomes(counted))
    if vetoed := [f for f in counted if f.veto]:
        return Verdict.INCONCLUSIVE, _in_seeds(vetoed[0].veto, vetoed)
    if needs_control and not _clearly_fail(controls):
        return Verdict.INCONCLUSIVE, "no control on these data failed clearly"
    return Verdict.SUPPORTED, "all seeds pass"


def _all(findings: Sequence[Finding], outcome: Outcome) -> bool:
    return all(finding.outcome is outcome for finding in findings)


def _clearly_fail(controls: Sequence[Finding]) -> bool:
    """Return whether there is a control, and each fails in `MIN_SEEDS` seeds or more.

    One seed of a control that does not fail is enough for a no.
    """
    runs: dict[tuple[str, str], list[Finding]] = {}
    for control in controls:
        runs.setdefault((control.dataset, control.run), []).append(control)
    return bool(runs) and all(
        len(found) >= MIN_SEEDS and _all(found, Outcome.FAILS)
        for found in runs.values()
    )


# Words


def _outcomes(findings: Sequence[Finding]) -> list[str]:
    """Return 'passes in seed 1, 2' and so on, for every outcome that a seed has."""
    seeds = {
        outcome: _joined(str(f.seed) for f in findings if f.outcome is outcome)
        for outcome in Outcome
        if outcome is not Outcome.UNTESTED
    }
    return [f"{outcome} in seed {found}" for outcome, found in seeds.items() if found]


def _in_seeds(words: str, findings: Sequence[Finding]) -> str:
    return f"{words} (seed {_joined(str(f.seed) for f in findings)})"


def _joined(words: Iterable[str]) -> str:
    """Return the different words in their order, with commas."""
    return ", ".join(dict.fromkeys(words))


def _notes(findings: Sequence[Finding]) -> str:
    return _joined(f.note for f in findings if f.note)
