"""Shares of variance: known parts, the F test of one axis, chance alone."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from vlae.statistics.variance_shares import DRAWS, chance, variance_shares


def grid(*effects, trainings=1):
    """A result of one part: the sum of effects that broadcast over the axes."""
    whole = np.broadcast_arrays(*(np.asarray(e, dtype=float) for e in effects))
    return np.repeat(np.sum(whole, 0)[..., None, None], trainings, -2)


FIRST, SECOND = np.array([[-1], [1]]), np.array([-2, 0, 2])


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# Known parts


@pytest.mark.parametrize("trainings", [1, 3])
def test_axes_that_add_up_have_their_parts_of_the_variance(trainings):
    """Variances 1 and 8 / 3."""
    found = variance_shares(grid(FIRST, SECOND, trainings=trainings))
    assert found.axes == pytest.approx([3 / 11, 8 / 11])
    assert found.together == pytest.approx(0, abs=1e-12)


def test_what_only_combinations_decide_is_no_axis():
    found = variance_shares(grid(FIRST * np.array([-1, 1]), trainings=2))
    assert found.axes == pytest.approx([0, 0], abs=1e-12)
    assert found.together == pytest.approx(1)
    assert found.trainings == pytest.approx(0, abs=1e-12)


def test_parts_of_a_result_count_by_their_variance():
    """The first axis moves one layer by 1, the second another one by 3."""
    one, other = grid([[-1, -1], [1, 1]]), grid([[-3, 3], [-3, 3]])
    found = variance_shares(np.concatenate([one, other], -1))
    assert found.axes == pytest.approx([0.1, 0.9])


def test_of_one_axis_it_is_epsilon_squared_of_the_f_test():
    values = noise((4, 5)) + np.arange(4)[:, None]
    found = variance_shares(values[..., None])
    f, between, within = stats.f_oneway(*values).statistic, 3, 4 * 4
    expected = between * (f - 1) / (between * f + within)
    assert found.axes == pytest.approx([expected])
    assert found.together == pytest.approx(0)
    assert found.trainings == pytest.approx(1 - expected)


def test_shares_add_up_to_one():
    found = variance_shares(noise((2, 3, 4, 3, 5)))
    assert sum(found.axes) + found.together + found.trainings == pytest.approx(1)


def test_by_chance_an_axis_has_nothing():
    """Without the adjustment an axis of three values would have 2 / 17 of it."""
    many = [variance_shares(noise((2, 3, 3, 2), seed)) for seed in range(400)]
    means = np.mean([[*f.axes, f.together, f.trainings] for f in many], 0)
    np.testing.assert_allclose(means, [0, 0, 0, 1], atol=0.02)


def test_one_training_per_cell_leaves_chance_among_the_combinations():
    values = grid(FIRST, SECOND) + 0.1 * noise((2, 3, 1, 1))
    found = variance_shares(values)
    assert sum(found.axes) + found.together == pytest.approx(1)
    assert np.isnan(found.trainings)
    assert found.together > 0


def test_nothing_varies():
    found = variance_shares(np.ones((2, 2, 3, 1)))
    assert np.isnan([*found.axes, found.together, found.trainings]).all()


# Chance


@pytest.mark.parametrize(("size", "trainings"), [(2, 3), (3, 2)])
def test_p_counts_the_exchanges_that_give_as_much(size, trainings):
    values = noise((size, trainings, 1), seed=4) + 0.7 * np.arange(size)[:, None, None]
    flat = values.ravel()

    def between(order):
        return flat[list(order)].reshape(size, trainings).mean(1).var()

    orders = set()
    for first in combinations(range(size * trainings), trainings):
        rest = [i for i in range(size * trainings) if i not in first]
        for second in combinations(rest, trainings):
            last = [i for i in rest if i not in second]
            orders.add((*first, *second, *last))
    found = between(range(size * trainings))
    exact = np.mean([between(order) >= found - 1e-12 for order in orders])
    assert chance(values, 0) == pytest.approx(exact)


def test_the_smallest_p_of_few_trainings_is_large():
    """Two of the 20 ways to choose three of six are as extreme: one in ten."""
    values = np.array([[0, 1, 2], [10, 11, 12]], dtype=float)[..., None]
    assert chance(values, 0) == pytest.approx(0.1)


def test_two_by_two_cells_with_two_seeds_have_36_exchanges():
    values = 10 * FIRST[..., None, None] + 0.1 * noise((2, 2, 2, 3))
    assert chance(values, 0) == pytest.approx(2 / 36)


def test_an_axis_that_decides_has_the_smallest_p():
    values = noise((2, 3, 3, 2)) + 10 * FIRST[..., None, None]
    assert 1 / (DRAWS + 1) <= chance(values, 0) <= 3 / (DRAWS + 1)
    assert chance(values, 1) > 0.05


def test_other_axes_do_not_hide_an_axis():
    """Only trainings that differ on this axis alone are exchanged."""
    values = grid(FIRST, 100 * SECOND) + 0.1 * noise((2, 3, 3, 1))
    assert chance(values, 0) < 0.01


def test_by_chance_p_is_uniform():
    found = np.array([chance(noise((2, 2, 3, 2), seed), 0) for seed in range(150)])
    assert found.mean() == pytest.approx(0.5, abs=0.08)
    assert (found <= 0.1).mean() == pytest.approx(0.1, abs=0.06)


def test_nothing_varies_so_every_exchange_is_alike():
    assert chance(np.ones((2, 3, 1)), 0) == 1
    assert chance(noise((3, 1, 2)), 0) == 1  # one training each: the same three means


def test_it_is_the_same_every_time():
    values = noise((2, 3, 2, 2))
    assert chance(values, 1) == chance(values, 1)
