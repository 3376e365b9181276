"""The classifier two-sample test against areas under the curve in closed form."""

import math

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import roc_auc_score

from vlae.statistics.two_sample_test import area_under_curve, separability
from vlae.system.errors import UserError

COUNT, DIMENSIONS = 4000, 8


def sets(distance=0.0, scale=1.0, dimensions=DIMENSIONS, seed=0, count=COUNT):
    """Two Gaussian sets, their means `distance` apart, the second wider by `scale`."""
    first, second = np.random.default_rng(seed).normal(size=(2, count, dimensions))
    return first, second * scale + distance / math.sqrt(dimensions)


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0])
def test_linear_classifier_reaches_the_best_area_between_shifted_gaussians(distance):
    expected = scipy.stats.norm.cdf(distance / math.sqrt(2))
    found = separability(*sets(distance), classifier="linear", level=0.999)
    assert found.low < expected < found.high
    assert found.value == pytest.approx(expected, abs=0.02)


def test_trees_come_close_to_it():
    found = separability(*sets(1.0))
    assert scipy.stats.norm.cdf(1 / math.sqrt(2)) - 0.05 < found.value < found.high


@pytest.mark.parametrize("classifier", ["linear", "trees"])
def test_equal_distributions_are_not_told_apart(classifier):
    found = separability(*sets(), classifier=classifier, level=0.999)
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.06


def test_trees_see_a_difference_of_spread_and_the_linear_classifier_does_not():
    pair = sets(scale=2, dimensions=1)
    # |x| is the best score; |x / y| of two normals is below r with 2 / pi arctan(r).
    expected = 2 / math.pi * math.atan(2)
    assert separability(*pair).value == pytest.approx(expected, abs=0.02)
    assert separability(*pair, classifier="linear").value == pytest.approx(
        0.5, abs=0.04
    )


def test_unequal_sizes_do_not_matter():
    first, second = sets(1.0)
    found = separability(first, second[:800], classifier="linear")
    expected = scipy.stats.norm.cdf(1 / math.sqrt(2))
    assert found.value == pytest.approx(expected, abs=0.03)


def test_interval_covers_at_its_level():
    expected = scipy.stats.norm.cdf(1 / math.sqrt(2))
    covered = []
    for seed in range(200):
        low, high = (x[:, 0] for x in sets(1.0, dimensions=1, seed=seed, count=100))
        value, error = area_under_curve(low, high)
        covered.append(abs(value - expected) < 1.645 * error)
    # Binomial error of 200 is 2 %; four of them.
    assert np.mean(covered) == pytest.approx(0.9, abs=0.085)


def test_area_is_that_of_scikit_learn_with_ties():
    scores = np.random.default_rng(0).integers(0, 6, 200)
    truth = np.random.default_rng(1).integers(0, 2, 200)
    value, _ = area_under_curve(scores[truth == 0], scores[truth == 1])
    assert value == pytest.approx(roc_auc_score(truth, scores))


def test_error_of_the_area_by_hand():
    # Placements of 1, 3 above {0, 2}: 1/2, 1; of 0, 2 below {1, 3}: 1, 1/2.
    value, error = area_under_curve([0, 2], [1, 3])
    assert value == 0.75
    assert error == pytest.approx(math.sqrt(2 * (1 / 8) / 2))


def test_few_rows_are_refused():
    with pytest.raises(UserError, match="rows: 19 is too few"):
        separability(*sets(count=19))
