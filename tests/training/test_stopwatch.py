"""The stopwatch of a training, by a clock that the test sets."""

import pytest

from vlae.training import stopwatch
from vlae.training.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """Seconds that `time.monotonic` gives: a list of one number, to be set."""
    now = [1000.0]
    monkeypatch.setattr(stopwatch.time, "monotonic", lambda: now[0])
    return now


def test_the_work_of_earlier_attempts_is_added(clock):
    watch = Stopwatch(earlier=50.0)
    assert watch.total == 50
    clock[0] += 7
    assert watch.total == 57
    watch.saved()
    assert watch.total == 57


def test_unsaved_work_starts_again_at_every_checkpoint(clock):
    watch = Stopwatch(earlier=50.0)
    clock[0] += 7
    assert watch.unsaved == 7
    watch.saved()
    assert watch.unsaved == 0
    clock[0] += 3
    assert watch.unsaved == 3
