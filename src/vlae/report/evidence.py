"""How sure figures and claims are, and from which files they come."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlae.claims.verdicts import Verdict, verb
from vlae.config.experiment_tables import makers
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec, RunRow
from vlae.results.text import seed_names
from vlae.statistics.thresholds import Outcome
from vlae.system import registry

DECIDES_NOTHING = (Verdict.NOT_MEASURED, Verdict.SHOWN)
"""Verdicts from which nothing is concluded."""


@dataclass(frozen=True)
class ShownVerdict:
    """The verdict on one part of a claim for one run, as text."""

    part: str
    label: str
    """Title of the run; without the data set if all of the report are on the same."""
    verdict: str
    """One of `Verdict`."""
    reason: str = ""
    passed: str = ""
    """How many seeds passed: '7 of 8'; empty if there is no test."""
    outcomes: tuple[str, ...] = ()
    """What came out in each seed, one of `vlae.statistics.thresholds.Outcome`."""
    controls: str = ""
    """How many seeds of each control passed: 'VLAE 1 of 8'; empty without controls."""
    number: str = ""
    """Number behind it, see `vlae.report.claims_section`; empty if there is none."""
    seeds: str = ""

    @property
    def css_class(self) -> str:
        """Class of the verdict in the style sheet."""
        return css_class(self.verdict)

    @property
    def counted_outcomes(self) -> str:
        """Outcomes in words: 'passes' of one seed, '2 pass, 1 open' of three."""
        counts = Counter(self.outcomes)
        if len(self.outcomes) == 1:
            return self.outcomes[0]
        return ", ".join(
            f"{counts[kind]} {verb(kind, counts[kind])}"
            for kind in Outcome
            if counts[kind]
        )


def css_class(verdict: str) -> str:
    """Return the class of a verdict in the style sheet."""
    return verdict.replace(" ", "-")


def sureness(
    rows: Sequence[RunRow],
    verdicts: Sequence[ShownVerdict],
    development_seeds: Iterable[int],
) -> list[str]:
    """Return sentences that say how sure a figure or claim is.

    Args:
        rows: its runs.
        verdicts: those of the claim, or of the claims about the figure.
        development_seeds: seeds that were used during development.
    """
    seeds = list(dict.fromkeys(seed for row in rows for seed in row.seeds))
    data = " and ".join(dict.fromkeys(row.dataset_title for row in rows))
    found = _about_seeds(seeds, data)
    used = [seed for seed in seeds if seed in set(development_seeds)]
    if used:
        found.append(
            "Seeds that were used during development do not count towards a verdict: "
            f"{', '.join(map(str, used))}."
        )
    if not verdicts:
        found.append("No criterion was set; what is shown is descriptive only.")
    return found


def _about_seeds(seeds: Sequence[int], data: str) -> list[str]:
    if len(seeds) > 1:
        return [
            f"{len(seeds)} seeds ({seed_names(seeds)}), on {data} only; numbers are "
            "means over them, with the range in brackets."
        ]
    if seeds:
        return [
            f"There is only one seed (number {seeds[0]}), on {data}, so it is not "
            "known how much another training would differ."
        ]
    return []


def figure_files(name: str, rows: Sequence[RunRow]) -> list[str]:
    """Return the files that a figure comes from.

    Paths are below the project folder; a shell expands the braces in them.
    """
    needed = registry.constant("figures", name, "TABLES")
    files = ResultsFolder().figure(name)
    return [
        joined(files.svg, files.png, files.spec),
        *_experiments(needed, rows, arrays=True),
        *_histories(rows),
        f"src/vlae/figures/{name}.py",
        *(f"src/vlae/experiments/{experiment}.py" for experiment in makers(needed)),
    ]


def claim_files(spec: ClaimSpec) -> list[str]:
    """Return the files that the verdicts on a claim come from, as `figure_files`."""
    needed = registry.constant("claims", spec.kind, "TABLES")
    files = ResultsFolder().claim(spec.id)
    return [
        joined(files.spec, files.findings, files.verdicts),
        *_experiments(needed, [*spec.runs, *spec.controls], arrays=False),
        f"src/vlae/claims/{spec.kind}.py",
        "config/claims.yaml",
    ]


def _experiments(
    needed: Sequence[str], rows: Sequence[RunRow], *, arrays: bool
) -> list[str]:
    """Return one pattern per run for tables, and perhaps one for their arrays."""
    if not needed:
        return []
    found, results = [], ResultsFolder()
    for row in rows:
        place = (row.dataset, row.run, _braces(row.seeds))
        found.append(str(results.table(_braces(needed), *place)))
        if arrays:
            found.append(
                str(results.experiment(_braces(makers(needed)), *place).arrays)
            )
    return found


def _histories(rows: Sequence[RunRow]) -> list[str]:
    """Return one pattern per run for the histories of its trainings."""
    return [
        str(ResultsFolder().run(row.dataset, row.run, _braces(row.seeds)).history)
        for row in rows
    ]


def joined(*paths: Path) -> str:
    """Return paths that differ only in their endings as one: 'a/b.{svg,png}'."""
    stem = paths[0].name.partition(".")[0]
    endings = _braces([path.name.removeprefix(f"{stem}.") for path in paths])
    return f"{paths[0].parent}/{stem}.{endings}"


def _braces(words: Iterable[object]) -> str:
    """Return 'a' for one word and '{a,b}' for several."""
    found = [str(word) for word in words]
    return found[0] if len(found) == 1 else f"{{{','.join(found)}}}"
