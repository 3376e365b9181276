"""The work that a finished pipeline did, and how fast any schedule could have done it.

Snakemake ran with PYTHONPROFILEIMPORTTIME=1, so that each job's log says how long
Python spent on each import.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

IMPORT = re.compile(r"^import time: +(\d+) \|", re.MULTILINE)
"""Microseconds that a module took, without those that it imported in turn."""


@dataclass(frozen=True)
class Job:
    """A job that ran.

    Args:
        seconds: of its command, from start to end.
        importing: seconds of these that Python spent on importing.
        inputs: paths of the files that it read.
        outputs: and of those that it wrote.
    """

    seconds: float
    importing: float
    inputs: frozenset[str]
    outputs: frozenset[str]

    @property
    def work(self) -> float:
        return max(self.seconds - self.importing, 0.0)


def jobs(summary: str, folder: Path) -> list[Job]:
    """The jobs of a finished pipeline.

    Args:
        summary: what `snakemake --detailed-summary` printed: a line a file.
        folder: where it ran. A rule without `benchmark:` writes a spec: no work.
    """
    lines = csv.DictReader(summary.splitlines(), delimiter="\t")
    outputs: dict[str, set[str]] = {}
    inputs: dict[str, str] = {}
    for line in lines:
        log = line["log-file(s)"]
        outputs.setdefault(log, set()).add(line["output_file"])
        inputs[log] = line["input-file(s)"]
    found = []
    for log, written in outputs.items():
        times = Path(log.replace("/logs/", "/benchmarks/", 1)).with_suffix(".tsv")
        seconds = importing = 0.0
        if (folder / times).exists():
            with (folder / times).open() as file:
                seconds = float(next(csv.DictReader(file, delimiter="\t"))["s"])
            imports = IMPORT.findall((folder / log).read_text())
            importing = sum(map(int, imports)) / 1e6
        read = frozenset(inputs[log].split(","))
        found.append(Job(seconds, importing, read, frozenset(written)))
    return found


def bound(done: list[Job], cores: int) -> tuple[float, str]:
    """Seconds in which no schedule on `cores` does the work of jobs of one thread.

    Returns:
        the larger of the sum of the work over the cores and the longest chain of jobs
        that wait for each other; and which of the two it is.
    """
    writer = {path: job for job in done for path in job.outputs}

    @cache
    def end(job: Job) -> float:
        before = {writer[path] for path in job.inputs if path in writer}
        return job.work + max(map(end, before), default=0.0)

    share = sum(job.work for job in done) / cores
    chain = max(map(end, done), default=0.0)
    return (share, "sum") if share >= chain else (chain, "longest chain")
