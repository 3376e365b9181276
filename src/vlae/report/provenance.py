"""What made a results folder: code, criteria, libraries and machines."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec, RunRow
from vlae.config.run_spec import RunFiles, RunSpec
from vlae.config.spec_types import Spec
from vlae.system.checkout import ROOT
from vlae.system.code_hash import training_code
from vlae.system.files import read_json
from vlae.system.git import NoHistory, git, no_history, shallow

CLAIMS_FILE = "config/claims.yaml"
SOURCES = ("src", "workflow", "report", "config", "Snakefile", "requirements.lock")
"""What results depend on besides the overlays, whose settings the page shows."""
LIBRARIES = ("torch", "torchvision", "snakemake", "numpy", "pandas", "matplotlib")


class Provenance(Spec, frozen=True):
    """What wrote the report of a results folder, on which machine, and when."""

    commit: str
    """Hash of the commit, and whether there were uncommitted changes; or 'unknown: '
    and why, with what to do."""
    python: str
    libraries: dict[str, str]
    """Versions of `LIBRARIES`."""
    machine: str
    date: str
    """Day, as in 2026-01-31, UTC."""
    other_code: tuple[str, ...] = ()
    """Runs that another version of the code trained: 'mnist/vlae, seeds 1, 2'."""
    files: dict[str, str] = msgspec.field(default_factory=dict)
    """Hashes of what the report was written from; see `vlae.results.manifest`."""


@dataclass(frozen=True)
class Criteria:
    """Where the criteria of claims come from."""

    source: str
    """The commit of the criteria, in words."""
    changed: list[str]
    """Claims whose kind or criterion is not that of the last commit."""


def provenance(
    rows: Sequence[RunRow], results: ResultsFolder, files: dict[str, str]
) -> Provenance:
    """Return what writes a report now, and what trained its runs.

    Snakemake reruns what another version of the code made, as far as it has a record.
    So the commit is that of the results too, except for the trainings in `other_code`.

    Args:
        rows: the runs of the report.
        results: the results folder.
        files: hashes of what the report is written from.
    """
    return Provenance(
        commit=commit(),
        python=platform.python_version(),
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        date=datetime.now(UTC).date().isoformat(),
        other_code=tuple(other_code(rows, results)),
        files=files,
    )


def commit() -> str:
    """Return the commit of the code, as `Provenance` has it."""
    if why := no_history():
        return f"unknown: {why}"
    changed = git("status", "--porcelain", "--", *SOURCES)
    return git("rev-parse", "HEAD") + (" with uncommitted changes" if changed else "")


def cautions(made_by: Provenance) -> list[str]:
    """Return what a user should know before results are given to others.

    Returns:
        sentences about uncommitted code and about trainings by other code.
    """
    found = []
    if "uncommitted" in made_by.commit:
        found.append("the report was written by code that is not committed")
    if made_by.other_code:
        runs = "; ".join(made_by.other_code)
        found.append(f"trained by another version of the code: {runs}")
    return found


def other_code(rows: Sequence[RunRow], results: ResultsFolder) -> list[str]:
    """Return the runs that another version of the code trained.

    Returns:
        texts such as 'mnist/vlae, seeds 1, 2'.

    Raises:
        UserError: if the spec or the facts of a training cannot be read.
    """
    found = []
    for row in rows:
        seeds = [s for s in row.seeds if not _same_code(results.run_of(row, s))]
        if seeds:
            word = "seed" if len(seeds) == 1 else "seeds"
            numbers = ", ".join(map(str, seeds))
            found.append(f"{row.dataset}/{row.run}, {word} {numbers}")
    return found


def _same_code(files: RunFiles) -> bool:
    model = RunSpec.read(files.spec).model
    facts = read_json(files.facts, "training facts")
    return bool(facts["code"] == training_code(model))


def criteria(claims: Sequence[ClaimSpec], folder: Path = ROOT) -> Criteria:
    """Return the commit of the criteria, as far as the clone knows it.

    This is the last commit that changed the kind or the criterion of one of the claims.
    Commits of the same file that changed only comments or other claims do not count.

    Args:
        claims: the claims whose criteria are compared with the last commit.
        folder: the clone.
    """
    try:
        listed = git("log", "--format=%h %cs", "--", CLAIMS_FILE, folder=folder)
        if not listed:
            why = no_history(folder) or f"no commit has {CLAIMS_FILE}"
            return Criteria(f"of an unknown commit: {why}", [])
        committed = _committed("HEAD", folder)
        source = _source([claim.id for claim in claims], listed.splitlines(), folder)
        if git("status", "--porcelain", "--", CLAIMS_FILE, folder=folder):
            source += "; the file has uncommitted changes"
    except NoHistory as error:
        return Criteria(f"of an unknown commit: {error}", [])
    changed = [
        claim.id
        for claim in claims
        if committed.get(claim.id) != (claim.kind, claim.criterion)
    ]
    return Criteria(source, changed)


def _source(names: Sequence[str], history: list[str], folder: Path) -> str:
    """Return in words the commit since which the criteria of some claims are the same.

    Args:
        names: the claims.
        history: hash and day of each commit that changed the file, the last one first.
        folder: the clone.
    """
    hashes, days = zip(*(line.split() for line in history), strict=True)
    now, same = _committed(hashes[0], folder), 0
    for commit in hashes[1:]:
        try:
            before = _committed(commit, folder)
        except NoHistory:  # A commit without the file, which a later one added again.
            break
        if any(before.get(name) != now.get(name) for name in names):
            break
        same += 1
    source = f"of commit {hashes[same]} of {days[same]}"
    if same == len(history) - 1 and shallow(folder):
        return (
            f"{source} or an earlier one (this clone is shallow; `git fetch "
            "--unshallow` brings the rest of the history)"
        )
    return source


def _committed(commit: str, folder: Path) -> dict[str, tuple[Any, Any]]:
    """Return kind and criterion of each claim, as a commit has them."""
    text = git("show", f"{commit}:./{CLAIMS_FILE}", folder=folder)
    claims = (yaml.safe_load(text) or {}).get("claims", {})
    return {
        name: (claim.get("kind"), claim.get("criterion"))
        for name, claim in claims.items()
    }
