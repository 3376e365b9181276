"""Lines that say how far a long step is."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

SECONDS_BETWEEN = 5.0


class Progress:
    """Prints a line every few seconds, and the last one always.

    The rate, and so the time left, is that of the whole step so far.

    Args:
        start: how much was done before, by an interrupted step.
    """

    def __init__(self, name: str, total: int, unit: str, start: int = 0) -> None:
        self.name, self.total, self.unit, self.first = name, total, unit, start
        self.started = self.printed = time.monotonic()

    def due(self, done: int) -> bool:
        """Whether `update` would print now; asking costs nothing."""
        since = time.monotonic() - self.printed
        return done == self.total or since >= SECONDS_BETWEEN

    def update(self, done: int, detail: str = "") -> None:
        """Report that `done` of the total are done."""
        if not self.due(done):
            return
        self.printed = time.monotonic()
        rate = (done - self.first) / max(self.printed - self.started, 1e-9)
        left = (
            f", {clock((self.total - done) / rate)} left"
            if rate and done < self.total
            else ""
        )
        percent = 100 * done // max(self.total, 1)
        say(
            f"[{self.name}] {self.unit} {done}/{self.total} ({percent} %)"
            f"{', ' + detail if detail else ''}, {rate:.0f}/s{left}"
        )


def clock(seconds: float) -> str:
    """Minutes and seconds, e.g. 2:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def say(line: str, stream: TextIO | None = None) -> None:
    """Print at once, so that logs and terminals show it while it is true.

    Where nobody reads any more, work goes on in silence: the `tee` behind a job may
    be killed a moment before the job is.

    Args:
        stream: standard output unless given.
    """
    stream = stream or sys.stdout
    try:
        print(line, file=stream, flush=True)
    except OSError:
        # Also what the stream still holds: Python would fail on it at its exit.
        with suppress(OSError), Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
