"""Who holds Snakemake's lock on a folder: a process that lives, or one that is gone.

Snakemake's lock files list inputs and outputs and name no process, so the workflow
leaves a note of its own beside them when it starts. A process is also found by what
the system knows: its command and its working folder. Only processes of this machine
can be seen; the note of another one is believed.
"""

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOTE = "vlae-owner.json"
LOCKS = "locks"
_SECONDS = 2.0  # two clocks of one start may differ by that


@dataclass(frozen=True)
class Lock:
    """A lock of Snakemake on a folder.

    Args:
        since: local time, in words.
        owners: live processes that may write there, in words.
        elsewhere: the owner on another machine, which cannot be seen; else empty.
    """

    since: str
    owners: tuple[str, ...]
    elsewhere: str

    @property
    def stale(self) -> bool:
        """Whether its owner is known to be gone, as far as this machine can see."""
        return not self.owners and not self.elsewhere


def note(state: Path) -> None:
    """Say in Snakemake's folder `state` that this process holds its lock."""
    import psutil

    me = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
    }
    (state / NOTE).write_text(json.dumps(me))


def found(folder: Path) -> Lock | None:
    """The lock on `folder`, or None where there is none."""
    state = folder / ".snakemake"
    times = [path.stat().st_mtime for path in (state / LOCKS).glob("*.lock")]
    if not times:
        return None
    said = _note(state, min(times))
    host = said.get("host")
    there = isinstance(host, str) and host != socket.gethostname()
    return Lock(
        since=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(min(times))),
        owners=tuple(dict.fromkeys([*_noted(said), *_at_work(folder)])),
        elsewhere=f"process {said.get('pid')} on {host}" if there else "",
    )


def clear(folder: Path) -> None:
    """Remove the lock on `folder`, as `snakemake --unlock` does."""
    shutil.rmtree(folder / ".snakemake" / LOCKS, ignore_errors=True)


def _note(state: Path, locked: float) -> dict[str, Any]:
    """The note, where it is of who made the lock, at `locked`, and no earlier one's."""
    path = state / NOTE
    try:
        content = json.loads(path.read_text())
        newer = path.stat().st_mtime >= locked - _SECONDS
    except (OSError, ValueError):
        return {}
    return content if newer and isinstance(content, dict) else {}


def _noted(said: dict[str, Any]) -> Iterator[str]:
    import psutil

    if said.get("host") != socket.gethostname():
        return
    try:
        process = psutil.Process(said["pid"])
        if abs(process.create_time() - said["started"]) < _SECONDS:
            yield _words(process)
    except (psutil.Error, KeyError, TypeError, ValueError):
        return


def _at_work(folder: Path) -> Iterator[str]:
    """Every Snakemake, and every job that one left behind, in `folder`."""
    import psutil

    ours = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    for process in psutil.process_iter():
        try:
            here = process.pid not in ours and Path(process.cwd()) == folder.resolve()
            if here and _kind(process.cmdline()):
                yield _words(process)
        except (psutil.Error, OSError):  # it ended, or is somebody else's
            continue


def _kind(command: list[str]) -> str:
    """`snakemake`, a command of this package as `vlae train`, or empty."""
    if any(Path(word).name == "snakemake" for word in command[:2]):
        return "snakemake"  # itself, or Python that was given its path
    called = command[command.index("-m") + 1 :][:2] if "-m" in command else []
    if called[:1] == ["vlae"]:
        return " ".join(called)
    return "snakemake" if called[:1] == ["snakemake"] else ""


def _words(process: Any) -> str:
    return f"process {process.pid} ({_kind(process.cmdline())})"


STATE = Path(".snakemake")
RECORDS = ("metadata/*", "metadata.db")
"""Of `STATE`: what Snakemake has recorded, a file each or (if asked) in a database."""


def unrecorded(folder: Path) -> str:
    """What to say of finished trainings in `folder` without any record; maybe nothing.

    Args:
        folder: that of `results`, where Snakemake runs.
    """
    trained = len(list((folder / "results" / "runs").glob("*/*/*/training.json")))
    recorded = any(any((folder / STATE).glob(what)) for what in RECORDS)
    if recorded or not trained:
        return ""
    return (
        f"results/runs holds {trained} finished trainings, but {STATE}/ no record of "
        "what made them, as when results/ was copied without it. They are taken as "
        "they are: what configuration or code changed since is not seen. Copy "
        f"{STATE}/ too; or delete results/ (or add --forceall) to make all anew; or, "
        "if nothing changed, add --touch --forceall once, which records them."
    )
