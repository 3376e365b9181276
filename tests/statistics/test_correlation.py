"""Rank correlation: known values, gaps, several numbers."""

import numpy as np
import pytest
import scipy.stats

from vlae.statistics.correlation import rank_correlation


def pair(correlation, count, seed=0):
    """Two standard normal numbers of n rows with this correlation."""
    stream = np.random.default_rng(seed)
    one, other = stream.standard_normal((2, count))
    return one, correlation * one + np.sqrt(1 - correlation**2) * other


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.9])
def test_of_a_gaussian_pair_is_known(correlation):
    """Spearman's rho of a bivariate normal is 6 / pi * asin(r / 2)."""
    found = rank_correlation(*pair(correlation, 20_000))
    expected = 6 / np.pi * np.arcsin(correlation / 2)
    assert found == pytest.approx(expected, abs=4 / np.sqrt(20_000))


def test_only_the_order_counts():
    one, other = pair(0.5, 300)
    found = rank_correlation(one, other)
    assert found == rank_correlation(np.exp(one), other**3)
    assert rank_correlation(one, np.exp(one)) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)


def test_ties_have_their_mean_rank():
    one, other = (np.round(side) for side in pair(0.5, 300))
    expected = scipy.stats.spearmanr(one, other).statistic
    assert rank_correlation(one, other) == pytest.approx(expected)


def test_rows_without_a_value_on_either_side_are_left_out():
    one, other = pair(0.5, 100)
    kept = rank_correlation(one[2:], other[2:])
    one[0], other[1] = np.nan, np.nan
    assert rank_correlation(one, other) == kept


def test_of_several_numbers_is_the_mean_of_theirs():
    one, other = pair(0.5, 100)
    both = np.stack([one, -one], 1), np.stack([other, one], 1)
    expected = (rank_correlation(one, other) - 1) / 2
    assert rank_correlation(*both) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[1], [2, 2, 2], [np.nan, 1, np.nan]])
def test_what_does_not_vary_has_none(values):
    values = np.array(values, float)
    assert np.isnan(rank_correlation(values, np.arange(len(values))))
    assert np.isnan(rank_correlation(np.arange(len(values)), values))


def test_other_shapes_are_a_mistake():
    with pytest.raises(ValueError, match="equal shapes"):
        rank_correlation(np.zeros(3), np.zeros(4))
