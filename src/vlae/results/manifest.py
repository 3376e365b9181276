"""Hashes of the files that a report was written from.

They show whether a results folder is still the one of its report: a run of the pipeline
that was cut off leaves new numbers beside a report of the old ones.
"""

from collections.abc import Iterator
from pathlib import Path

from vlae.config.experiment_tables import tables
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.results.text import first_of
from vlae.system.errors import UserError
from vlae.system.files import read_json, sha256

HASH_LENGTH = 16
"""Hexadecimal digits of a sha256 that are kept."""
MAX_NAMED_FILES = 2
"""A message names this many files and counts the others."""


def stamp(spec: ReportSpec, results: ResultsFolder) -> dict[str, str]:
    """Return the hashes of the specs and tables that a report is written from.

    Files that an earlier configuration left in the folder are not among them.

    Returns:
        the first `HASH_LENGTH` digits of the sha256, by path below the folder, sorted.
    """
    files = sorted(path for path in _sources(spec, results) if path.is_file())
    return {str(path.relative_to(results.root)): _hash(path) for path in files}


def changed(results: ResultsFolder) -> list[str]:
    """Return the files that were changed or deleted since the report was written.

    Paths are below the folder. Without a record of the report there are none.
    """
    path = results.provenance
    files = read_json(path, "provenance").get("files", {}) if path.is_file() else {}
    return [
        name
        for name, expected in files.items()
        if not (results.root / name).is_file() or _hash(results.root / name) != expected
    ]


def demand(results: ResultsFolder) -> None:
    """Raise `UserError` if the results changed since their report was written."""
    names = changed(results)
    if names:
        raise UserError(
            f"{results.root}: changed since report.html was written from it "
            f"({first_of(names, MAX_NAMED_FILES)}), as when a run was cut off. "
            "Run the same snakemake command again until it is finished, then repeat "
            "this command."
        )


def _sources(spec: ReportSpec, results: ResultsFolder) -> Iterator[Path]:
    """Yield the paths of everything that a report reads, whether it exists or not."""
    yield results.report_spec
    if spec.claims:
        yield results.verdicts
    for claim in spec.claims:
        of_claim = results.claim(claim.id)
        yield from (of_claim.spec, of_claim.findings, of_claim.verdicts)
    for sweep in spec.sweeps:
        of_sweep = results.sweep(sweep.name)
        yield from (of_sweep.spec, of_sweep.table)
    for row in spec.runs:
        for seed in row.seeds:
            run = results.run_of(row, seed)
            yield from (run.spec, run.facts, run.history)
            for experiment in spec.experiments:
                for name in tables(experiment):
                    yield results.table(name, row.dataset, row.run, seed)


def _hash(path: Path) -> str:
    return sha256(path)[:HASH_LENGTH]
