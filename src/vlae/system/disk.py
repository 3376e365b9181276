"""Full disks, reported before writing if the size is known."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vlae.system.errors import UserError

_FULL_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFull(UserError):
    """Raised when the disk is full; trying another source does not help."""


def require(folder: Path, needed: int) -> None:
    """Raise DiskFull unless the disk of `folder` has room for `needed` bytes."""
    if needed > _free(folder):
        raise DiskFull(_message(folder, size(needed), "the disk has too little room"))


@contextmanager
def guarded(folder: Path, needed: str = "more") -> Iterator[None]:
    """Turn the system's errors about a full disk into DiskFull.

    Args:
        folder: where files are written.
        needed: how much is to be written in all, as the message says it.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL_DISK_ERRORS:
            raise
        problem = f"the disk is full ({error.strerror})"
        raise DiskFull(_message(folder, needed, problem)) from None


def size(count: int) -> str:
    """Return a number of bytes with a unit, e.g. '1.4 GB'."""
    for power, unit in ((9, "GB"), (6, "MB"), (3, "kB")):
        if count >= 10**power:
            return f"{count / 10**power:.1f} {unit}"
    return f"{count} bytes"


def _free(folder: Path) -> int:
    there = next(f for f in (folder, *folder.parents) if f.exists())
    return shutil.disk_usage(there).free


def _message(folder: Path, needed: str, problem: str) -> str:
    return (
        f"{folder}: {problem}: needed {needed}, free {size(_free(folder))}. Make room "
        "(or make results/ a link to a larger disk) and run again; it continues "
        "from what is already done where that is possible."
    )
