"""Locks: one process works and the others wait.

The system frees a lock however its holder ends. While a lock is held, its file names
the holder, who clears the file at the end. If the next holder still finds a name there,
the process of that name was killed.
"""

import fcntl
import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from vlae.system.errors import UserError
from vlae.system.progress import say

_POLL_S = 0.1


@dataclass
class Held:
    """A lock that this process holds.

    Args:
        waited: whether another process held it first.
        sure: false on a file system without locks, where all processes get the lock.
        killed: description of the previous holder if it was killed, else empty.
    """

    waited: bool = False
    sure: bool = True
    killed: str = ""


@contextmanager
def alone(
    lock: Path, name: str, doing: str = "fetches it", timeout: float = math.inf
) -> Iterator[Held]:
    """Hold the lock on a file; wait while another process holds it.

    Args:
        lock: the file; it is created if it does not exist.
        name: name of the work in log lines.
        doing: what the other process does with `name`, e.g. 'fetches it'.
        timeout: seconds to wait.

    Raises:
        UserError: if another process still holds the lock after that time.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    # With "w" the name of the holder would be lost.
    with lock.open("a+", encoding="utf-8") as file:
        held = _taken(file, name, doing, timeout)
        if held.sure:
            held.killed = _holder(file)
            _write_holder(file, _this_process())
        try:
            yield held
        finally:
            if held.sure:
                _write_holder(file, "")


def _taken(file: TextIO, name: str, doing: str, timeout: float) -> Held:
    held, end = Held(), time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return held
        except BlockingIOError:
            who = f"another process {doing} ({_holder(file) or 'unknown'})"
            if time.monotonic() >= end:
                raise UserError(
                    f"{name}: {who} and has not ended in {timeout:.0f} s. Wait for "
                    f"it, or stop it. Its lock is {file.name}"
                ) from None
            if not held.waited:
                say(f"[{name}] {who}: waiting until it is done")
            held.waited = True
            time.sleep(_POLL_S)
        except OSError as error:  # some cluster file systems do not have locks
            say(f"[{name}] no lock on this file system ({error.strerror})")
            return Held(sure=False)


def _this_process() -> str:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()} since {now}"


def _holder(file: TextIO) -> str:
    file.seek(0)
    return file.read(200).strip()


def _write_holder(file: TextIO, holder: str) -> None:
    with suppress(OSError):  # The work itself will report a full disk.
        file.truncate(0)
        file.write(holder)
        file.flush()
