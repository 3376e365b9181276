"""Signals that ask a process to end, by SLURM, Snakemake or Ctrl-C.

`raising` turns them into an exception, so that on the way out files are closed and
half-written ones removed. Within `postponed` they are noted, and the work says when it
can be left.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked this process to end.

    No `Exception`, as `KeyboardInterrupt` is none: nothing on the way may take it for
    a failure of its own and go on.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.next = "Run the same command again; what was finished is kept."
        """What becomes of the work, for the user."""

    @property
    def status(self) -> int:
        """Exit status, as shells give it to a process that the signal ended."""
        return 128 + self.number

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.number).name}. {self.next}"


@dataclass
class Request:
    """Whether a signal has come, and which; 0 is none."""

    number: int = 0

    def check(self) -> None:
        """Raise `Stopped` if one has come. Called where the work can be left."""
        if self.number:
            raise Stopped(self.number)


@contextmanager
def raising() -> Iterator[None]:
    """Within it, a signal raises `Stopped` wherever the program is."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    with _handled(stop):
        yield


@contextmanager
def postponed() -> Iterator[Request]:
    """Within it, a signal is only noted.

    SLURM may send the same one twice, so only a second Ctrl-C does not wait.
    """
    request = Request()

    def note(number: int, _: FrameType | None) -> None:
        if number == request.number == signal.SIGINT:
            raise KeyboardInterrupt  # and not Stopped: the work cannot be left here
        request.number = number

    with _handled(note):
        yield request


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Signals go to `handler`, but for those that are ignored (by nohup, say)."""
    if threading.current_thread() is not threading.main_thread():
        yield  # others cannot handle signals
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    ours = [n for n, old in before.items() if old not in (signal.SIG_IGN, None)]
    try:
        for number in ours:
            signal.signal(number, handler)
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
