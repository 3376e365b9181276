"""The total-effect index against closed forms."""

import math

import numpy as np
import pytest

from vlae.statistics.sensitivity import total_effect

COUNT = 40_000
# The relative error of a variance of COUNT Gaussian draws is sqrt(2 / COUNT); the
# index is a quotient of two of them. Five standard errors.
TOLERANCE = 5 * math.sqrt(2) * math.sqrt(2 / COUNT)

WEIGHTS, SDS = np.array([1.0, -2.0, 0.5, 0.0]), np.array([1.0, 0.5, 3.0, 1.0])
SHARES = (WEIGHTS * SDS) ** 2 / ((WEIGHTS * SDS) ** 2).sum()


def draws(seed):
    """Independent layers, (COUNT, layers)."""
    return np.random.default_rng(seed).normal(size=(COUNT, len(SDS))) * SDS


def redrawn(base, layer, seed):
    other = base.copy()
    other[:, layer] = draws(seed)[:, layer]
    return other


@pytest.mark.parametrize("layer", range(len(SDS)))
def test_linear_map_of_gaussians_has_its_closed_form(layer):
    base = draws(0)
    found = total_effect(base @ WEIGHTS, redrawn(base, layer, 1) @ WEIGHTS)
    assert found == pytest.approx(SHARES[layer], abs=TOLERANCE)


def test_dimensions_of_a_property_are_summed():
    # f = (w1 x1, w2 x2): layer 0 moves the first coordinate alone.
    base, after = draws(0)[:, :2], redrawn(draws(0), 0, 1)[:, :2]
    variances = (WEIGHTS[:2] * SDS[:2]) ** 2
    found = total_effect(base * WEIGHTS[:2], after * WEIGHTS[:2])
    assert found == pytest.approx(variances[0] / variances.sum(), abs=TOLERANCE)


def test_interaction_counts_for_both_layers():
    # f = x1 x2 of standard normals: redrawing either moves all of the variance.
    base = draws(0) / SDS
    for layer in (0, 1):
        after = redrawn(draws(0), layer, 1) / SDS
        found = total_effect(base[:, :2].prod(1), after[:, :2].prod(1))
        # change^2 / 2 and f^2 have variance 3 * 3 - 1 = 8; of a Gaussian f it is 2.
        assert found == pytest.approx(1, abs=TOLERANCE * math.sqrt(8 / 2))


@pytest.fixture
def pair():
    base = draws(0)
    return base @ WEIGHTS, redrawn(base, 0, 1) @ WEIGHTS


def test_units_and_origin_do_not_matter(pair):
    expected = total_effect(*pair)
    assert total_effect(*(-7 * x + 3 for x in pair)) == pytest.approx(expected)


def test_order_of_draws_and_sides_do_not_matter(pair):
    expected = total_effect(*pair)
    assert total_effect(*(x[::-1] for x in pair)) == pytest.approx(expected)
    assert total_effect(*pair[::-1]) == pytest.approx(expected)


def test_shape_of_a_property_does_not_matter(pair):
    shaped = (x.reshape(-1, 2, 2, 1) for x in pair)
    flat = (x.reshape(-1, 4) for x in pair)
    assert total_effect(*shaped) == total_effect(*flat)


def test_single_precision_input_is_summed_in_double(pair):
    expected = total_effect(*pair)
    found = total_effect(*(x.astype(np.float32) for x in pair))
    assert found == pytest.approx(expected, rel=1e-6)


def test_draws_with_an_undefined_property_do_not_count(pair):
    base, after = (np.stack([x, 2 * x], 1) for x in pair)
    base[3, 0] = after[5, 1] = np.nan
    kept = np.setdiff1d(np.arange(COUNT), [3, 5])
    expected = total_effect(base[kept], after[kept])
    assert total_effect(base, after) == pytest.approx(expected, rel=1e-12)


def test_no_defined_draws_give_nan():
    nothing = np.full(5, np.nan)
    assert math.isnan(total_effect(nothing, np.arange(5.0)))


def test_constant_property_gives_nan():
    assert math.isnan(total_effect(np.ones(9), np.ones(9)))


def test_breaking_the_pairs_is_noticed(pair):
    """Negative control: unpaired draws look as if the layer did everything."""
    base, after = pair
    broken = total_effect(base, np.random.default_rng(2).permutation(after))
    assert broken == pytest.approx(1, abs=TOLERANCE)
    assert abs(total_effect(base, after) - broken) > TOLERANCE


def test_shuffling_the_layers_is_noticed():
    """Negative control: another layer redrawn is another answer."""
    base = draws(0)
    found = [
        total_effect(base @ WEIGHTS, redrawn(base, layer, 1) @ WEIGHTS)
        for layer in (1, 2, 3, 0)
    ]
    assert max(abs(found - SHARES)) > TOLERANCE


# A class is the vector of its probabilities

CLASSES = np.array([0.5, 0.3, 0.2])


def classes(seed):
    """Independent classes as indicators, (COUNT, 3)."""
    drawn = np.random.default_rng(seed).choice(len(CLASSES), COUNT, p=CLASSES)
    return np.eye(len(CLASSES))[drawn]


def test_class_that_never_changes_has_effect_zero():
    assert total_effect(classes(0), classes(0)) == 0


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_class_redrawn_for_a_share_has_that_effect(share):
    base = classes(0)
    chosen = np.random.default_rng(2).random(COUNT) < share
    found = total_effect(base, np.where(chosen[:, None], classes(1), base))
    # Binomial error of P(changes), relative to P(two draws differ).
    differ = share * (1 - (CLASSES**2).sum())
    error = share * math.sqrt((1 - differ) / (differ * COUNT))
    assert found == pytest.approx(share, abs=5 * error)


def test_sure_classes_change_as_often_as_two_draws_differ_times_the_effect():
    # Half of the pairs change; frequencies 3/4 and 1/4 make two draws differ in 3/8.
    base, after = np.eye(2)[[0, 0]], np.eye(2)[[0, 1]]
    assert total_effect(base, after) == pytest.approx((1 / 2) / (3 / 8))


def test_a_layer_that_turns_the_first_choice_of_unsure_images_hardly_counts():
    """Layer 1 is the class; layer 2 moves a third of all probabilities by 1 % only."""
    random = np.random.default_rng(3)
    unsure = random.random(COUNT) < 1 / 3

    def images(which, tilt):
        of_first = np.where(unsure, 0.5 + 0.01 * tilt, which)
        return np.stack([of_first, 1 - of_first], 1)

    which = random.integers(0, 2, COUNT)
    tilts = random.choice([-1, 1], (2, COUNT))
    before, after = (images(which, tilt) for tilt in tilts)
    first_choices = [side.argmax(1) for side in (before, after)]
    assert (first_choices[0] != first_choices[1]).mean() > 0.15
    assert total_effect(before, after) < 0.001
