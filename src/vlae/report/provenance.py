"""What made a results folder: code, criteria, libraries and machines."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import yaml

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec, RunRow
from vlae.config.run_spec import RunFiles, RunSpec
from vlae.config.spec_types import Spec
from vlae.system.code_hash import training_code
from vlae.system.files import read_json

CLAIMS_FILE = "config/claims.yaml"
SOURCES = ("src", "workflow", "report", "config", "Snakefile", "requirements.lock")
"""What results depend on besides the overlays, whose settings the page shows."""
LIBRARIES = ("torch", "torchvision", "snakemake", "numpy", "pandas", "matplotlib")


class Provenance(Spec, frozen=True):
    """What wrote the report of a results folder, on which machine, and when."""

    commit: str
    """Hash of the commit, and whether there were uncommitted changes."""
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
    changed = git("status", "--porcelain", "--", *SOURCES)
    commit = git("rev-parse", "HEAD") or "unknown (no git, or no git checkout)"
    return Provenance(
        commit=commit + (" with uncommitted changes" if changed else ""),
        python=platform.python_version(),
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        date=datetime.now(UTC).date().isoformat(),
        other_code=tuple(other_code(rows, results)),
        files=files,
    )


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


def criteria(claims: Sequence[ClaimSpec]) -> Criteria:
    """Return the commit of the criteria, by the git checkout in the current folder.

    Args:
        claims: the claims whose criteria are compared with the last commit.
    """
    history = git("log", "--format=%h of %cs", "--", CLAIMS_FILE).splitlines()
    if not history:
        return Criteria("in no commit that git knows of here", [])
    times = "" if len(history) == 1 else f", change {len(history) - 1} of the file"
    source = f"of commit {history[0]}{times}"
    if git("status", "--porcelain", "--", CLAIMS_FILE):
        source += "; the file has uncommitted changes"
    committed = yaml.safe_load(git("show", f"HEAD:./{CLAIMS_FILE}")) or {}
    known = committed.get("claims", {})
    return Criteria(source, [c.id for c in claims if not _same(c, known.get(c.id, {}))])


def _same(claim: ClaimSpec, committed: dict[str, Any]) -> bool:
    """Return whether a claim has the kind and the criterion of its committed entry."""
    kind, criterion = committed.get("kind"), committed.get("criterion")
    return (claim.kind, claim.criterion) == (kind, criterion)


def git(*words: str) -> str:
    """Return what `git WORDS` prints; empty where there is no git, or it fails."""
    try:
        found = subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()
