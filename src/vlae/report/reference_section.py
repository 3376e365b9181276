"""Your results against the references in the repository."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.report import images
from vlae.report.reference import Reference, held_out, read, settings, verdicts
from vlae.results.run_results import RunResults
from vlae.results.settings_diff import changes
from vlae.results.text import digits, interval
from vlae.statistics.seed_spread import Seeds, apart, difference

ROUNDING = 1e-5
"""Relative slack of a comparison: a reference has six significant digits."""
MAIN_TERMS = ("elbo", "accuracy")
"""Held-out terms by which a run is compared: the first that it has."""
MAX_NAMED_SETTINGS = 3
"""Differing settings of a run that are named; the others are counted."""


class Place(StrEnum):
    """Where your number lies."""

    INSIDE = "within the range"
    NEAR = "outside, within seed variation"
    FAR = "outside, beyond seed variation"
    OUTSIDE = "outside"
    UNKNOWN = "outside; one seed each, so not testable"
    NONE = "no number"


@dataclass(frozen=True)
class ComparedRun:
    """A held-out number of one run, yours and the reference's, as text."""

    run: str
    term: str
    yours: str
    reference: str
    place: Place

    @property
    def far(self) -> bool:
        """Whether yours differs by more than seeds do."""
        return self.place is Place.FAR


@dataclass(frozen=True)
class ComparedVerdict:
    """A verdict, yours and the reference's, and their numbers as text."""

    claim: str
    part: str
    run: str
    yours: str
    reference: str
    passed: tuple[str, str]
    """How many of your seeds and the reference's passed: '7 of 8', or empty."""
    number: str
    """Your number; empty if there is none."""
    interval: str
    """Reach of the intervals of the reference's seeds; empty if there is none."""
    place: Place
    differing: str
    """What its test depends on that is not the reference's; empty if compared."""


@dataclass(frozen=True)
class DifferentRun:
    """A run that has other settings than the reference's, and is not compared."""

    run: str
    settings: str
    """The settings that differ."""


@dataclass(frozen=True)
class ReferenceFigure:
    """The numbers and perhaps the picture of a figure of a reference."""

    name: str
    numbers: pd.DataFrame
    image: str
    """Data URL; empty if the reference has no picture."""


@dataclass(frozen=True)
class ReferenceComparison:
    """Everything that one reference says about your runs."""

    name: str
    facts: dict[str, Any]
    runs: list[ComparedRun]
    verdicts: list[ComparedVerdict]
    different: list[DifferentRun]
    absent: list[str]
    """Runs of the reference that you do not have."""
    figures: list[ReferenceFigure]

    def summary(self) -> str:
        """Return a sentence that says how the comparison ended."""
        if not self.runs:
            return (
                "None of your runs has the settings of the reference, so this run "
                "cannot be compared."
            )
        count = len(self.runs)
        inside = sum(run.place is Place.INSIDE for run in self.runs)
        near = sum(run.place is Place.NEAR for run in self.runs)
        compared = [verdict for verdict in self.verdicts if not verdict.differing]
        same = sum(verdict.yours == verdict.reference for verdict in compared)
        left = count - inside - near
        parts = [
            f"{inside} within its range",
            *([f"{near} outside but within seed variation"] if near else []),
            *([f"{left} beyond seed variation or not testable"] if left else []),
        ]
        text = f"Runs with its settings: {count} ({', '.join(parts)})."
        said = f" Equal verdicts: {same} of {len(compared)}."
        return f"{text}{said if compared else ''}"


def compare_with_references(
    spec: ReportSpec, results: ResultsFolder, folder: Path
) -> list[ReferenceComparison]:
    """Return the comparison with every reference that has a run of yours.

    Args:
        spec: the spec of your report.
        results: your results.
        folder: the folder with the references.

    Raises:
        UserError: if a file of a reference or of your results cannot be read.
    """
    runs = [RunResults(row, results) for row in spec.runs]
    names = {run.name for run in runs}
    references = [found for found in read(folder) if found.run_names() & names]
    if not references:
        return []
    own = verdicts(spec, results)
    return [_compare(reference, runs, own) for reference in references]


def _compare(
    reference: Reference, runs: Sequence[RunResults], own: pd.DataFrame
) -> ReferenceComparison:
    """Compare your runs, and the table of your verdicts, with one reference."""
    compared: list[ComparedRun] = []
    different: list[DifferentRun] = []
    same_settings = False
    for run in runs:
        theirs = reference.settings_of(run)
        if not theirs:
            continue
        if differing := _differing(theirs, settings(run)):
            different.append(DifferentRun(run.title, differing))
        else:
            same_settings = True
            compared += _compared_run(run, reference.held_out_of(run))
    return ReferenceComparison(
        name=reference.name,
        facts=reference.facts,
        runs=compared,
        verdicts=_compared_verdicts(reference.verdicts, own),
        different=different,
        absent=sorted(reference.run_names() - {run.name for run in runs}),
        figures=_figures(reference) if same_settings else [],
    )


def _differing(theirs: dict[str, str], yours: dict[str, str]) -> str:
    """Return the settings that differ, in words; empty if none does."""
    found = changes(theirs, yours)
    named = [
        f"{change.key} {change.first} there, {change.second} here"
        for change in found[:MAX_NAMED_SETTINGS]
    ]
    others = len(found) - MAX_NAMED_SETTINGS
    return "; ".join([*named, *([f"{others} more"] if others > 0 else [])])


def _compared_run(run: RunResults, theirs: dict[str, Seeds]) -> list[ComparedRun]:
    """Return the comparison of a run by its main term; empty if none is in both."""
    yours = held_out(run)
    term = next((term for term in MAIN_TERMS if term in yours and term in theirs), None)
    if term is None:
        return []
    where = place(yours[term], theirs[term])
    texts = _text(yours[term]), _text(theirs[term])
    return [ComparedRun(run.title, term, *texts, where)]


def place(yours: Seeds, reference: Seeds) -> Place:
    """Return where the mean of your seeds lies.

    The mean of a few seeds often lies outside the range of a few others; whether it is
    too far away is decided by `vlae.statistics.seed_spread.difference`.
    """
    if reference.holds(yours.mean, ROUNDING):
        return Place.INSIDE
    answers = {None: Place.UNKNOWN, True: Place.FAR, False: Place.NEAR}
    return answers[apart(difference(reference, yours))]


def _compared_verdicts(
    theirs: pd.DataFrame, own: pd.DataFrame
) -> list[ComparedVerdict]:
    """Return your verdicts that the reference has as well."""
    keys = ["id", "part", "dataset", "run"]
    both = own.merge(theirs, on=keys, suffixes=("", "_theirs"))
    return [_compared_verdict(row) for row in both.to_dict("records")]


def _compared_verdict(row: dict[str, Any]) -> ComparedVerdict:
    """Return one row of your verdicts joined with the reference's, `..._theirs`."""
    parts = ("criterion", "experiments", "runs")
    differing = [part for part in parts if row[part] != row[f"{part}_theirs"]]
    low, high = row["low_theirs"], row["high_theirs"]
    return ComparedVerdict(
        claim=row["id"],
        part=row["part"],
        run=row["label"],
        yours=row["verdict"],
        reference=row["verdict_theirs"],
        passed=(row["passed"], row["passed_theirs"]),
        number="" if pd.isna(row["number"]) else digits(row["number"]),
        interval="" if pd.isna(low) else f"{digits(low)} to {digits(high)}",
        place=_place_in_interval(row),
        differing=", ".join(differing),
    )


def _place_in_interval(row: dict[str, Any]) -> Place:
    low, high = row["low_theirs"], row["high_theirs"]
    if pd.isna(row["number"]) or pd.isna(low):
        return Place.NONE
    span = Seeds(1, row["number_theirs"], float("nan"), low, high)
    return Place.INSIDE if span.holds(row["number"], ROUNDING) else Place.OUTSIDE


def _figures(reference: Reference) -> list[ReferenceFigure]:
    return [
        ReferenceFigure(
            name=name,
            numbers=table,
            image=_picture(reference, name),
        )
        for name, table in reference.figures.items()
    ]


def _picture(reference: Reference, name: str) -> str:
    content = reference.pictures.get(name)
    if content is None:
        return ""
    return images.preview(content, f"reference/{reference.name}/figures/{name}.png")


def _text(seeds: Seeds) -> str:
    """Return the mean and, for several seeds, the range: '50.00 (49.50–50.50)'."""
    text = digits(seeds.mean)
    if seeds.count > 1:
        text += f" ({interval(digits(seeds.low), digits(seeds.high))})"
    return text
