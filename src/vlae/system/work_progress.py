"""One line about the work that is left, while Snakemake runs.

Work is what takes time: downloads, preparations, trainings and so on, but not the spec
files that Snakemake also counts. What Snakemake does is heard from the records that it
logs, so nothing here imports it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

KINDS = {
    "download": "downloads",
    "prepare": "preparations",
    "train": "trainings",
    "experiment": "experiments",
    "figure": "figures",
    "sweep": "sweeps",
    "claim": "claims",
    "export": "explorer",
    "explorer": "explorer",
    "report": "report",
}
"""What the rules that do work are counted as, in the order of the line."""
ASSUMED_S = {
    "figures": 10.0,
    "sweeps": 10.0,
    "claims": 5.0,
    "explorer": 10.0,
    "report": 15.0,
}
"""Seconds that a job of these kinds is taken for before one has been measured."""
ALIKE = {
    "train": (("dataset", "run"), ("dataset",), ()),
    "experiment": (
        ("dataset", "run", "experiment"),
        ("dataset", "experiment"),
        ("experiment",),
        (),
    ),
    "download": (("dataset", "file"), ()),
    "prepare": (("dataset",), ()),
    "figure": (("figure",), ()),
    "sweep": (("sweep",), ()),
    "claim": (("claim",), ()),
}
"""Wildcards that two jobs of a rule share if one tells how long the other takes.

Those that tell most come first.
"""
CLOCK_TOLERANCE_S = 2.0
"""Seconds by which the clocks of two machines may differ."""


@dataclass
class Job:
    """A job of work, as Snakemake has planned it."""

    rule: str
    wildcards: Mapping[str, str]
    needed: bool = True
    """Whether this call has to do it."""
    benchmark: Path | None = None
    """File in which Snakemake notes how many seconds it took."""
    log: Path | None = None
    """File that the job writes from its first moment."""
    remote: bool = False
    """Whether another machine does it, where it may have to wait."""
    cost: float = 1.0
    """How long it takes in comparison with other jobs of its rule."""
    started: float | None = field(default=None, init=False)
    seconds: float | None = field(default=None, init=False)
    """Seconds that it took, once it is done."""
    failed: bool = field(default=False, init=False)

    @property
    def kind(self) -> str:
        """What it is counted as."""
        return KINDS[self.rule]


class WorkProgress:
    """Count of the work of one call, and an estimate of the time left.

    A job is taken to last as long as the jobs most like it that are done, in this call
    or, by their benchmarks, in earlier ones. So many jobs as have run at a time on
    average are taken to run at a time from now on.

    Args:
        jobs: the jobs of work by Snakemake's number, those that are done as well.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self, jobs: Mapping[int, Job], clock: Callable[[], float] = time.time
    ) -> None:
        self._now = clock
        self._jobs = {number: job for number, job in jobs.items() if job.needed}
        self._before = Counter(job.kind for job in jobs.values() if not job.needed)
        # Read now, since Snakemake removes the benchmark of a job that it does again.
        self._earlier = _Durations()
        for job in jobs.values():
            seconds = _benchmark(job.benchmark)
            if seconds is not None:
                self._earlier.add(job, seconds)
        self._measured = _Durations()

    def opening(self) -> str:
        """Return what this call has to do; "" if none of it is work."""
        counts = Counter(job.kind for job in self._jobs.values())
        parts = []
        for kind in _ordered(counts):
            before = self._before[kind]
            done = f" ({before} done already)" if before else ""
            parts.append(f"{kind} {counts[kind]}{done}")
        return f"work of this call: {', '.join(parts)}" if parts else ""

    def start(self, number: int) -> None:
        """Note that a job starts, or is submitted, perhaps once more."""
        if job := self._jobs.get(number):
            job.started, job.failed = self._now(), False

    def fail(self, number: int) -> None:
        """Note that a job has failed."""
        if job := self._jobs.get(number):
            job.started, job.failed = None, True

    def finish(self, number: int) -> str:
        """Note that a job is done; return the line to show, or "" if it is not work."""
        job = self._jobs.get(number)
        if job is None:
            return ""
        now = self._now()
        since = now if job.started is None else job.started
        noted = _benchmark(job.benchmark, since)
        job.seconds = now - since if noted is None else noted
        self._measured.add(job, job.seconds)
        return self._line(job.kind, now)

    def _line(self, finished: str, now: float) -> str:
        """Return the line after a job of a kind; it leaves out kinds that are done."""
        totals = Counter(job.kind for job in self._jobs.values())
        done = Counter(j.kind for j in self._jobs.values() if j.seconds is not None)
        parts = [
            f"{kind} {done[kind]} of {totals[kind]}"
            for kind in _ordered(totals)
            if done[kind] < totals[kind] or kind == finished
        ]
        failed = sum(job.failed for job in self._jobs.values())
        parts += [f"{failed} failed"] if failed else []
        return ", ".join(parts) + self._left(now)

    def _left(self, now: float) -> str:
        """Return the end of the line, about the time left; "" if nothing is known."""
        waiting = [j for j in self._jobs.values() if j.seconds is None and not j.failed]
        left: dict[str, list[float]] = {}
        unknown = set()
        for job in waiting:
            seconds = self._expected(job)
            if seconds is None:
                unknown.add(job.kind)
            else:
                rest = max(seconds - _elapsed(job, now), 0.0)
                left.setdefault(job.kind, []).append(rest)
        known = {kind: rests for kind, rests in left.items() if kind not in unknown}
        if unknown:  # what comes after it waits for it
            known = {kind: r for kind, r in known.items() if kind not in ASSUMED_S}
        if not known:
            return ""
        # Kinds wait for each other, so even the longest of each follow one another.
        together = sum(map(sum, known.values())) / self._at_a_time(now)
        seconds = max(together, sum(map(max, known.values())))
        if seconds < 1:
            return ""
        what = f" for {' and '.join(_ordered(known))}" if unknown else ""
        return f" - about {timedelta(seconds=round(seconds))} left{what}"

    def _expected(self, job: Job) -> float | None:
        """Return the seconds that a job is expected to take; None if unknown."""
        for shared in ALIKE.get(job.rule, ((),)):
            for durations in (self._measured, self._earlier):
                seconds = durations.of(job, shared)
                if seconds is not None:
                    return seconds
        return ASSUMED_S.get(job.kind)

    def _at_a_time(self, now: float) -> float:
        """Return how many jobs have been at work at a time so far, on average."""
        started = [j.started for j in self._jobs.values() if j.started is not None]
        passed = now - min(started, default=now)
        work = sum(
            _elapsed(job, now) if job.seconds is None else job.seconds
            for job in self._jobs.values()
            if job.started is not None
        )
        return max(work / passed, 0.1) if passed > 0 else 1.0


class Listener(logging.Handler):
    """Handler of Snakemake's records that shows a line when a job of work is done.

    An error in it is shown once and ends the lines; the jobs go on.

    Args:
        progress: what is counted.
        show: prints a line.
    """

    def __init__(self, progress: WorkProgress, show: Callable[[str], None]) -> None:
        super().__init__()
        self._progress, self._show = progress, show
        self._works = True

    def emit(self, record: logging.LogRecord) -> None:
        """Hear one record; those that are not about jobs are ignored."""
        if not self._works:
            return
        try:
            self._hear(str(getattr(record, "event", "")), record)
        except Exception as error:
            self._works = False
            self._show(without_progress(error))

    def _hear(self, event: str, record: Any) -> None:
        if event == "job_started":
            for number in record.jobs:
                self._progress.start(number)
        elif event == "job_error":
            self._progress.fail(record.jobid)
        elif event == "job_finished":
            line = self._progress.finish(record.job_id)
            if line:
                self._show(f"[{time.strftime('%H:%M:%S')}] {line}")


def without_progress(error: Exception) -> str:
    """Return the message that the work is not counted, and that it goes on."""
    return (
        f"The lines about the work that is left end here ({type(error).__name__}: "
        f"{error}). The jobs go on."
    )


class _Durations:
    """Seconds per cost of jobs that are done, by what they share with others."""

    def __init__(self) -> None:
        self._found: dict[tuple[Any, ...], list[float]] = {}

    def add(self, job: Job, seconds: float) -> None:
        for shared in ALIKE.get(job.rule, ((),)):
            self._found.setdefault(_key(job, shared), []).append(seconds / job.cost)

    def of(self, job: Job, shared: Iterable[str]) -> float | None:
        """Return the mean seconds of jobs that share some wildcards, for its cost."""
        found = self._found.get(_key(job, shared))
        return job.cost * sum(found) / len(found) if found else None


def _key(job: Job, shared: Iterable[str]) -> tuple[Any, ...]:
    return (job.rule, *((name, job.wildcards.get(name)) for name in shared))


def _elapsed(job: Job, now: float) -> float:
    """Return for how many seconds a job has been at work; 0 while it only waits."""
    if job.started is None or job.seconds is not None:
        return 0.0
    if job.remote and job.log is not None and not _written(job.log, job.started):
        return 0.0
    return now - job.started


def _benchmark(path: Path | None, since: float = 0.0) -> float | None:
    """Return the seconds that a benchmark file notes, unless it is older or missing."""
    if path is None or not _written(path, since):
        return None
    try:
        return float(path.read_text(encoding="utf-8").splitlines()[1].split("\t")[0])
    except (OSError, ValueError, IndexError):
        return None


def _written(path: Path, since: float) -> bool:
    """Return whether a file has been written after a time."""
    try:
        return path.stat().st_mtime >= since - CLOCK_TOLERANCE_S
    except OSError:
        return False


def _ordered(kinds: Iterable[str]) -> list[str]:
    """Return kinds in the order of the line."""
    found = set(kinds)
    return [kind for kind in dict.fromkeys(KINDS.values()) if kind in found]
