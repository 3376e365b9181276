"""Intervals cover what they say, and decisions follow their bounds."""

import math

import numpy as np
import pytest
import scipy.stats

from vlae.statistics.intervals import (
    Interval,
    bootstrap,
    difference,
    jackknife,
    mean_interval,
    standard_error,
)
from vlae.system.errors import UserError


def draws(seed, count=400, mean=0.0):
    return np.random.default_rng(seed).normal(mean, 1, count)


def test_bootstrap_of_a_mean_is_the_normal_interval():
    values = draws(0)
    half = 1.96 * values.std() / math.sqrt(len(values))
    found = bootstrap(np.mean, values, resamples=4000)
    assert found.value == values.mean()
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_bootstrap_covers_at_its_level():
    covered = [
        found.low < 0 < found.high
        for seed in range(200)
        for found in [bootstrap(np.mean, draws(seed, 60), level=0.9, resamples=200)]
    ]
    # Binomial error of 200 is 2 %; four of them.
    assert np.mean(covered) == pytest.approx(0.9, abs=0.085)


def test_rows_of_all_arrays_are_resampled_together():
    """A difference of equal arrays has no error; of shuffled ones it has."""

    def difference(first, second):
        return first.mean() - second.mean()

    values = draws(0)
    assert bootstrap(difference, values, values) == Interval(0, 0, 0)
    shuffled = np.random.default_rng(1).permutation(values)
    found = bootstrap(difference, values, shuffled)
    expected = 2 * 1.96 * math.sqrt(2 / len(values)) * values.std()
    assert found.high - found.low == pytest.approx(expected, rel=0.2)


def test_same_seed_same_interval():
    assert bootstrap(np.mean, draws(0)) == bootstrap(np.mean, draws(0))
    assert bootstrap(np.mean, draws(0)) != bootstrap(np.mean, draws(0), seed=1)


def test_standard_error_of_a_mean():
    expected = draws(0).std() / math.sqrt(400)
    assert standard_error(np.mean, draws(0), resamples=2000) == pytest.approx(
        expected, rel=0.06
    )


def test_mean_of_blocks_has_students_interval():
    values = np.array([1.0, 2.0, 4.0])
    half = scipy.stats.t.ppf(0.975, 2) * values.std(ddof=1) / math.sqrt(3)
    found = mean_interval(values)
    expected = Interval(7 / 3, 7 / 3 - half, 7 / 3 + half)
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )


def test_too_few_or_unequal_rows_are_refused():
    with pytest.raises(UserError, match="too few"):
        bootstrap(np.mean, np.zeros(1))
    with pytest.raises(UserError, match="too few"):
        mean_interval([1.0])
    with pytest.raises(ValueError, match="equal rows"):
        bootstrap(np.corrcoef, np.zeros(3), np.zeros(4))


# Jackknife


def test_jackknife_of_a_mean_is_the_interval_of_the_means_of_blocks():
    values = draws(3, 400)
    (found,) = jackknife(lambda v: np.array([v.mean()]), values, blocks=8)
    expected = mean_interval(values.reshape(8, 50).mean(1))
    for name in ("value", "low", "high"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-12)


def test_jackknife_covers_at_its_level():
    """The variance of a Gaussian and the mean, together."""

    def statistics(values):
        return np.array([values.var(ddof=1), values.mean()])

    covered = []
    for seed in range(200):
        variance, mean = jackknife(statistics, draws(seed, 200), level=0.9)
        covered.append((variance.low < 1 < variance.high, mean.low < 0 < mean.high))
    assert np.mean(covered, 0) == pytest.approx([0.9, 0.9], abs=0.085)


def test_jackknife_leaves_rows_of_all_arrays_out_together():
    def difference(first, second):
        return np.array([(first - second).mean()])

    values = draws(0)
    (found,) = jackknife(difference, values, values + 1)
    assert found.low == pytest.approx(-1)
    assert found.high == pytest.approx(-1)


def test_jackknife_of_what_is_undefined_is_undefined():
    (found,) = jackknife(lambda v: np.array([np.nan]), draws(0))
    assert math.isnan(found.value) and math.isnan(found.low)


def test_difference_of_shares_is_newcombes():
    """His example: 56 of 70 less 48 of 80, by method 10."""
    first, second = (
        Interval(
            hits / n, *scipy.stats.binomtest(hits, n).proportion_ci(method="wilson")
        )
        for hits, n in ((56, 70), (48, 80))
    )
    found = difference(first, second)
    ends = (found.value, found.low, found.high)
    assert ends == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_difference_of_means_is_the_normal_interval():
    found = difference(Interval(5, 2, 8), Interval(1, -3, 5))
    assert (found.value, found.low, found.high) == (4, -1, 9)


def test_jackknife_needs_a_row_a_block():
    with pytest.raises(UserError, match="jackknife: rows: 19 is too few"):
        jackknife(lambda v: v[:1], draws(0, 19))
    with pytest.raises(ValueError, match="expected equal rows"):
        jackknife(lambda v, w: v[:1], draws(0), draws(0)[:30])
