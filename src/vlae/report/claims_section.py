"""The claims as the report shows them: verdicts, criteria, findings and evidence."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from vlae.claims.base import criterion_in_words, reasons
from vlae.claims.verdicts import Verdict
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec, ReportSpec, RunRow
from vlae.report.evidence import (
    DECIDES_NOTHING,
    ShownVerdict,
    claim_files,
    sureness,
)
from vlae.report.provenance import Criteria, criteria
from vlae.results.run_results import read_table
from vlae.results.text import interval, number, seed_names
from vlae.statistics.thresholds import Outcome


class Answer(StrEnum):
    """What all verdicts on a claim come to."""

    SUPPORTED = "supported"
    IN_PART = "supported in part"
    MIXED = "partly supported and partly not"
    OPEN = "undecided"
    NOT_IN_PART = "not supported in part"
    NOT_SUPPORTED = "not supported"
    SHOWN = "shown only"


MEANING = {
    Answer.SUPPORTED: "These runs show what the paper says: every test that decides "
    "passes clearly more often than not.",
    Answer.IN_PART: "It holds in part: some tests support it, and the others are "
    "undecided.",
    Answer.MIXED: "It holds in part: some tests support it, some speak against it, and "
    "any others are undecided.",
    Answer.OPEN: "It is undecided: too few seeds pass or fail, or controls pass nearly "
    "as often.",
    Answer.NOT_IN_PART: "Some tests do not support it, and the others are undecided.",
    Answer.NOT_SUPPORTED: "These runs do not show what the paper says: every test "
    "that decides fails clearly more often than not. Either it does not hold for these "
    "networks and budgets, or the criterion asks for more than the paper means.",
}
"""What an answer means; what is shown only has reasons instead."""


@dataclass(frozen=True)
class ShownClaim:
    """One claim as the report shows it."""

    id: str
    statement: str
    place: str
    """Where the paper makes the claim."""
    figure: str | None
    """Figure of the report that is about it; None if there is none."""
    verdicts: list[ShownVerdict]
    criterion: str
    reasons: list[tuple[str, Any, str]]
    """Each number of the criterion: its name in words, its value, and why."""
    findings: pd.DataFrame
    """Findings seed by seed, as text."""
    sureness: list[str]
    files: list[str]
    target: str
    """Path that makes Snakemake decide this claim."""

    @property
    def meaning(self) -> str:
        """What the verdicts come to, in a sentence or two."""
        if not self.verdicts:
            return "No run here tests it."
        if self.outcome is not Answer.SHOWN:
            return MEANING[self.outcome]
        why = "; ".join(dict.fromkeys(v.reason for v in self.verdicts if v.reason))
        return f"Nothing is concluded from these runs{f' ({why})' if why else ''}."

    @property
    def outcome(self) -> Answer:
        """What the verdicts of the tests that decide come to."""
        kinds = {verdict.verdict for verdict in self._deciding()}
        if not kinds:
            return Answer.SHOWN
        some_for, some_against = (
            verdict in kinds for verdict in (Verdict.SUPPORTED, Verdict.NOT_SUPPORTED)
        )
        if some_for and some_against:
            return Answer.MIXED
        if some_for:
            return Answer.SUPPORTED if len(kinds) == 1 else Answer.IN_PART
        if some_against:
            return Answer.NOT_SUPPORTED if len(kinds) == 1 else Answer.NOT_IN_PART
        return Answer.OPEN

    @property
    def parts(self) -> dict[str, list[ShownVerdict]]:
        """The verdicts by the part of the claim that they are about."""
        found: dict[str, list[ShownVerdict]] = {}
        for verdict in self.verdicts:
            found.setdefault(verdict.part, []).append(verdict)
        return found

    def _deciding(self) -> list[ShownVerdict]:
        return [v for v in self.verdicts if v.verdict not in DECIDES_NOTHING]


@dataclass(frozen=True)
class ClaimsSection:
    """All claims of a report."""

    claims: list[ShownClaim]
    criteria: Criteria

    def about(self, figure: str) -> list[ShownClaim]:
        """Return the claims that a figure of the report is about."""
        return [claim for claim in self.claims if claim.figure == figure]

    def decided(self) -> bool:
        """Return whether any claim has a verdict from enough seeds."""
        return any(claim.outcome is not Answer.SHOWN for claim in self.claims)

    def answers(self) -> dict["Answer", list[ShownClaim]]:
        """Return the claims by what the runs say about them, the best answer first."""
        found = {
            answer: [claim for claim in self.claims if claim.outcome is answer]
            for answer in Answer
        }
        return {answer: claims for answer, claims in found.items() if claims}

    def tests(self) -> dict[str, int]:
        """Return the number of tests, by what came out in every seed.

        Tests that are open in a seed, or differ between seeds, are "open".
        """
        found = {str(kind): 0 for kind in (Outcome.PASSES, Outcome.FAILS, Outcome.OPEN)}
        for verdict in (v for c in self.claims for v in c.verdicts if v.passed):
            (kind, *others) = set(verdict.outcomes)
            found[kind if kind in found and not others else Outcome.OPEN] += 1
        return found


def claims_section(spec: ReportSpec, results: ResultsFolder) -> ClaimsSection:
    """Return what the report shows about the claims of its spec.

    Raises:
        UserError: if a table of verdicts or findings is missing or broken.
    """
    if not spec.claims:
        return ClaimsSection([], criteria([]))
    verdicts = read_table(results.verdicts)
    figures = {figure.figure for figure in spec.figures}
    data = {run.dataset_title for run in spec.runs}
    known = f"{data.pop()}: " if len(data) == 1 else ""
    shown = [
        _shown_claim(
            claim, verdicts[verdicts["id"] == claim.id], figures, results, known
        )
        for claim in spec.claims
    ]
    return ClaimsSection(shown, criteria(spec.claims))


def _shown_claim(
    claim: ClaimSpec,
    verdicts: pd.DataFrame,
    figures: set[str],
    results: ResultsFolder,
    known: str,
) -> ShownClaim:
    """Return one claim as the report shows it.

    Args:
        claim: its spec.
        verdicts: the rows of the table of verdicts that are about it.
        figures: names of the figures in the report.
        results: the results folder.
        known: start of the titles of all runs, which need not be repeated.
    """
    findings = read_table(results.claim(claim.id).findings)
    shown = [
        _shown_verdict(
            row,
            findings,
            [run for run in claim.controls if run.dataset == row["dataset"]],
            known,
        )
        for row in verdicts.to_dict("records")
    ]
    return ShownClaim(
        id=claim.id,
        statement=claim.statement,
        place=claim.place,
        figure=claim.figure if claim.figure in figures else None,
        verdicts=shown,
        criterion=criterion_in_words(claim),
        reasons=reasons(claim.criterion),
        findings=_findings(findings),
        sureness=sureness(claim.runs, shown, claim.development_seeds),
        files=claim_files(claim),
        target=str(ResultsFolder().claim(claim.id).verdicts),
    )


def _shown_verdict(
    row: dict[str, Any],
    findings: pd.DataFrame,
    controls: Iterable[RunRow],
    known: str,
) -> ShownVerdict:
    """Return a row of the table of verdicts as text.

    Args:
        row: the row.
        findings: those of its claim.
        controls: those of the claim on the data set of the row.
        known: see `_shown_claim`.
    """
    own = findings[~findings["control"]]
    for key in ("part", "dataset", "run"):
        own = own[own[key] == row[key]]
    counted = own[own["counts"]] if own["counts"].any() else own
    return ShownVerdict(
        part=row["part"],
        label=row["label"].removeprefix(known),
        verdict=row["verdict"],
        reason=row["reason"],
        passed=row["passed"],
        outcomes=tuple(counted["outcome"]),
        controls=_with_labels(row["controls"], controls),
        number=_number(counted),
        seeds=seed_names([int(seed) for seed in row["seeds"].split(", ")]),
    )


def _with_labels(passes: str, controls: Iterable[RunRow]) -> str:
    """Return the passes of controls with their labels: 'VLAE 1 of 8'."""
    labels = {control.run: control.label for control in controls}
    found = (control.partition(" ") for control in passes.split(", ") if control)
    return ", ".join(f"{labels[run]} {passed}" for run, _, passed in found)


def _number(findings: pd.DataFrame) -> str:
    """Return the number of a test: for one seed '0.71 (0.68–0.75)', with its interval.

    For several seeds it is the mean and the number of each, such as '0.60 (0.16 / 0.82
    / 0.83)'. A seed without a number has a dash; the text is empty if no seed has one.
    """
    if len(findings) == 1:
        return _interval(findings.iloc[0].to_dict())
    values = findings["number"].where(findings["outcome"] != Outcome.UNMEASURED)
    if values.isna().all():
        return ""
    each = " / ".join("–" if pd.isna(value) else number(value) for value in values)
    return f"{number(values.mean())} ({each})"


def _interval(row: dict[str, Any]) -> str:
    """Return the number of one seed as '0.71 (0.68–0.75)' or '0.71'; empty if none."""
    if pd.isna(row["number"]):
        return ""
    if pd.isna(row["low"]) or row["low"] == row["high"]:
        return number(row["number"])
    bounds = interval(number(row["low"]), number(row["high"]))
    return f"{number(row['number'])} ({bounds})"


def _findings(table: pd.DataFrame) -> pd.DataFrame:
    """Return the findings seed by seed as text, controls last."""
    remarks = table[["note", "veto", "invalid", "shown_only"]].agg(
        lambda row: "; ".join(filter(None, row)), axis=1
    )
    controls = table["control"].map({True: " (control)", False: ""})
    uncounted = table["counts"].map({True: "", False: " (development)"})
    return pd.DataFrame(
        {
            "part": table["part"],
            "run": table["label"] + controls,
            "seed": table["seed"].astype(str) + uncounted,
            "the test": table["outcome"],
            "number": [_interval(row) for row in table.to_dict("records")],
            "found": remarks,
        }
    )
