"""One process at a time, the others wait; the system frees a lock at any death."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vlae.progress import say


@contextmanager
def alone(lock: Path, name: str) -> Iterator[bool]:
    """Hold the file `lock`; yield whether another process held it before.

    Args:
        name: what is said to wait.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            waited = False
        except BlockingIOError:
            say(f"[{name}] another process fetches it: waiting until it is done")
            fcntl.flock(file, fcntl.LOCK_EX)
            waited = True
        except OSError as error:  # some cluster file systems have none
            say(f"[{name}] no lock on this file system ({error.strerror})")
            waited = False
        yield waited
