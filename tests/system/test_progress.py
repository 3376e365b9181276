"""What a person sees during a long step."""

import pytest

from vlae.system import progress
from vlae.system.progress import Progress, clock


@pytest.fixture
def now(monkeypatch):
    """A clock that the test moves: `now[0]`, in seconds."""
    time = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: time[0])
    return time


def test_rate_and_time_left_are_those_of_the_step(now, capsys):
    bar = Progress("mnist/vlae/1", total=1000, unit="step")
    now[0] += 10
    bar.update(500, "loss 1.0")
    line = capsys.readouterr().out
    assert line == "[mnist/vlae/1] step 500/1000 (50 %), loss 1.0, 50/s, 0:10 left\n"


def test_what_was_done_before_does_not_count_as_speed(now, capsys):
    bar = Progress("run", total=1000, unit="step", start=800)
    now[0] += 10
    bar.update(900)
    assert "10/s, 0:10 left" in capsys.readouterr().out


def test_lines_are_rare_but_the_last_always_comes(now, capsys):
    bar = Progress("run", total=10, unit="image")
    for done in range(1, 10):
        bar.update(done)
    assert capsys.readouterr().out == ""
    bar.update(10)
    assert "10/10 (100 %)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "0:05"), (65, "1:05"), (3725, "62:05")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text
