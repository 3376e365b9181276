"""One process at a time, the others wait; the system frees a lock at any death.

While it is held, its file says by whom. What is still said there when the next process
gets the lock was left by one that had no time to remove it: it was killed.
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

_POLL = 0.1  # seconds between two attempts


@dataclass
class Held:
    """How a lock was got.

    Args:
        waited: another process held it before.
        sure: false on a file system without locks, where all processes get it.
        killed: the holder before, where it was killed; else empty.
    """

    waited: bool = False
    sure: bool = True
    killed: str = ""


@contextmanager
def alone(
    lock: Path, name: str, doing: str = "fetches it", patience: float = math.inf
) -> Iterator[Held]:
    """Hold the file `lock`.

    Args:
        name: what is said to wait.
        doing: what the other process does, e.g. 'fetches it'.
        patience: seconds to wait for it.

    Raises:
        UserError: if it is still held then.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    # Not "w": to open it must not wipe out what the holder has written.
    with lock.open("a+") as file:
        held = _taken(file, name, doing, patience)
        if held.sure:
            held.killed = _said(file)
            _say(file, _me())
        try:
            yield held
        finally:
            if held.sure:
                _say(file, "")


def _taken(file: TextIO, name: str, doing: str, patience: float) -> Held:
    held, end = Held(), time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return held
        except BlockingIOError:
            who = f"another process {doing} ({_said(file) or 'unknown'})"
            if time.monotonic() >= end:
                raise UserError(
                    f"{name}: {who} and has not ended in {patience:.0f} s. Wait for "
                    f"it, or stop it. Its lock is {file.name}"
                ) from None
            if not held.waited:
                say(f"[{name}] {who}: waiting until it is done")
            held.waited = True
            time.sleep(_POLL)
        except OSError as error:  # some cluster file systems have none
            say(f"[{name}] no lock on this file system ({error.strerror})")
            return Held(sure=False)


def _me() -> str:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()} since {now}"


def _said(file: TextIO) -> str:
    file.seek(0)
    return file.read(200).strip()


def _say(file: TextIO, words: str) -> None:
    with suppress(OSError):  # a full disk is not this one's to report
        file.truncate(0)
        file.write(words)
        file.flush()
