"""Run Snakemake on a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import rulegraph

from vlae.system.checkout import ROOT

TINY = "tests/workflow/config/tiny.yaml"
# The default profile hides what `jobs` reads.
OPTIONS = ("--quiet", "host", "--cores", "2")
VARYING = ("training.json", "sources.json", "report.html", "report.provenance.json")


def snakemake(folder, *words, config=TINY, check=0, variables=None):
    """Call Snakemake in `folder` and return everything that it printed."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    for name in ("PYTHONPATH", "VLAE_MIRROR", "SNAKEMAKE_PROFILE"):
        environment.pop(name, None)
    environment |= variables or {}
    overlays = ["--configfile", config] if isinstance(config, str) else config
    finished = subprocess.run(
        [sys.executable, "-m", "snakemake", *OPTIONS, *overlays, *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert finished.returncode == check, finished.stdout[-5000:]
    return finished.stdout


def jobs(printed):
    """Return the jobs that Snakemake lists, as 'rule wildcard/wildcard', but `all`.

    The name of an experiment, which is in that of its rule, is given as a wildcard.
    """
    found = set()
    for rule, block in re.findall(
        r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", printed, re.MULTILINE
    ):
        values = re.search(r"^    wildcards: (.*)$", block, re.MULTILINE)
        words = [pair.split("=")[1] for pair in values[1].split(", ")] if values else []
        name, _, experiment = rule.partition("_")
        if name == "experiment" and rule != "experiment_spec":
            rule, words = name, [*words, experiment]
        found.add(" ".join([rule, "/".join(words)]).strip())
    return found - {"all"}


def planned(folder, *words, config=TINY):
    return jobs(snakemake(folder, "-n", *words, config=config))


def results(folder):
    """Return size and time of every result."""
    files = [p for p in (folder / "results").rglob("*") if p.is_file()]
    stats = {p.relative_to(folder): p.stat() for p in files}
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def hide_undeclared_files(folder):
    """Give each job a folder with links to its declared inputs, and nothing else.

    Snakemake moves declared outputs from there, and removes everything else. Specs, of
    which there are many, are written from nothing.
    """
    for path in (folder / "workflow" / "rules").glob("*.smk"):
        if path.name != rulegraph.SPECS_FILE:
            hidden = r'\1shadow: "minimal"\n\1'
            text = re.sub(r"^( +)(?=conda:$)", hidden, path.read_text(), flags=re.M)
            path.write_text(text)


def contents(results):
    """Return what must be the same whenever a pipeline runs again, by path.

    Logs, benchmarks and checkpoints are left out. A few files say how long something
    took, when, where or by which command, and are only listed.
    """
    found = {}
    for path in sorted(p for p in results.rglob("*") if p.is_file()):
        name = path.relative_to(results)
        if name.parts[0] in ("logs", "benchmarks", "checkpoints"):
            continue
        if ".partial" not in name.parts:
            found[str(name)] = None if path.name in VARYING else path.read_bytes()
    return found


def edit(folder, name, addition):
    path = folder / "src" / "vlae" / name
    path.write_text(path.read_text() + addition)


def copied_tree(folder):
    """Copy to `folder` what a commit of the working tree would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder
