"""The weight of the KL divergence and the learning rate, step by step."""

import math

import pytest

from vlae.config.run_spec import Growing, KLWarmup
from vlae.training.schedules import kl_weight, learning_rate_factor, presence

STEPS = 1_000


@pytest.mark.parametrize("step", [0, 1, STEPS - 1])
def test_no_warmup_is_the_elbo_at_every_step(step):
    assert kl_weight(KLWarmup(schedule="none"), step, STEPS) == 1


@pytest.mark.parametrize(
    ("step", "weight"), [(0, 0), (50, 0.25), (100, 0.5), (200, 1), (201, 1), (999, 1)]
)
@pytest.mark.parametrize("length", [{"steps": 200}, {"fraction": 0.2}])
def test_linear_warmup_by_steps_and_by_fraction(step, weight, length):
    warmup = KLWarmup(schedule="linear", **length)
    assert kl_weight(warmup, step, STEPS) == pytest.approx(weight)


def test_warmup_by_steps_does_not_look_at_the_length_of_the_run():
    warmup = KLWarmup(schedule="linear", steps=200)
    assert kl_weight(warmup, 50, 10 * STEPS) == kl_weight(warmup, 50, STEPS)


@pytest.mark.parametrize("length", [{"steps": 200}, {"fraction": 0.2}])
def test_exponential_warmup(length):
    warmup = KLWarmup(schedule="exponential", **length)
    assert kl_weight(warmup, 0, STEPS) == 0
    assert kl_weight(warmup, 200, STEPS) == pytest.approx(1 - 1 / math.e)
    # After n lengths, e^-n of the way is left.
    assert 1 - kl_weight(warmup, 600, STEPS) == pytest.approx(math.exp(-3))


def test_learning_rate_without_a_tail_is_constant():
    assert [learning_rate_factor(0.0, s, STEPS) for s in (0, STEPS - 1)] == [1, 1]


@pytest.mark.parametrize(
    ("step", "factor"), [(0, 1), (699, 1), (700, 1), (850, 0.5), (997, 0.01)]
)
def test_learning_rate_falls_linearly_over_the_tail(step, factor):
    assert learning_rate_factor(0.3, step, STEPS) == pytest.approx(factor)


def test_learning_rate_ends_at_zero():
    assert learning_rate_factor(0.3, STEPS, STEPS) == 0


# Growing from the top


def growing(first=0.1, last=0.3, length=0.2):
    return Growing(schedule="from-top", first=first, last=last, length=length)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, [0, 0, 1]),
        (10, [0, 0, 1]),
        (20, [0, 0.5, 1]),
        (30, [0, 1, 1]),
        (45, [0.75, 1, 1]),
        (50, [1, 1, 1]),
        (99, [1, 1, 1]),
    ],
)
def test_layers_fade_in_from_the_top(step, expected):
    assert presence(growing(), 3, step, 100) == pytest.approx(expected)


def test_layers_between_are_spaced_evenly():
    assert presence(growing(), 4, 20, 100) == pytest.approx([0, 0, 0.5, 1])
    assert presence(growing(), 4, 30, 100) == pytest.approx([0, 0.5, 1, 1])


def test_two_layers_and_one():
    assert presence(growing(), 2, 20, 100) == pytest.approx([0.5, 1])
    assert presence(growing(), 1, 0, 100) == [1]


def test_without_growing_all_layers_are_there():
    assert presence(Growing(schedule="none"), 3, 0, 100) == [1, 1, 1]
