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
        unit: what is counted, in the plural, e.g. 'images'.
        start: number of units that an interrupted step had done.
    """

    def __init__(self, name: str, total: int, unit: str, start: int = 0) -> None:
        self.name, self.total, self.unit, self.first = name, total, unit, start
        self.started = self.printed = time.monotonic()

    def due(self, done: int) -> bool:
        """Return whether `update` would print a line now."""
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
        rate = self.rate(done)
        self.printed = time.monotonic()
        left = (
            f", {clock((self.total - done) / rate)} left"
            if rate and done < self.total
            else ""
        )
        percent = 100 * done // max(self.total, 1)
        say(
            f"[{self.name}] {done}/{self.total} {self.unit} ({percent} %)"
            f"{', ' + detail if detail else ''}, {speed(rate, self.unit)}{left}"
        )

    def rate(self, done: int) -> float:
        """Return the units per second of the whole step so far."""
        seconds = time.monotonic() - self.started
        return (done - self.first) / max(seconds, 1e-9)


def speed(rate: float, unit: str) -> str:
    """Return a rate as text, e.g. '52 steps/s' or '0.41 steps/s'.

    Args:
        rate: units per second.
        unit: what is counted, in the plural.
    """
    return f"{rate:.0f} {unit}/s" if rate >= 10 else f"{rate:.2g} {unit}/s"


def clock(seconds: float) -> str:
    """Return a duration as '2:05', minutes and seconds, or from an hour '1:02:05'."""
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


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
