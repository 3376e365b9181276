"""Trainings in a results folder: those that are running and those that have ended."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vlae.config.paths import ResultsFolder
from vlae.config.run_spec import RunFiles
from vlae.results.run_results import read_table
from vlae.system.errors import UserError, closest
from vlae.system.files import read_json
from vlae.system.live_files import FINISHED, TRAINING, LiveFiles

SILENT_AFTER_S = 120.0
"""Seconds without a sign after which a training does not count as running.

A sign comes every five seconds, except during an evaluation.
"""
SILENT = "silent"
"""State of a training that has not said that it ended, but gives no sign."""
COLUMNS = ["step", "split", "term", "value"]


@dataclass(frozen=True)
class Watched:
    """One training, as far as it is."""

    name: str
    """`dataset/run/seed`."""
    step: int
    steps: int
    rate: float | None
    """Steps per second since this attempt began, if they are known."""
    state: str
    """A state of `vlae.system.live_files`, or `SILENT`."""
    seen: float
    """Time of its last sign, in seconds since 1970."""
    folder: Path
    """Where it was found: another folder is another training."""
    history: pd.DataFrame
    """Columns `step`, `split`, `term` and `value`, as in `history.parquet`."""

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last step, if it is running and its rate is known."""
        if self.state != TRAINING or not self.rate:
            return None
        return (self.steps - self.step) / self.rate


@dataclass(frozen=True)
class Trainings:
    """The trainings of a results folder: running ones first, then by name."""

    shown: list[Watched]
    left_out: int
    """Number of earlier ones of the same names, with other settings, data or code."""


def trainings(root: Path, wanted: str, now: float) -> Trainings:
    """Return the trainings of a results folder; of those of one name the latest.

    Args:
        root: the results folder.
        wanted: `dataset/run` or `dataset/run/seed`; "" for all.
        now: the time, in seconds since 1970.

    Raises:
        UserError: if there is no such folder, a finished run cannot be read, or only
            trainings of other names are there.
    """
    if not root.is_dir():
        raise UserError(
            f"{root}: no such folder; expected a results folder, such as the 'results' "
            "in which Snakemake writes."
        )
    folder = ResultsFolder(root)
    live = [*_live(folder.checkpoints, now)]
    found = sorted([*live, *_finished(folder)], key=lambda one: one.seen)
    latest = {one.name: one for one in found}
    chosen = [one for one in latest.values() if _is_wanted(one.name, wanted)]
    if latest and not chosen:
        runs = {name.rpartition("/")[0] for name in latest}
        raise UserError(
            f"--run: {root} has no training of '{wanted}'; "
            + closest(wanted, {*runs, *latest})
        )
    order = (TRAINING, SILENT)
    chosen.sort(key=lambda one: (one.state not in order, _natural(one.name)))
    names = [one.name for one in live if _is_wanted(one.name, wanted)]
    return Trainings(chosen, len(names) - len({*names}))


def _live(checkpoints: Path, now: float) -> Iterator[Watched]:
    """Yield what each checkpoint folder says of its training."""
    for folder in checkpoints.glob("*/"):
        files = LiveFiles(folder)
        progress = files.read_progress()
        seen = files.seen()
        if progress is None or seen is None:
            continue
        state = progress["state"]
        if state == TRAINING and now - seen > SILENT_AFTER_S:
            state = SILENT
        rows = files.read_history()
        yield Watched(
            progress["name"],
            max([progress["step"], *(row["step"] for row in rows)]),
            progress["steps"],
            progress.get("rate"),
            state,
            seen,
            folder,
            pd.DataFrame(rows, columns=COLUMNS),
        )


def _finished(results: ResultsFolder) -> Iterator[Watched]:
    """Yield the finished runs, which need not have a checkpoint folder any more."""
    pattern = results.run("*", "*", "*").facts.relative_to(results.root)
    for path in results.root.glob(str(pattern)):
        files = RunFiles(path.parent)
        if not files.history.is_file():
            continue
        facts = read_json(files.facts, "training facts")
        steps, seconds = facts["steps"], facts["seconds"]
        yield Watched(
            "/".join(path.parts[-4:-1]),
            steps,
            steps,
            steps / seconds if seconds else None,
            FINISHED,
            path.stat().st_mtime,
            files.folder,
            read_table(files.history),
        )


def _is_wanted(name: str, wanted: str) -> bool:
    return not wanted or f"{name}/".startswith(f"{wanted.rstrip('/')}/")


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts seed 2 before seed 10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
