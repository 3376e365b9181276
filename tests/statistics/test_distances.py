"""FID, KID, precision and recall against closed forms, and their bias."""

import math

import numpy as np
import pytest
import scipy.linalg

from vlae.statistics.distances import (
    frechet_distance,
    kernel_distances,
    precision_recall,
)
from vlae.statistics.intervals import mean_interval
from vlae.system.errors import UserError


def normal(seed, count, dimensions, mean=0.0, scale=1.0):
    random = np.random.default_rng(seed)
    return mean + scale * random.normal(size=(count, dimensions))


def with_moments(mean, covariance, count=400):
    """Points whose sample mean and covariance are exactly these."""
    points = normal(0, count, len(mean))
    points -= points.mean(0)
    points = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T))).T
    return points @ np.linalg.cholesky(np.asarray(covariance)).T + mean


def test_fid_of_two_gaussians_has_its_closed_form():
    first, second = (
        np.array([[2.0, 0.6], [0.6, 1.0]]),
        np.array([[1.0, -0.3], [-0.3, 3]]),
    )
    mean = np.array([1.0, -2.0])
    root = scipy.linalg.sqrtm(first @ second).real
    expected = mean @ mean + np.trace(first + second - 2 * root)
    found = frechet_distance(
        with_moments(np.zeros(2), first), with_moments(mean, second)
    )
    assert found == pytest.approx(expected, rel=1e-6)


def test_fid_of_scaled_axes_is_the_distance_of_their_deviations():
    found = frechet_distance(
        with_moments(np.zeros(3), np.diag([1.0, 4.0, 9.0])),
        with_moments(np.zeros(3), np.diag([4.0, 4.0, 1.0])),
    )
    assert found == pytest.approx((1 - 2) ** 2 + (3 - 1) ** 2, rel=1e-6)


@pytest.mark.parametrize("dimensions", [16, 64, 256])
def test_bias_of_the_fid_at_5000_samples_is_the_documented_one(dimensions):
    count, scale = 5000, 1.5
    expected = scale**2 * (
        2 * dimensions / count + dimensions * (dimensions + 1) / (2 * count)
    )
    sets = (normal(seed, count, dimensions, scale=scale) for seed in (1, 2))
    # Sums of d^2 / 2 squares: a relative error of about 2 / d, five of them.
    assert frechet_distance(*sets) == pytest.approx(expected, rel=10 / dimensions)


def test_kid_of_equal_distributions_is_zero_at_the_size_used():
    blocks = np.concatenate(
        [
            kernel_distances(normal(seed, 5000, 64), normal(seed + 100, 5000, 64))
            for seed in range(4)
        ]
    )
    assert len(blocks) == 40
    found = mean_interval(blocks, level=0.999)
    assert found.low < 0 < found.high
    # The biased estimate keeps k(x, x) = (|x|^2 / d + 1)^3, about 8, in both sets.
    biased = 2 * (8 - 1) / 500
    assert max(abs(found.low), abs(found.high)) < biased / 10


def test_kid_of_a_shift_has_its_closed_form():
    # One feature, x ~ N(0, 1), y ~ N(m, 1): (xy + 1)^3 = 1 + 3xy + 3(xy)^2 + (xy)^3 has
    # MMD^2 = 3 (Ex - Ey)^2 + 3 (Ex^2 - Ey^2)^2 + (Ex^3 - Ey^3)^2.
    m = 0.5
    expected = 3 * m**2 + 3 * m**4 + (m**3 + 3 * m) ** 2
    blocks = kernel_distances(normal(0, 40_000, 1), normal(1, 40_000, 1, mean=m))
    found = mean_interval(blocks, level=0.999)
    assert found.low < expected < found.high
    assert found.high - found.low < expected / 4


def test_kid_divides_the_kernel_by_the_number_of_features():
    # A second feature that is always 0 halves x.y: 3 / 2, 3 / 4 and 1 / 8 for 3, 3, 1.
    m, zeros = 0.5, np.zeros((40_000, 1))
    first, second = normal(0, 40_000, 1), normal(1, 40_000, 1, mean=m)
    wide = np.hstack([first, zeros]), np.hstack([second, zeros])
    blocks = kernel_distances(*wide)
    expected = 3 / 2 * m**2 + 3 / 4 * m**4 + (m**3 + 3 * m) ** 2 / 8
    found = mean_interval(blocks, level=0.999)
    assert found.low < expected < found.high


def test_kid_of_one_set_with_itself_permuted_is_negative_not_hidden_at_zero():
    features = normal(0, 1000, 8)
    same = kernel_distances(features, features, block=500)
    assert (same < 0).all()


def test_standard_error_of_the_kid_is_honest():
    """Its claimed error is the spread that repetitions show."""
    means, errors = [], []
    for seed in range(40):
        sets = normal(seed, 1000, 4), normal(seed + 1000, 1000, 4, mean=0.3)
        blocks = kernel_distances(*sets, block=100)
        means.append(blocks.mean())
        errors.append(blocks.std(ddof=1) / math.sqrt(len(blocks)))
    # The spread of 40 means is known to 11 %; three times that.
    assert np.mean(errors) == pytest.approx(np.std(means, ddof=1), rel=0.35)


def test_blocks_leave_out_what_does_not_fill_one():
    assert kernel_distances(normal(0, 1300, 2), normal(1, 1700, 2)).shape == (2,)


def test_precision_and_recall_of_one_distribution_are_high_and_alike():
    found = precision_recall(normal(0, 2000, 2), normal(1, 2000, 2))
    assert found.precision > 0.9
    assert found.recall == pytest.approx(found.precision, abs=0.03)


def test_samples_within_the_reference_have_precision_alone():
    # Uniform on a square and on its left half.
    random = np.random.default_rng(0)
    reference, samples = random.random((2, 4000, 2))
    samples[:, 0] /= 2
    found = precision_recall(samples, reference)
    assert found.precision > 0.95
    assert found.recall == pytest.approx(0.5, abs=0.05)
    swapped = precision_recall(reference, samples)
    assert swapped == type(found)(found.recall, found.precision)


def test_sets_far_apart_have_neither():
    found = precision_recall(normal(0, 500, 4), normal(1, 500, 4, mean=50))
    assert (found.precision, found.recall) == (0, 0)


def test_origin_of_the_features_does_not_matter():
    """In single precision it would, at this offset, if they were not centred."""
    sets = normal(0, 1500, 16), normal(1, 1500, 16, mean=0.2)
    moved = precision_recall(*(x + 5000 for x in sets))
    assert moved == precision_recall(*sets)


@pytest.mark.parametrize(
    ("function", "count"),
    [(frechet_distance, 1), (kernel_distances, 999), (precision_recall, 3)],
)
def test_too_few_samples_are_refused(function, count):
    with pytest.raises(UserError, match=f"{count} is too few"):
        function(normal(0, count, 2), normal(1, 2000, 2))


def test_features_must_be_finite_and_alike():
    broken = normal(0, 10, 2)
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(broken, normal(1, 10, 2))
    with pytest.raises(ValueError, match="2 and 3 features"):
        frechet_distance(normal(0, 10, 2), normal(1, 10, 3))
    with pytest.raises(ValueError, match="2 axes"):
        frechet_distance(normal(0, 10, 2), np.zeros(10))
