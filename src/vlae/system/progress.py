"""Progress lines of long steps."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

INTERVAL_S = 5.0
"""Seconds between two lines."""


class Progress:
    """Printer of a line every few seconds, and of a last line in any case.

    The rate, and thus the time left, is that of the whole step so far.

    Args:
        name: name of the step.
        total: number of units in all.
        unit: what is counted, e.g. 'image'.
        start: number of units that an interrupted step had done.
    """

    def __init__(self, name: str, total: int, unit: str, start: int = 0) -> None:
        self.name, self.total, self.unit, self.first = name, total, unit, start
        self.started = self.printed = time.monotonic()

    def due(self, done: int) -> bool:
        """Whether `update` would print a line now."""
        since = time.monotonic() - self.printed
        return done == self.total or since >= INTERVAL_S

    def update(self, done: int, detail: str = "") -> None:
        """Print how many units are done, if it is time for a line.

        Args:
            done: number of units done in all.
            detail: text for the middle of the line.
        """
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
    """Return a duration as minutes and seconds, e.g. '2:05'."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a line at once, without waiting for a buffer to fill.

    If nobody reads the stream any more, the work goes on in silence: the `tee` behind a
    job may be killed a moment before the job.

    Args:
        line: text to print.
        stream: where to print; None for standard output.
    """
    stream = stream or sys.stdout
    try:
        print(line, file=stream, flush=True)
    except OSError:
        # The stream still holds the line, on which Python would fail at its exit.
        with suppress(OSError), Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
