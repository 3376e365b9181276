"""The learning rate and the presence of layers, step by step."""

import pytest

from vlae.config.run_spec import Growing
from vlae.training.schedules import learning_rate_factor, presence

STEPS = 1_000


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
