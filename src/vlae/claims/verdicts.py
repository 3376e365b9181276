"""From what single seeds found to a verdict, the same for every claim. Pure.

A seed's test has four outcomes, since a number has a sampling error: it `passes` or
`fails` where the whole interval does, is `open` in between, and `not measured` where
there is no number; what has no criterion has `no test`. A verdict needs `LEAST_SEEDS`
seeds that were not used while developing: all pass, supported; all fail, not
supported; otherwise inconclusive.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import pandas as pd

from vlae.claims.base import NAN, Claim, Finding
from vlae.statistics.thresholds import Outcome

FINDING = [
    *("part", "dataset", "run", "label", "seed", "control", "counts", "outcome"),
    *("number", "low", "high", "note", "veto", "invalid", "shown_only"),
]
VERDICT = [
    *("id", "part", "dataset", "run", "label", "statement", "place", "verdict"),
    *("reason", "number", "low", "high", "seeds", "criterion", "evidence"),
]


def findings_table(claim: Claim, findings: Sequence[Finding]) -> pd.DataFrame:
    """Columns `FINDING`; `counts` is false for seeds used while developing."""
    labels = {(r.dataset, r.run): r.title for r in [*claim.runs, *claim.controls]}
    table = pd.DataFrame([asdict(finding) for finding in findings])
    keys = zip(table["dataset"], table["run"], strict=True)
    table["label"] = [labels[key] for key in keys]
    table["counts"] = ~table["seed"].isin(claim.spec.development_seeds)
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
        decision = decide(
            found,
            against.get((part, dataset), []),
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
    return pd.DataFrame(rows, columns=VERDICT)


LEAST_SEEDS = 3


class Verdict(StrEnum):
    """Of all seeds."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    INCONCLUSIVE = "inconclusive"
    TOO_FEW_SEEDS = "too few seeds"
    NOT_MEASURED = "not measured"
    SHOWN = "shown only"


@dataclass(frozen=True)
class Decision:
    """A verdict, why, and the number behind it: mean over seeds, and how far the
    intervals of the seeds reach together.
    """

    verdict: Verdict
    reason: str
    number: float
    low: float
    high: float
    seeds: tuple[int, ...]
    """Those that count; where none does, those that are shown."""


def decide(
    findings: Sequence[Finding],
    controls: Sequence[Finding] = (),
    *,
    development_seeds: Iterable[int] = (),
    needs_control: bool = False,
) -> Decision:
    """The verdict on one part of a claim for one run.

    Args:
        findings: one a seed, of that part and run.
        controls: findings of runs that must fail the same test on the same data.
        development_seeds: seeds that do not count, in findings and controls alike.
        needs_control: whether the claim names controls: then support takes
            `LEAST_SEEDS` seeds of a control on these data that fail.

    Raises:
        ValueError: no findings, or several of one seed.
    """
    shown = [finding.seed for finding in findings]
    if not shown or len(set(shown)) != len(shown):
        raise ValueError(f"expected one finding a seed, got seeds {shown}")
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
        verdict,
        reason,
        sum(f.number for f in numbers) / len(numbers) if numbers else NAN,
        min(ends, default=NAN),
        max(ends, default=NAN),
        tuple(f.seed for f in counted or findings),
    )


def _verdict(
    findings: Sequence[Finding],
    counted: Sequence[Finding],
    controls: Sequence[Finding],
    needs_control: bool,
) -> tuple[Verdict, str]:
    if all(f.outcome is Outcome.UNMEASURED for f in findings):
        return Verdict.NOT_MEASURED, _notes(findings)
    shown = [f.shown_only for f in findings if f.shown_only]
    if shown:
        return Verdict.SHOWN, "; ".join([shown[0], *_ends(findings)])
    if len(counted) < LEAST_SEEDS:
        used = len(findings) - len(counted)
        words = [f"{len(counted)} of {LEAST_SEEDS}"]
        words += [f"{used} used while developing"] if used else []
        return Verdict.TOO_FEW_SEEDS, "; ".join([*words, *_ends(findings)])
    outcomes = {f.outcome for f in counted}
    if outcomes == {Outcome.UNMEASURED}:
        return Verdict.NOT_MEASURED, _notes(counted)
    invalid = [f for f in counted if f.invalid]
    if invalid:
        return Verdict.INCONCLUSIVE, _in_seeds(invalid, invalid[0].invalid)
    passed = [c for c in controls if c.outcome is Outcome.PASSES]
    if passed:
        names = _joined(f"{c.dataset}/{c.run}" for c in passed)
        return Verdict.INCONCLUSIVE, _in_seeds(passed, f"the control {names} passed")
    if outcomes == {Outcome.PASSES}:
        vetoes = [f for f in counted if f.veto]
        if vetoes:
            return Verdict.INCONCLUSIVE, _in_seeds(vetoes, vetoes[0].veto)
        if needs_control and not _fail(controls):
            return Verdict.INCONCLUSIVE, "no control on these data failed clearly"
        return Verdict.SUPPORTED, "all seeds pass"
    if outcomes == {Outcome.FAILS}:
        return Verdict.NOT_SUPPORTED, "all seeds fail"
    return Verdict.INCONCLUSIVE, "; ".join(_ends(counted))


def _ends(findings: Sequence[Finding]) -> list[str]:
    """How the test ended in which seeds, in words."""
    tested = [o for o in Outcome if o is not Outcome.UNTESTED]
    seeds = {outcome: _joined(_of(findings, outcome)) for outcome in tested}
    return [f"{outcome} in seed {found}" for outcome, found in seeds.items() if found]


def _fail(controls: Sequence[Finding]) -> bool:
    """Whether every control run fails in all its seeds, of which there are enough."""
    runs = {(c.dataset, c.run) for c in controls}
    seeds = [[c.outcome for c in controls if (c.dataset, c.run) == run] for run in runs]
    return bool(runs) and all(
        len(found) >= LEAST_SEEDS and set(found) == {Outcome.FAILS} for found in seeds
    )


def _of(findings: Sequence[Finding], outcome: Outcome) -> Iterable[str]:
    return (str(f.seed) for f in findings if f.outcome is outcome)


def _in_seeds(findings: Sequence[Finding], words: str) -> str:
    return f"{words} (seed {_joined(str(f.seed) for f in findings)})"


def _joined(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _notes(findings: Sequence[Finding]) -> str:
    return _joined(f.note for f in findings if f.note)
