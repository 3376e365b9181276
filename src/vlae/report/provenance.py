"""What made a results folder: code, criteria, libraries and machines."""

import importlib.metadata
import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from vlae.system.code_hash import training_code
from vlae.system.files import read_json

Map = dict[str, Any]

FILE = "config/claims.yaml"


@dataclass(frozen=True)
class Criteria:
    """Where the criteria come from, in words, and which are not the committed ones."""

    source: str
    changed: list[str]
    """Claims whose module or criterion is not that of the last commit."""


def criteria(claims: list[Map]) -> Criteria:
    """Of which commit the criteria of claim specs are, by the git of this folder."""
    history = git("log", "--format=%h of %cs", "--", FILE).splitlines()
    if not history:
        return Criteria("in no commit that git knows of here", [])
    times = "" if len(history) == 1 else f", change {len(history) - 1} of the file"
    source = f"of commit {history[0]}{times}"
    if git("status", "--porcelain", "--", FILE):
        source += "; the file has uncommitted changes"
    committed = yaml.safe_load(git("show", f"HEAD:./{FILE}")) or {}
    known = committed.get("claims", {})
    changed = [c["id"] for c in claims if _deciding(c) != _deciding(known.get(c["id"]))]
    return Criteria(source, changed)


def _deciding(claim: Map | None) -> tuple[Any, Any] | None:
    return None if claim is None else (claim["kind"], claim["criterion"])


MADE_OF = ("src", "workflow", "report", "config", "Snakefile", "requirements.lock")
"""What results follow from, beside the overlays, whose settings the page shows."""
LIBRARIES = ("torch", "torchvision", "snakemake", "numpy", "pandas", "matplotlib")


def provenance(runs: list[Map], results: Path) -> Map:
    """What wrote this page, on what, and when.

    Snakemake reruns whatever other code made, as far as it has a record of that. So
    this is the commit of the results too, but for the trainings in `other_code`.

    Args:
        runs: of a report spec.
    """
    changed = git("status", "--porcelain", "--", *MADE_OF)
    commit = git("rev-parse", "HEAD") or "unknown (no git, or no git checkout)"
    return {
        "commit": commit + (" with uncommitted changes" if changed else ""),
        "other_code": other_code(runs, results),
        "python": platform.python_version(),
        "libraries": {n: importlib.metadata.version(n) for n in LIBRARIES},
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
    }


def git(*words: str) -> str:
    """What `git WORDS` prints; empty where there is no git, or it fails."""
    try:
        found = subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()


def other_code(rows: list[Map], results: Path) -> list[str]:
    """Runs that other code trained than this, as 'mnist/vlae, seeds 1, 2'.

    Args:
        rows: of a report spec, its `runs`.
    """
    found = []
    for row in rows:
        folder = results / "runs" / row["dataset"] / row["run"]
        seeds = [str(s) for s in row["seeds"] if not _ours(folder / str(s))]
        if seeds:
            word = "seed" if len(seeds) == 1 else "seeds"
            found.append(f"{row['dataset']}/{row['run']}, {word} {', '.join(seeds)}")
    return found


def _ours(folder: Path) -> bool:
    model = read_json(folder / "spec.json", "run spec")["network"]["model"]
    facts = read_json(folder / "training.json", "training facts")
    return facts["code"] == training_code(model)
