"""The state that Snakemake keeps in `.snakemake`: who holds its lock, what it recorded.

Snakemake's lock files list inputs and outputs but do not name a process. So the
workflow writes a note next to them when it starts. Processes are also found by their
command and working folder, and jobs of SLURM by their working folder. Only processes of
this machine can be seen, so a note from another machine is believed.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlae.system.progress import say

STATE = Path(".snakemake")
"""Snakemake's folder, below the folder in which it runs."""
OWNER_FILE = "vlae-owner.json"
LOCK_FOLDER = "locks"
RECORDS = ("metadata/*", "metadata.db")
"""What Snakemake has recorded, below `STATE`: one file per output, or a database."""
_SLURM_TIMEOUT_S = 30
_CLOCK_TOLERANCE_S = 2.0
"""Seconds by which two clocks may differ about the same event."""


@dataclass(frozen=True)
class Lock:
    """A lock of Snakemake on a folder.

    Args:
        since: local time, as text.
        owners: descriptions of live processes, and of the user's jobs in SLURM's queue,
            that may write in the folder.
        elsewhere: description of an owner on another machine, or empty.
    """

    since: str
    owners: tuple[str, ...]
    elsewhere: str

    @property
    def stale(self) -> bool:
        """Whether its owner has ended, as far as this machine can see."""
        return not self.owners and not self.elsewhere


def note(state: Path) -> None:
    """Write into Snakemake's folder `state` that this process holds its lock."""
    import psutil

    owner = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
    }
    (state / OWNER_FILE).write_text(json.dumps(owner), encoding="utf-8")


def found(folder: Path) -> Lock | None:
    """Return the lock on a folder in which Snakemake runs, or None."""
    state = folder / STATE
    times = [path.stat().st_mtime for path in (state / LOCK_FOLDER).glob("*.lock")]
    if not times:
        return None
    owner = _noted_owner(state, min(times))
    host = owner.get("host")
    elsewhere = isinstance(host, str) and host != socket.gethostname()
    return Lock(
        since=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(min(times))),
        owners=tuple(
            dict.fromkeys([*_alive(owner), *_at_work(folder), *_queued(folder)])
        ),
        elsewhere=f"process {owner.get('pid')} on {host}" if elsewhere else "",
    )


def clear(folder: Path) -> None:
    """Remove the lock on `folder`, as `snakemake --unlock` does."""
    shutil.rmtree(folder / STATE / LOCK_FOLDER, ignore_errors=True)


def unrecorded(folder: Path) -> str:
    """Return a warning if there are finished trainings without any record, or "".

    Args:
        folder: where Snakemake runs; `results` is below it.
    """
    trained = len(list((folder / "results" / "runs").glob("*/*/*/training.json")))
    recorded = any(any((folder / STATE).glob(pattern)) for pattern in RECORDS)
    if recorded or not trained:
        return ""
    return (
        f"results/runs holds {trained} finished trainings, but {STATE}/ has no record "
        "of what made them, as if results/ was copied without it. They are used as "
        "they are, and later changes of configuration or code are not noticed.\n"
        f"  To keep the records: copy {STATE}/ too.\n"
        "  To make everything again: delete results/, or add --forceall.\n"
        "  If nothing has changed: add --touch --forceall once, which records them."
    )


def _noted_owner(state: Path, locked: float) -> dict[str, Any]:
    """Return the note about the lock made at time `locked`; empty if it is older."""
    path = state / OWNER_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        newer = path.stat().st_mtime >= locked - _CLOCK_TOLERANCE_S
    except (OSError, ValueError):
        return {}
    return content if newer and isinstance(content, dict) else {}


def _alive(owner: dict[str, Any]) -> Iterator[str]:
    """Yield the description of a noted owner if it lives on this machine."""
    import psutil

    if owner.get("host") != socket.gethostname():
        return
    try:
        process = psutil.Process(owner["pid"])
        if abs(process.create_time() - owner["started"]) < _CLOCK_TOLERANCE_S:
            yield _description(process)
    except (psutil.Error, KeyError, TypeError, ValueError):
        return


def _at_work(folder: Path) -> Iterator[str]:
    """Yield each Snakemake in `folder`, and each job that one has left behind."""
    import psutil

    ours = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    for process in psutil.process_iter():
        try:
            here = process.pid not in ours and Path(process.cwd()) == folder.resolve()
            if here and _kind(process.cmdline()):
                yield _description(process)
        except (psutil.Error, OSError):  # it has ended, or belongs to another user
            continue


def _queued(folder: Path) -> Iterator[str]:
    """Yield each of the user's SLURM jobs that was submitted from `folder`.

    There are none where SLURM is not installed. Where it does not answer, that is said.
    """
    command = ["squeue", "--me", "--noheader", "--format=%A %Z"]
    try:
        queue = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SLURM_TIMEOUT_S,
        )
    except FileNotFoundError:
        return
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"SLURM's queue was not looked at: {error}")
        return
    if queue.returncode:
        say(f"SLURM's queue was not looked at: {queue.stderr.strip()}")
    for line in queue.stdout.splitlines():
        number, _, place = line.partition(" ")
        if place and Path(place) == folder.resolve():
            yield f"job {number} (SLURM)"


def _kind(command: list[str]) -> str:
    """Return `snakemake`, a command of this package such as `vlae train`, or ""."""
    if any(Path(word).name == "snakemake" for word in command[:2]):
        return "snakemake"  # called by its name, or by Python with its path
    called = command[command.index("-m") + 1 :][:2] if "-m" in command else []
    if called[:1] == ["vlae"]:
        return " ".join(called)
    return "snakemake" if called[:1] == ["snakemake"] else ""


def _description(process: Any) -> str:
    return f"process {process.pid} ({_kind(process.cmdline())})"
