"""Distance of residuals from N(0, 1), of distributions whose distance is known."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from vlae.statistics.normality import (
    COLUMNS,
    gaussian_divergence,
    negentropy,
    normality,
)
from vlae.system.errors import UserError

COUNT = 10_000
GAUSSIAN_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)


def row(distribution, seed=0):
    draws = distribution.rvs((COUNT, 1), random_state=np.random.default_rng(seed))
    return normality(draws).iloc[0]


def test_standard_normal_residuals_are_at_no_distance():
    z = np.random.default_rng(0).normal(size=(COUNT, 20))
    found = normality(z)
    assert list(found) == COLUMNS
    assert list(found["dimension"]) == list(range(1, 21))
    five = 5 / math.sqrt(COUNT)
    assert found["mean"].abs().max() < five
    assert (found["variance"] - 1).abs().max() < five * math.sqrt(2)
    assert found["skewness"].abs().max() < five * math.sqrt(6)
    assert found["excess_kurtosis"].abs().max() < five * math.sqrt(24)
    assert found["ks"].mean() == pytest.approx(0.87 / math.sqrt(COUNT), rel=0.3)
    assert found[["negentropy", "kl"]].abs().max().max() < 0.01


def test_shifted_and_scaled_normal_has_its_divergence_and_no_negentropy():
    mean, scale = 0.5, 0.7
    found = row(scipy.stats.norm(mean, scale))
    assert found["mean"] == pytest.approx(mean, abs=0.03)
    assert found["variance"] == pytest.approx(scale**2, abs=0.03)
    expected = 0.5 * (scale**2 + mean**2 - 1 - 2 * math.log(scale))
    assert found["kl"] == pytest.approx(expected, abs=0.03)
    assert abs(found["negentropy"]) < 0.01


def test_negentropy_of_every_dimension_is_that_of_the_table():
    z = np.random.default_rng(0).uniform(size=(500, 3)) * [1, 5, 0]
    assert negentropy(z).tolist() == normality(z)["negentropy"].tolist()
    assert negentropy(z)[2] == math.inf
    with pytest.raises(UserError, match="negentropy: samples"):
        negentropy(z[:19])


@pytest.mark.parametrize(
    ("distribution", "skewness", "kurtosis", "tolerance"),
    [
        (scipy.stats.laplace(scale=1 / math.sqrt(2)), 0, 3, 0.9),
        (scipy.stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)), 0, -1.2, 0.05),
        (scipy.stats.expon(-1), 2, 6, 2.0),
    ],
)
def test_other_shapes_have_their_negentropy(
    distribution, skewness, kurtosis, tolerance
):
    found = row(distribution)
    assert found["skewness"] == pytest.approx(skewness, abs=0.3)
    assert found["excess_kurtosis"] == pytest.approx(kurtosis, abs=tolerance)
    expected = GAUSSIAN_ENTROPY - distribution.entropy()  # all have mean 0, variance 1
    assert found["negentropy"] == pytest.approx(expected, abs=0.02)
    assert found["kl"] == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("signal_share", "draws", "nats"),
    [(0.6, 1, 0.03), (0.7, 1, 0.07), (0.6, 8, 0.59), (0.7, 8, 0.80)],
)
def test_negentropy_of_a_signal_of_two_values(signal_share, draws, nats):
    """The numbers of docs/science.md, by integration; the estimate is a bit lower."""
    signal, noise = math.sqrt(signal_share), math.sqrt((1 - signal_share) / draws)
    x = np.linspace(-signal - 9 * noise, signal + 9 * noise, 100_001)
    both = scipy.stats.norm.pdf(x[None], [[-signal], [signal]], noise)
    density = both.mean(0)
    entropy = np.trapezoid(scipy.special.entr(density), x)
    exact = GAUSSIAN_ENTROPY + math.log(signal**2 + noise**2) / 2 - entropy
    assert exact == pytest.approx(nats, abs=0.005)
    stream = np.random.default_rng(0)
    mean = signal * stream.choice([-1, 1], (COUNT, 20))
    residual = mean + noise * stream.normal(size=(COUNT, 20))
    assert exact - 0.03 < negentropy(residual).mean() < exact + 0.005


def test_distance_of_a_shift_is_that_of_the_distribution_functions():
    found = row(scipy.stats.norm(0.4, 1))["ks"]
    expected = 2 * scipy.stats.norm.cdf(0.2) - 1
    assert found == pytest.approx(expected, abs=5 * 0.5 / math.sqrt(COUNT))


def test_dimensions_are_measured_apart():
    z = np.random.default_rng(0).normal(size=(COUNT, 3)) * [1, 2, 1] + [0, 0, 3]
    found = normality(z)
    assert list(found["mean"].round(0)) == [0, 0, 3]
    assert list(found["variance"].round(0)) == [1, 4, 1]


def test_a_dimension_that_stands_still_is_infinitely_far():
    z = np.random.default_rng(0).normal(size=(COUNT, 2))
    z[:, 1] = 0.25
    found = normality(z)
    assert found["kl"][1] == found["negentropy"][1] == math.inf
    assert math.isnan(found["skewness"][1])
    assert found["kl"][0] < 0.01
    assert gaussian_divergence(z) == math.inf


def test_divergence_of_a_correlated_gaussian_has_its_closed_form():
    rho, mean = 0.8, np.array([0.5, 0.0])
    covariance = np.array([[1, rho], [rho, 1]])
    z = np.random.default_rng(0).multivariate_normal(mean, covariance, COUNT)
    expected = 0.5 * (mean @ mean - math.log(1 - rho**2))
    assert gaussian_divergence(z) == pytest.approx(expected, abs=0.03)
    assert normality(z)["kl"].sum() < expected - 0.3  # margins do not see rho


def test_bias_of_the_divergence_is_the_documented_one():
    count, dimensions = 2000, 30
    found = [
        gaussian_divergence(np.random.default_rng(s).normal(size=(count, dimensions)))
        for s in range(20)
    ]
    expected = dimensions * (dimensions + 3) / (4 * count)
    assert np.mean(found) == pytest.approx(expected, rel=0.05)


def test_few_residuals_are_refused():
    with pytest.raises(UserError, match="19 is too few"):
        normality(np.zeros((19, 2)))
    with pytest.raises(UserError, match="expected at least 31"):
        gaussian_divergence(np.zeros((30, 30)))
