"""Importance-weighted bounds of weights whose answer is known."""

import math

import numpy as np
import pytest

from vlae.statistics.importance import effective_draws, importance_bound
from vlae.system.errors import UserError

RANDOM = np.random.default_rng(0)


def test_the_bound_of_one_draw_is_the_mean_log_weight():
    weights = RANDOM.normal(size=(3, 7))
    assert importance_bound(weights, 1) == pytest.approx(weights.mean(1))
    assert effective_draws(weights, 1) == pytest.approx(np.ones(3))


def test_groups_are_disjoint_and_a_rest_is_left_out():
    weights = np.log([[1.0, 3.0, 5.0, 7.0, 1e9]])
    expected = (math.log(2) + math.log(6)) / 2
    assert importance_bound(weights, 2) == pytest.approx([expected])
    assert importance_bound(weights[:, :4], 4) == pytest.approx([math.log(4)])


@pytest.mark.parametrize("shift", [0.0, -1e5, 1e5])
def test_equal_weights_give_the_same_bound_at_every_number(shift):
    weights = np.full((2, 100), shift)
    for draws in (1, 10, 100):
        assert importance_bound(weights, draws) == pytest.approx([shift, shift])
        assert effective_draws(weights, draws) == pytest.approx([draws, draws])


def test_one_draw_may_decide():
    weights = np.array([[0.0, -800.0, -900.0, -1000.0]])
    assert effective_draws(weights, 4) == pytest.approx([1])
    assert importance_bound(weights, 4) == pytest.approx([-math.log(4)])


def test_bounds_of_the_same_draws_do_not_decrease():
    weights = 5 * RANDOM.standard_t(3, size=(200, 1000))
    bounds = [importance_bound(weights, draws) for draws in (1, 10, 100, 1000)]
    assert (np.diff(bounds, axis=0) >= 0).all()


@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_log_normal_weights(sigma):
    """L_1 is the mean of the logarithm, and the limit that of log E w."""
    weights = -(sigma**2) / 2 + sigma * RANDOM.normal(size=(50, 20_000))
    first, last = (importance_bound(weights, draws) for draws in (1, 20_000))
    assert first.mean() == pytest.approx(-(sigma**2) / 2, abs=5 * sigma / 1000)
    assert last.mean() == pytest.approx(0, abs=0.01)
    # E[w]^2 / E[w^2] = exp(-sigma^2) of the draws.
    share = effective_draws(weights, 20_000).mean() / 20_000
    assert share == pytest.approx(math.exp(-(sigma**2)), rel=0.05)


def test_what_is_no_set_of_weights_is_refused():
    with pytest.raises(UserError, match="5 is too few, expected at least 6"):
        importance_bound(np.zeros((2, 5)), 6)
    with pytest.raises(ValueError, match="axes"):
        importance_bound(np.zeros(5), 1)
    with pytest.raises(ValueError, match="finite"):
        effective_draws(np.full((1, 2), np.nan), 1)
