"""What a person sees during a long step."""

import pytest

from vlae.system import progress
from vlae.system.progress import Progress, clock, speed


@pytest.fixture
def now(monkeypatch):
    """A clock that the test moves: `now[0]`, in seconds."""
    time = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: time[0])
    return time


def test_rate_and_time_left_are_those_of_the_step(now, capsys):
    bar = Progress("mnist/vlae/1", total=1000, unit="steps")
    now[0] += 10
    bar.update(500, "loss 1.0")
    line = capsys.readouterr().out
    assert line == (
        "[mnist/vlae/1] 500/1000 steps (50 %), loss 1.0, 50 steps/s, 0:10 left\n"
    )


def test_what_was_done_before_does_not_count_as_speed(now, capsys):
    bar = Progress("run", total=1000, unit="steps", start=800)
    now[0] += 10
    bar.update(900)
    assert "10 steps/s, 0:10 left" in capsys.readouterr().out


def test_lines_are_rare_but_the_last_always_comes(now, capsys):
    bar = Progress("run", total=10, unit="images")
    for done in range(1, 10):
        bar.update(done)
    assert capsys.readouterr().out == ""
    bar.update(10)
    assert "10/10 images (100 %)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (5.9, "0:05"),
        (65, "1:05"),
        (3599.9, "59:59"),
        (3600, "1:00:00"),
        (3725, "1:02:05"),
        (312 * 60 + 5, "5:12:05"),
        (100 * 3600, "100:00:00"),
    ],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (2694.4, "2694"),
        (52.4, "52"),
        (10, "10"),
        (9.96, "10"),
        (3.14159, "3.1"),
        (0.412, "0.41"),
        (0.0012, "0.0012"),
        (0, "0"),
    ],
)
def test_a_slow_rate_is_not_rounded_to_nothing(rate, text):
    assert speed(rate, "steps") == f"{text} steps/s"
