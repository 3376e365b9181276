"""Yours against the reference: what the report says of a reproduction."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.figures.plotting import Row
from vlae.report.reference import Reference, held_out, read, settings, verdicts
from vlae.results.settings_diff import changes
from vlae.results.text import digits
from vlae.statistics.seed_spread import Seeds, apart, difference

SLACK = 1e-5
"""Relative: a reference has six digits."""
BOUNDS = ("elbo", "accuracy")
"""The held-out term that a run is told by: the first that it has."""
NAMED = 3
"""Differing settings of a run that are named; the others are counted."""
Map = dict[str, Any]


class Place(StrEnum):
    """Where your number lies."""

    INSIDE = "in the range"
    NEAR = "outside, as seeds may"
    FAR = "outside, more than seeds do"
    OUTSIDE = "outside"
    UNKNOWN = "outside; one seed each, so it cannot be told"
    NONE = "no number"


@dataclass(frozen=True)
class Held:
    """A held-out number of one run, yours and the reference's, as text."""

    run: str
    term: str
    yours: str
    reference: str
    place: Place


@dataclass(frozen=True)
class ComparedVerdict:
    """A verdict, yours and the reference's, and their numbers; or why not compared."""

    claim: str
    part: str
    run: str
    yours: str
    reference: str
    number: str
    interval: str
    place: Place
    other: str = ""
    """What its test depends on that is not the reference's; nothing if compared."""


@dataclass(frozen=True)
class Against:
    """One reference and all that can be said of your runs by it."""

    name: str
    facts: Map
    held: list[Held]
    verdicts: list[ComparedVerdict]
    others: list[tuple[str, str]]
    """Runs with other settings, each with what differs."""
    absent: list[str]
    """Runs that it has and you have not."""
    figures: list[Map]

    def summary(self) -> str:
        """How it went, in a sentence."""
        if not self.held:
            return "None of your runs has its settings, so nothing is compared."
        count = len(self.held)
        inside = sum(held.place is Place.INSIDE for held in self.held)
        near = sum(held.place is Place.NEAR for held in self.held)
        compared = [judged for judged in self.verdicts if not judged.other]
        same = sum(judged.yours == judged.reference for judged in compared)
        text = f"Of {count} runs with its settings, {inside} lie in its range"
        text += f" and {near} outside as seeds may" if near else ""
        left = count - inside - near
        text += f"; {left} do not, or cannot be told" if left else ""
        verdicts = f" {same} of {len(compared)} verdicts are the same."
        return f"{text}.{verdicts if compared else ''}"


def against(spec: Map, results: Path, folder: Path) -> list[Against]:
    """Every reference in `folder` that has a run of yours.

    Args:
        spec: of the report, see `Configuration.report_spec`.
        results: your results folder.

    Raises:
        UserError: if a file of a reference cannot be read.
    """
    references = read(folder)
    if not references:
        return []
    rows = [Row(RunRow.of(row), ResultsFolder(results)) for row in spec["runs"]]
    mine = {(row.dataset, row.run) for row in rows}
    near = [reference for reference in references if mine & _runs(reference)]
    own = verdicts(spec, results) if near else pd.DataFrame()
    return [_against(reference, rows, own, results) for reference in near]


def _against(
    reference: Reference, rows: list[Row], own: pd.DataFrame, results: Path
) -> Against:
    held: list[Held] = []
    others, same = [], set()
    for row in rows:
        kept = reference.settings_of(row.dataset, row.run)
        if not kept:
            continue
        if different := changes(kept, settings(row, results)):
            said = [f"{c.key} {c.first} there, {c.second} here" for c in different]
            more = len(said) - NAMED
            tail = [f"{more} more"] if more > 0 else []
            others.append((row.title, "; ".join([*said[:NAMED], *tail])))
            continue
        same.add(f"{row.dataset}/{row.run}")
        table = reference.held_out.query("dataset == @row.dataset and run == @row.run")
        held += _held(row, table.set_index("term"))
    mine = {(row.dataset, row.run) for row in rows}
    absent = sorted(f"{d}/{r}" for d, r in _runs(reference) - mine)
    judged = _compared_verdicts(reference.verdicts, own, mine)
    figures = _figures(reference) if same else []
    parts = held, judged, others, absent, figures
    return Against(reference.name, reference.facts, *parts)


def place(yours: Seeds, reference: Seeds) -> Place:
    """Where the mean of your seeds lies by the range of the reference's.

    The mean of a few seeds leaves the range of a few others often enough; whether it
    is too far is told as in `estimators.spread.difference`.
    """
    if reference.holds(yours.mean, SLACK):
        return Place.INSIDE
    answers = {None: Place.UNKNOWN, True: Place.FAR, False: Place.NEAR}
    return answers[apart(difference(reference, yours))]


def _held(row: Row, reference: pd.DataFrame) -> Iterable[Held]:
    yours = held_out(row)
    for term in BOUNDS:
        if term in yours and term in reference.index:
            kept = reference.loc[term, ["count", "mean", "deviation", "low", "high"]]
            count, *ends = kept
            other = Seeds(int(count), *map(float, ends))
            where = place(yours[term], other)
            yield Held(row.title, term, _text(yours[term]), _text(other), where)
            return


def _compared_verdicts(
    kept: pd.DataFrame, own: pd.DataFrame, mine: set[tuple[str, str]]
) -> list[ComparedVerdict]:
    """Verdicts on your runs that the reference has as well."""
    keys = ["id", "part", "dataset", "run"]
    both = own.merge(kept, on=keys, suffixes=("", "_kept"))
    found = []
    for row in both.to_dict("records"):
        other = [
            name
            for name in ("criterion", "experiments", "runs")
            if row[name] != row[f"{name}_kept"]
        ]
        low, high = row["low_kept"], row["high_kept"]
        if pd.isna(row["number"]) or pd.isna(low):
            where = Place.NONE
        else:
            span = Seeds(1, row["number_kept"], float("nan"), low, high)
            inside = span.holds(row["number"], SLACK)
            where = Place.INSIDE if inside else Place.OUTSIDE
        found.append(
            ComparedVerdict(
                *(row["id"], row["part"], row["label"]),
                *(row["verdict"], row["verdict_kept"]),
                "" if pd.isna(row["number"]) else digits(row["number"]),
                "" if pd.isna(low) else f"{digits(low)} to {digits(high)}",
                where,
                ", ".join(other),
            )
        )
    return found


def _figures(reference: Reference) -> list[Map]:
    return [
        {
            "name": name,
            "table": table,
            "image": base64.b64encode(reference.pictures.get(name, b"")).decode(),
        }
        for name, table in reference.figures.items()
    ]


def _runs(reference: Reference) -> set[tuple[str, str]]:
    return set(zip(reference.runs["dataset"], reference.runs["run"], strict=True))


def _text(seeds: Seeds) -> str:
    text = digits(seeds.mean)
    if seeds.count > 1:
        text += f" ({digits(seeds.low)}–{digits(seeds.high)})"
    return text
