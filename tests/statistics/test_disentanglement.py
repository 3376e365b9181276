"""MIG, MIG-sup and DCI of codes that are aligned, mixed, or know nothing."""

import math

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif

from vlae.statistics.disentanglement import dci, information, mig, mig_sup
from vlae.statistics.factors import BINS
from vlae.system.errors import UserError

COUNT = 5000
Z = np.random.default_rng(0).normal(size=(COUNT, 6))
FACTORS = {"a": Z[:, 0], "b": Z[:, 1], "c": np.digitize(Z[:, 2], [-0.6, 0.6])}
SPARE = Z[:, 3:]
"""Independent of the factors."""

ALIGNED = [np.stack([2 * Z[:, i], SPARE[:, i]], 1) for i in range(3)]
"""Three layers of two coordinates, one factor each."""


MIXING = np.eye(3) - 2 / 3
"""Orthogonal; each code has 4/9, 4/9 and 1/9 of its variance from the three factors."""


def mixed():
    spread = Z[:, :3] @ MIXING
    return [np.stack([spread[:, i], SPARE[:, i]], 1) for i in range(3)]


def noise():
    other = np.random.default_rng(5).normal(size=(COUNT, 3, 2))
    return [other[:, i] for i in range(3)]


def test_a_layer_knows_its_own_factor_and_no_other():
    shares = information(ALIGNED, FACTORS)
    assert shares.shape == (3, 3)
    assert np.diag(shares).min() > 0.75  # beside a coordinate of noise
    assert (shares - np.diag(np.diag(shares))).max() < 0.02


def test_single_coordinates_know_all():
    coordinates = [Z[:, [i]] for i in range(3)]
    shares = information(coordinates, FACTORS)
    assert np.diag(shares).min() > 0.95
    assert mig(shares).min() > 0.95
    assert mig_sup(shares).min() > 0.95


@pytest.mark.parametrize("rho", [0.3, 0.7, 0.9])
def test_information_of_correlated_gaussians_has_its_closed_form(rho):
    code = rho * Z[:, [0]] + math.sqrt(1 - rho**2) * Z[:, [1]]
    # Cutting the factor into BINS loses a little of -log(1 - rho^2) / 2.
    expected = -0.5 * math.log(1 - rho**2) / math.log(BINS)
    found = information([code], {"a": Z[:, 0]})[0, 0]
    assert expected - 0.06 < found < expected + 0.015


def test_information_is_joint_over_the_coordinates_of_a_layer():
    """A class that is the sign of a product: no coordinate knows it alone."""
    sign = (Z[:, 0] * Z[:, 1] > 0).astype(int)
    assert information([Z[:, :1]], {"sign": sign})[0, 0] < 0.02
    assert information([Z[:, :2]], {"sign": sign})[0, 0] > 0.8


def test_one_coordinate_is_measured_as_by_scikit_learn():
    classes = FACTORS["c"]
    code = Z[:, [2]] + Z[:, [3]]
    expected = mutual_info_classif(code, classes, random_state=0)[0]
    entropy = -sum(p * math.log(p) for p in np.bincount(classes) / COUNT)
    found = information([code], {"c": classes})[0, 0] * entropy
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_information_of_independent_codes_is_not_biased(size):
    codes = [np.random.default_rng(s).normal(size=(1000, size)) for s in range(20)]
    found = information(codes, {"a": Z[:1000, 0], "c": FACTORS["c"][:1000]})
    assert found.max() < 0.06  # clipped at 0
    assert found.mean() < 0.015


def test_units_of_a_code_do_not_matter():
    scaled = [code * [1e-4, 1] for code in ALIGNED]
    assert information(scaled, FACTORS) == pytest.approx(
        information(ALIGNED, FACTORS), abs=1e-6
    )


def test_a_dead_coordinate_does_no_harm():
    dead = [np.stack([Z[:, i], np.zeros(COUNT)], 1) for i in range(3)]
    assert mig(information(dead, FACTORS)).min() > 0.95
    assert information([np.zeros((COUNT, 2))], FACTORS).max() == 0


def test_mixed_layers_have_small_gaps():
    # The two best of each row and column know -log(1 - 4/9) / 2 nats, less what the
    # bins and the coordinates of noise take.
    alike = {name: Z[:, i] for i, name in enumerate("abc")}
    shares = information(mixed(), alike)
    assert shares.max() == pytest.approx(0.29 / math.log(BINS), abs=0.02)
    assert max(mig(shares).max(), mig_sup(shares).max()) < 0.025


def test_layers_of_noise_have_no_gaps():
    shares = information(noise(), FACTORS)
    assert max(mig(shares).max(), mig_sup(shares).max()) < 0.02


def test_gaps_by_hand():
    shares = np.array([[0.9, 0.2], [0.1, 0.6], [0.5, 0.5]])
    assert mig(shares) == pytest.approx([0.4, 0.1])
    assert mig_sup(shares) == pytest.approx([0.7, 0.5, 0.0])


def disentanglement(found):
    """Mean over groups, weighted by their importance; 0 if none has any."""
    weights = found.importance.sum(1)
    weighted = (np.nan_to_num(found.disentanglement) * weights).sum()
    return weighted / weights.sum() if weights.any() else 0


def completeness(found):
    """Mean over factors; a factor that nothing predicts counts as 0."""
    return np.nan_to_num(found.completeness).mean()


def test_one_layer_with_all_factors_is_complete_and_not_disentangled():
    found = dci([Z[:, :3], SPARE], FACTORS)
    assert found.completeness.min() > 0.99
    assert disentanglement(found) < 0.1
    shares = information([Z[:, :3], SPARE], FACTORS)
    assert mig(shares).min() > 3 * mig_sup(shares).max()


@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_dci_of_aligned_layers_is_one(kind):
    found = dci(ALIGNED, FACTORS, kind)
    assert disentanglement(found) > 0.98
    assert completeness(found) > 0.98
    assert found.disentanglement.min() > 0.98
    assert found.informativeness.min() > (0.98 if kind == "trees" else 0.75)
    assert (found.importance.argmax(1) == [0, 1, 2]).all()


def test_importance_of_a_linear_factor_is_twice_its_share_of_variance():
    # Shuffled rows are independent draws: E (z - z')^2 = 2 Var z.
    factors = {"a": Z[:, 0] + 2 * Z[:, 1], "b": Z[:, 2]}
    found = dci([Z[:, :1], Z[:, 1:3]], factors, "linear").importance
    assert found == pytest.approx(np.array([[0.4, 0], [1.6, 2]]), abs=0.12)


def test_dci_of_mixed_layers_is_low():
    found = dci(mixed(), FACTORS)
    assert disentanglement(found) < 0.5
    assert completeness(found) < 0.5
    assert found.informativeness[:2].min() > 0.9


def test_permuting_the_layers_permutes_the_answer():
    found, turned = dci(ALIGNED, FACTORS), dci(ALIGNED[::-1], FACTORS)
    assert (turned.importance.argmax(0) == [2, 1, 0]).all()
    assert turned.importance[::-1] == pytest.approx(found.importance, abs=0.1)


def test_dci_of_noise_is_zero():
    found = dci(noise(), FACTORS)
    assert disentanglement(found) == 0
    assert completeness(found) == 0
    assert abs(found.informativeness).max() < 0.15


def test_a_wide_layer_of_noise_gains_no_importance():
    wide = np.random.default_rng(6).normal(size=(COUNT, 20))
    found = dci([Z[:, :1], wide], {"a": Z[:, 0] + SPARE[:, 0], "b": Z[:, 1]})
    assert found.importance[1].max() == 0
    assert found.importance[0, 0] > 0.3


def test_undefined_rows_do_not_count():
    partial = dict(FACTORS, a=np.where(np.arange(COUNT) % 2, Z[:, 0], np.nan))
    assert information(ALIGNED, partial)[0, 0] > 0.7
    assert dci(ALIGNED, partial).completeness[0] > 0.98


def test_a_factor_that_does_not_vary_was_not_measured():
    constant = dict(FACTORS, a=np.ones(COUNT, int))
    assert np.isnan(information(ALIGNED, constant)[:, 0]).all()
    found = dci(ALIGNED, constant)
    assert math.isnan(found.informativeness[0])
    assert math.isnan(found.completeness[0])


def test_a_class_of_one_row_does_no_harm():
    classes = FACTORS["c"].copy()
    classes[0] = 9
    assert information(ALIGNED, {"c": classes})[2, 0] > 0.75


def test_input_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="codes are"):
        information(ALIGNED, {"a": Z[:-1, 0]})
    with pytest.raises(ValueError, match="two rows"):
        mig(np.ones((1, 3)))
    with pytest.raises(ValueError, match="two groups"):
        dci(ALIGNED[:1], FACTORS)
    with pytest.raises(UserError, match="defined 'a'"):
        information(ALIGNED, {"a": np.full(COUNT, np.nan)})
