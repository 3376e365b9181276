"""Signals from SLURM, Snakemake or Ctrl-C that ask a process to end.

`raising` turns them into an exception, so that files are closed and half-written ones
are removed on the way out. `postponed` only notes them, and the work asks at moments
when it can be left.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Raised when a signal has asked this process to end.

    Like `KeyboardInterrupt` it is not an `Exception`, so that no code on the way takes
    it for a failure of its own and goes on.

    Args:
        number: number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.next = "Run the same command again; what was finished is kept."
        """What happened to the work, and what the user can do."""

    @property
    def status(self) -> int:
        """Exit status that shells give to a process ended by the signal."""
        return 128 + self.number

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.number).name}. {self.next}"


@dataclass
class Request:
    """The last signal that has come; `number` is 0 before there is one."""

    number: int = 0

    def check(self) -> None:
        """Raise Stopped if a signal has come; call this where work can be left."""
        if self.number:
            raise Stopped(self.number)


@contextmanager
def raising() -> Iterator[None]:
    """Let signals raise Stopped at once, wherever the program is."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    with _handled(stop):
        yield


@contextmanager
def postponed() -> Iterator[Request]:
    """Let signals only be noted, in the request that is yielded.

    SLURM may send the same signal twice, so only a second Ctrl-C does not wait: it
    raises KeyboardInterrupt.
    """
    request = Request()

    def note(number: int, _: FrameType | None) -> None:
        if number == request.number == signal.SIGINT:
            raise KeyboardInterrupt  # not Stopped, since nothing was saved
        request.number = number

    with _handled(note):
        yield request


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Send signals to `handler`, except those that are ignored (by nohup, say)."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can handle signals
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
