"""From what single seeds found to a verdict, in the same way for every claim.

A number has a sampling error, so a seed's test has four outcomes. It `passes` or
`fails` if the whole interval does, is `open` if the threshold lies in the interval, and
`not measured` if there is no number. A finding without a criterion has `no test`. A
vetoed pass is open, and so is a test that is invalid.

A verdict needs `MIN_SEEDS` seeds that were not used while developing. Let k of n such
seeds pass and f fail. A claim is supported if the one-sided 95 % lower bound of the
rate of passes from k is above one half, and not supported if the upper bound from n - f
is below one half; otherwise it is undecided. Open and unmeasured seeds thus count for
neither. Support also takes more passes than every control has (Fisher's exact test,
one-sided, p below `MAX_P`).
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import pandas as pd

from vlae.claims.base import NAN, Claim, Finding, criterion_in_words
from vlae.results.text import number
from vlae.statistics.pass_rates import lower_bound, p_of_more_passes, upper_bound
from vlae.statistics.thresholds import Outcome

MIN_SEEDS = 8
"""Fresh seeds that a verdict needs: the fewest of which one may differ from the others.

With eight, 7 and 8 passes support a claim, and 7 and 8 fails speak against it.
"""
HALF = 0.5
"""Rate of passes that the bounds are compared with: more often than not."""
MAX_P = 0.05
"""A run has more passes than a control if Fisher's p is below this."""
FINDING_COLUMNS = [
    *("part", "dataset", "run", "label", "seed", "control", "counts", "outcome"),
    *("number", "low", "high", "note", "veto", "invalid", "shown_only"),
]
VERDICT_COLUMNS = [
    *("id", "part", "dataset", "run", "label", "statement", "place", "verdict"),
    *("reason", "passed", "controls", "number", "low", "high", "seeds"),
    *("criterion", "evidence"),
]


class Verdict(StrEnum):
    """What all seeds of a run together say about one part of a claim."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not measured"
    SHOWN = "shown only"


@dataclass(frozen=True)
class Tally:
    """How many seeds of one run passed and failed a test."""

    passes: int
    fails: int
    seeds: int
    """All seeds, also those that did neither."""

    @property
    def passed(self) -> str:
        """The passes as '7 of 8'."""
        return f"{self.passes} of {self.seeds}"

    def p_above(self, other: "Tally") -> float:
        """Return Fisher's p that this run passes more often than another."""
        return p_of_more_passes(self.passes, self.seeds, other.passes, other.seeds)


@dataclass(frozen=True)
class Decision:
    """A verdict on one part of a claim for one run, its reason and its number."""

    verdict: Verdict
    reason: str
    passed: str
    """How many of `seeds` passed: '7 of 8'; empty if none has a test."""
    controls: str
    """How many seeds of each control passed: 'vae 1 of 8'; empty without controls."""
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

    `counts` is false for seeds that were used while developing. `outcome` is the one
    that counts: open for a vetoed pass and for an invalid test.
    """
    labels = {(r.dataset, r.run): r.title for r in [*claim.runs, *claim.controls]}
    table = pd.DataFrame([asdict(finding) for finding in findings])
    keys = zip(table["dataset"], table["run"], strict=True)
    table["label"] = [labels[key] for key in keys]
    table["counts"] = ~table["seed"].isin(claim.spec.development_seeds)
    table["outcome"] = [str(_outcome(finding)) for finding in findings]
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
            needs_control=part in controlled or (spec.needs_control and not controlled),
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
                "passed": decision.passed,
                "controls": decision.controls,
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
        controls: findings of runs on the same data that should rarely pass the test.
        development_seeds: seeds that do not count, for runs and controls alike.
        needs_control: whether support needs a control on these data.

    Raises:
        ValueError: if there are no findings, or several of one seed.
    """
    seeds = [finding.seed for finding in findings]
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"expected one finding per seed, got seeds {seeds}")
    development = set(development_seeds)
    counted = [f for f in findings if f.seed not in development]
    against = _tallies(controls, development)
    verdict, reason = _verdict(findings, counted, against, needs_control)
    shown = counted or findings
    shown_against = against if counted else _tallies(controls, ())
    numbers = [
        f
        for f in shown
        if f.outcome is not Outcome.UNMEASURED and not math.isnan(f.number)
    ]
    ends = [end for f in numbers for end in (f.low, f.high) if not math.isnan(end)]
    ends += [f.number for f in numbers]
    return Decision(
        verdict=verdict,
        reason=reason,
        passed=_tally(shown).passed if any(map(_tested, shown)) else "",
        controls=", ".join(
            f"{run} {tally.passed if tally.seeds else 'not measured'}"
            for run, tally in shown_against.items()
        ),
        number=sum(f.number for f in numbers) / len(numbers) if numbers else NAN,
        low=min(ends, default=NAN),
        high=max(ends, default=NAN),
        seeds=tuple(f.seed for f in shown),
    )


def _verdict(
    findings: Sequence[Finding],
    counted: Sequence[Finding],
    controls: dict[str, Tally],
    needs_control: bool,
) -> tuple[Verdict, str]:
    """Return the verdict and its reason.

    Args:
        findings: one per seed.
        counted: those of seeds that were not used while developing.
        controls: the tallies of controls over such seeds, by run.
        needs_control: see `decide`.
    """
    if _all(findings, Outcome.UNMEASURED):
        return Verdict.NOT_MEASURED, _notes(findings)
    if shown := [f.shown_only for f in findings if f.shown_only]:
        return Verdict.SHOWN, shown[0]
    if len(counted) < MIN_SEEDS:
        return Verdict.SHOWN, f"{len(counted)} of {MIN_SEEDS} fresh seeds"
    if _all(counted, Outcome.UNMEASURED):
        return Verdict.NOT_MEASURED, _notes(counted)
    tally = _tally(counted)
    words = [_outcomes(counted), *_remarks(counted)]
    verdict = Verdict.INCONCLUSIVE
    if upper_bound(tally.seeds - tally.fails, tally.seeds) < HALF:
        verdict = Verdict.NOT_SUPPORTED
    elif lower_bound(tally.passes, tally.seeds) > HALF:
        beaten, against = _against(tally, controls, needs_control)
        verdict = Verdict.SUPPORTED if beaten else Verdict.INCONCLUSIVE
        words += against
    return verdict, "; ".join(words)


def _against(
    tally: Tally, controls: dict[str, Tally], needs_control: bool
) -> tuple[bool, list[str]]:
    """Return whether a run passes more often than every control, and p of each."""
    if not controls:
        missing = "no control has been run on these data"
        return not needs_control, [missing] if needs_control else []
    beaten, words = True, []
    for run, control in controls.items():
        p = tally.p_above(control)
        if p < MAX_P:
            words.append(f"more than control {run} ({control.passed}), {_in_words(p)}")
            continue
        beaten = False
        best = tally.p_above(replace(control, passes=0))
        if not control.seeds:
            words.append(f"control {run} has no fresh seed with a test")
        elif best >= MAX_P:
            words.append(
                f"control {run} has too few seeds: none of {control.seeds} passing "
                f"would be {_in_words(best)}"
            )
        else:
            words.append(
                f"not clearly more than control {run} ({control.passed}), "
                f"{_in_words(p)}"
            )
    return beaten, words


# Counts


def _outcome(finding: Finding) -> Outcome:
    """Return the outcome that counts: a vetoed pass or an invalid test is open."""
    vetoed = finding.veto and finding.outcome is Outcome.PASSES
    decided = finding.outcome in (Outcome.PASSES, Outcome.FAILS)
    return Outcome.OPEN if decided and (vetoed or finding.invalid) else finding.outcome


def _tested(finding: Finding) -> bool:
    return finding.outcome not in (Outcome.UNMEASURED, Outcome.UNTESTED)


def _tally(findings: Iterable[Finding]) -> Tally:
    outcomes = [_outcome(finding) for finding in findings]
    passes, fails = (outcomes.count(o) for o in (Outcome.PASSES, Outcome.FAILS))
    return Tally(passes, fails, len(outcomes))


def _tallies(
    controls: Sequence[Finding], development: Collection[int]
) -> dict[str, Tally]:
    """Return the tally of each control over its fresh seeds that have a test.

    A control that was not measured shows nothing, so its seeds are left out.
    """
    return {
        run: _tally(
            c
            for c in controls
            if c.run == run and c.seed not in development and _tested(c)
        )
        for run in dict.fromkeys(c.run for c in controls)
    }


def _all(findings: Sequence[Finding], outcome: Outcome) -> bool:
    return all(finding.outcome is outcome for finding in findings)


# Words


def verb(outcome: Outcome, count: int) -> str:
    """Return an outcome as `count` seeds have it: 'passes' of one, 'pass' of two."""
    plural = {Outcome.PASSES: "pass", Outcome.FAILS: "fail"}
    return str(outcome) if count == 1 else plural.get(outcome, str(outcome))


def _outcomes(findings: Sequence[Finding]) -> str:
    """Return how the seeds' tests ended: '5 of 8 pass, 2 fail, 1 open'."""
    tally = _tally(findings)
    outcomes = [_outcome(finding) for finding in findings]
    words = [f"{tally.passed} {verb(Outcome.PASSES, tally.passes)}"]
    if tally.fails:
        words.append(f"{tally.fails} {verb(Outcome.FAILS, tally.fails)}")
    for outcome in (Outcome.OPEN, Outcome.UNMEASURED, Outcome.UNTESTED):
        if count := outcomes.count(outcome):
            words.append(f"{count} {outcome}")
    return ", ".join(words)


def _remarks(findings: Sequence[Finding]) -> list[str]:
    """Return why decided tests count as open, each with its seeds."""
    seeds: dict[str, list[str]] = {}
    for finding in findings:
        if _outcome(finding) is not finding.outcome:
            why = finding.invalid or finding.veto
            seeds.setdefault(why, []).append(str(finding.seed))
    return [f"{why} (seed {', '.join(of)})" for why, of in seeds.items()]


def _in_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {number(p, 3)}"


def _notes(findings: Sequence[Finding]) -> str:
    """Return the different notes in their order, with commas."""
    return ", ".join(dict.fromkeys(f.note for f in findings if f.note))
