"""SAP and the FactorVAE score of codes that are aligned, rotated, or know nothing."""

import math

import numpy as np
import pytest

from vlae.statistics import known_factors
from vlae.statistics.known_factors import MIN_IMAGES, factor_vae_score, sap
from vlae.system.errors import UserError

COUNT = 3000
RANDOM = np.random.default_rng(0)
U = RANDOM.uniform(-1, 1, size=(COUNT, 4))
FACTORS = {"a": U[:, 0], "b": U[:, 1], "c": (U[:, 2] > 0).astype(int)}
TRUTH = np.column_stack([*FACTORS.values()]).astype(float)


def coordinates(code):
    return [code[:, [i]] for i in range(code.shape[1])]


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=(COUNT, *shape))


def rotated(degrees):
    """Factors a and b turned into each other, c left alone."""
    t = math.radians(degrees)
    turn = np.array([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]])
    return np.column_stack([U[:, :2] @ turn, TRUTH[:, 2]])


# SAP


def test_sap_of_the_factors_themselves_is_one():
    found = sap(coordinates(TRUTH), FACTORS)
    gaps = [gap.value for gap in found.factors]
    assert gaps[:2] == pytest.approx([1, 1], abs=0.01)
    # What other coordinates know of a class by chance is subtracted.
    assert gaps[2] == pytest.approx(1, abs=0.08)
    assert found.mean.value == pytest.approx(np.mean(gaps))
    assert found.mean.low <= found.mean.value <= found.mean.high
    assert np.diag(found.scores) == pytest.approx([1, 1, 1])


def test_sap_of_independent_codes_is_zero():
    found = sap(coordinates(noise(1, 4)), FACTORS)
    assert found.scores.max() < 0.05
    assert found.mean.value == pytest.approx(0, abs=0.02)
    assert found.mean.low < 0.01


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_a_coordinate_s_score_is_its_squared_correlation(rho):
    code = rho * U[:, [0]] * math.sqrt(3) + math.sqrt(1 - rho**2) * noise(2, 1)
    found = sap([code, noise(3, 1)], {"a": U[:, 0]})
    assert found.scores[0, 0] == pytest.approx(rho**2, abs=0.05)
    assert found.mean.value == pytest.approx(rho**2, abs=0.05)
    assert found.mean.low < rho**2 < found.mean.high


@pytest.mark.parametrize("degrees", [20, 45])
def test_sap_of_a_rotated_code_is_cos_2t(degrees):
    """R^2 are cos^2 and sin^2 of the angle."""
    found = sap(coordinates(rotated(degrees)), FACTORS)
    expected = math.cos(math.radians(2 * degrees))
    assert found.factors[0].value == pytest.approx(expected, abs=0.06)
    assert found.factors[1].value == pytest.approx(expected, abs=0.06)
    # What other coordinates know of a class by chance is subtracted.
    assert found.factors[2].value == pytest.approx(1, abs=0.08)


def test_a_layer_may_hold_a_factor_in_several_coordinates():
    """Turned within a layer, a factor is lost to coordinates but not to the layer."""
    code = rotated(45)
    layers = [np.column_stack([code[:, :2], noise(4, 2)]), code[:, 2:]]
    found = sap(layers, FACTORS)
    assert found.mean.value == pytest.approx(1, abs=0.03)
    assert sap(coordinates(np.concatenate(layers, 1)), FACTORS).mean.value < 0.4


def test_copies_of_a_factor_leave_no_gap():
    found = sap([TRUTH[:, :1], 3 * TRUTH[:, :1] - 1], {"a": U[:, 0]})
    assert found.mean.value == pytest.approx(0, abs=1e-3)


def test_a_factor_that_does_not_vary_has_no_gap():
    factors = {**FACTORS, "b": np.zeros(COUNT)}
    found = sap(coordinates(TRUTH), factors)
    assert math.isnan(found.factors[1].value)
    assert found.mean.value == pytest.approx(1, abs=0.05)
    alone = sap(coordinates(TRUTH), {"b": np.zeros(COUNT)})
    assert math.isnan(alone.mean.value)


# FactorVAE score


def test_factor_vae_score_of_the_factors_themselves_is_one():
    found = factor_vae_score(coordinates(TRUTH), FACTORS)
    assert found.accuracy.value == pytest.approx(1, abs=1e-3)
    assert found.chance == pytest.approx(1 / 3)
    assert found.maximum == 1


def test_factor_vae_score_of_independent_codes_is_chance():
    found = factor_vae_score(coordinates(noise(1, 5)), FACTORS)
    assert found.accuracy.value == pytest.approx(1 / 3, abs=0.06)
    assert found.accuracy.low < 1 / 3 + 0.02
    unequal = factor_vae_score([noise(1, 5), noise(2, 1)], FACTORS)
    assert unequal.accuracy.value == pytest.approx(1 / 3, abs=0.06)


def test_factor_vae_score_does_not_tell_factors_apart_that_are_mixed():
    """Two factors at 45 degrees leave a coin's toss between them, the third is sure."""
    found = factor_vae_score(coordinates(rotated(45)), FACTORS)
    assert found.accuracy.value == pytest.approx(2 / 3, abs=0.06)
    slightly = factor_vae_score(coordinates(rotated(10)), FACTORS)
    assert slightly.accuracy.value > 0.95


def test_two_layers_tell_two_of_three_factors_apart():
    found = factor_vae_score([TRUTH[:, :2], TRUTH[:, 2:]], FACTORS)
    assert found.maximum == pytest.approx(2 / 3)
    assert found.accuracy.value == pytest.approx(2 / 3, abs=0.02)


def test_units_of_a_code_do_not_matter_and_dead_coordinates_do_not_vote():
    code = np.column_stack([TRUTH * [1e-3, 1, 1e3] + 7, np.zeros(COUNT)])
    assert factor_vae_score(coordinates(code), FACTORS).accuracy.value > 0.99
    dead = factor_vae_score([TRUTH[:, :2], np.zeros((COUNT, 2))], FACTORS)
    assert dead.accuracy.value == pytest.approx(1 / 3, abs=0.01)


def test_a_factor_with_many_images_has_no_more_votes():
    """A rare class does not make its factor rare."""
    rare = (U[:, 3] > 0.6).astype(int)
    code = np.column_stack([U[:, 0], rare])
    found = factor_vae_score(coordinates(code), {"a": U[:, 0], "rare": rare})
    assert found.accuracy.value > 0.99


def test_scores_follow_from_the_seed():
    code = coordinates(rotated(45))
    first, again = (factor_vae_score(code, FACTORS, seed=3) for _ in range(2))
    assert first == again
    assert factor_vae_score(code, FACTORS, seed=4) != first


def test_input_that_does_not_fit_is_refused(monkeypatch):
    few = {name: values[:99] for name, values in FACTORS.items()}
    with pytest.raises(UserError, match="99 is too few"):
        sap(coordinates(TRUTH[:99]), few)
    with pytest.raises(
        UserError, match=f"99 is too few, expected at least {MIN_IMAGES}"
    ):
        factor_vae_score(coordinates(TRUTH[:99]), few)
    with pytest.raises(ValueError, match="two groups"):
        sap([TRUTH], FACTORS)
    with pytest.raises(ValueError, match="two groups"):
        factor_vae_score([TRUTH], FACTORS)
    with pytest.raises(ValueError, match="codes are"):
        factor_vae_score(coordinates(TRUTH), few)
    monkeypatch.setattr(known_factors, "VOTE_IMAGES", COUNT)
    with pytest.raises(UserError, match="images of one value"):
        factor_vae_score(coordinates(TRUTH), FACTORS)
