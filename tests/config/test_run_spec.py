"""Types of run specs: the weight of the KL divergence, and random numbers by name."""

import math

import pytest
from helpers import spec as run_spec

from vlae.config.run_spec import KLWarmup

STEPS = 1_000


@pytest.mark.parametrize("step", [0, 1, STEPS - 1])
def test_no_warmup_is_the_elbo_at_every_step(step):
    assert KLWarmup(schedule="none").weight(step, STEPS) == 1


@pytest.mark.parametrize(
    ("step", "weight"), [(0, 0), (50, 0.25), (100, 0.5), (200, 1), (201, 1), (999, 1)]
)
@pytest.mark.parametrize("length", [{"steps": 200}, {"fraction": 0.2}])
def test_linear_warmup_by_steps_and_by_fraction(step, weight, length):
    warmup = KLWarmup(schedule="linear", **length)
    assert warmup.weight(step, STEPS) == pytest.approx(weight)


def test_warmup_by_steps_does_not_look_at_the_length_of_the_run():
    warmup = KLWarmup(schedule="linear", steps=200)
    assert warmup.weight(50, 10 * STEPS) == warmup.weight(50, STEPS)


@pytest.mark.parametrize("length", [{"steps": 200}, {"fraction": 0.2}])
def test_exponential_warmup(length):
    warmup = KLWarmup(schedule="exponential", **length)
    assert warmup.weight(0, STEPS) == 0
    assert warmup.weight(200, STEPS) == pytest.approx(1 - 1 / math.e)
    # After n lengths, e^-n of the way is left.
    assert 1 - warmup.weight(600, STEPS) == pytest.approx(math.exp(-3))


@pytest.mark.parametrize("schedule", ["linear", "exponential"])
def test_a_shorter_run_has_a_shorter_warmup(schedule):
    meant_for = KLWarmup(schedule=schedule, steps=200, out_of=STEPS)
    whole = KLWarmup(schedule=schedule, steps=200)
    tenth = STEPS // 10
    for step in range(0, tenth + 1, 7):
        found = meant_for.weight(step, tenth)
        assert found == pytest.approx(whole.weight(10 * step, STEPS))
    # A longer run keeps the steps.
    assert meant_for.weight(50, 10 * STEPS) == whole.weight(50, 10 * STEPS)


# Random numbers


def test_runs_of_other_names_have_other_random_numbers():
    names = [("mnist", "vlae"), ("mnist", "hvae"), ("strokes", "vlae")]
    specs = [run_spec("vlae", dataset=d, run=r) for d, r in names]
    assert len({spec.stream for spec in specs}) == 3
    assert specs[0].stream != specs[0].replace(seed=specs[0].seed + 1).stream


def test_runs_with_a_common_start_share_their_random_numbers():
    one, other = (
        run_spec("vlae", run=run, common_start="pair") for run in ("vlae", "other")
    )
    assert one.stream == other.stream
    # A name with a slash is a run's own; the schema refuses it as a common start.
    assert "/" not in one.stream[1]
