"""S / T and sign consistency of maps with a known answer."""

import math

import numpy as np
import pytest
import scipy.stats

from vlae.statistics.sensitivity import total_effect
from vlae.statistics.stability import sign_consistency, stability
from vlae.system.errors import UserError

COUNT = 4096
"""The fewest base samples of claim S."""


def layers(seed, count=COUNT):
    """Three independent layers of one standard normal each, (count, 3)."""
    return np.random.default_rng(seed).normal(size=(count, 3))


def pick_freeze(function, layer=0, seed=0, count=COUNT):
    """A property of base draws, with a layer redrawn, with all others redrawn."""
    base, other = layers(2 * seed, count), layers(2 * seed + 1, count)
    redrawn, kept = base.copy(), other.copy()
    redrawn[:, layer], kept[:, layer] = other[:, layer], base[:, layer]
    return function(base), function(redrawn), function(kept)


def linear(x):
    return x @ [1.0, -2.0, 0.5]


@pytest.mark.parametrize("layer", [0, 1])
def test_a_linear_map_is_stable(layer):
    share = [1, 4][layer] / 5.25
    found = stability(*pick_freeze(linear, layer), level=0.999)
    for effect, expected in (
        (found.total, share),
        (found.first_order, share),
        (found.ratio, 1),
    ):
        assert effect.low < expected < effect.high
        assert effect.high - effect.low < 0.6


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_an_interaction_takes_its_share(strength):
    # f = x1 + c x1 x2: layer 1 moves everything, 1 / (1 + c^2) of it by itself.
    def interact(x):
        return x[:, 0] + strength * x[:, 0] * x[:, 1]

    found = stability(*pick_freeze(interact), level=0.999)
    expected = 1 / (1 + strength**2)
    assert found.total.low < 1 < found.total.high
    assert found.ratio.low < expected < found.ratio.high
    assert found.ratio.high - found.ratio.low < 0.45


def test_a_pure_interaction_has_no_first_order_effect():
    found = stability(*pick_freeze(lambda x: x[:, 0] * x[:, 1]), level=0.999)
    assert found.total.low < 1 < found.total.high
    assert found.ratio.low < 0 < found.ratio.high


def test_effects_are_those_of_the_sensitivity_module():
    base, redrawn, kept = pick_freeze(linear)
    found = stability(base, redrawn, kept)
    assert found.total.value == total_effect(base, redrawn)
    assert found.first_order.value == 1 - total_effect(base, kept)
    assert found.ratio.value == found.first_order.value / found.total.value


def test_vector_properties_are_summed():
    def images(x):
        return np.stack([x[:, 0] + x[:, 1], 3 * x[:, 1]], 1).reshape(-1, 2, 1)

    found = stability(*pick_freeze(images), level=0.999)
    assert found.total.low < 1 / 11 < found.total.high


def test_intervals_cover_at_their_level():
    """An interaction of strength 1 at small n: its ratio is 1/2."""
    found = [
        stability(
            *pick_freeze(lambda x: x[:, 0] * (1 + x[:, 1]), seed=seed, count=500),
            level=0.9,
            resamples=200,
        )
        for seed in range(100)
    ]
    covered = [s.ratio.low < 0.5 < s.ratio.high for s in found]
    assert np.mean(covered) == pytest.approx(0.9, abs=0.12)
    means = [s.total.value for s in found]
    widths = [s.total.high - s.total.low for s in found]
    assert np.mean(widths) == pytest.approx(2 * 1.645 * np.std(means), rel=0.3)


def test_draws_with_an_undefined_property_do_not_count():
    sides = pick_freeze(linear)
    expected = stability(*(side[2:] for side in sides))
    sides[0][0] = sides[2][1] = np.nan
    assert stability(*sides) == expected


def test_a_property_that_does_not_vary_was_not_measured():
    found = stability(*(np.ones(50) for _ in range(3)))
    assert math.isnan(found.ratio.value)
    assert math.isnan(found.total.high)


def test_a_layer_that_does_nothing_has_no_ratio():
    found = stability(*pick_freeze(lambda x: x[:, 1]))
    assert found.total.value == 0
    assert math.isnan(found.ratio.value)


def test_breaking_the_pairs_is_noticed():
    """Negative control: with shuffled rows nothing is stable any more."""
    base, redrawn, kept = pick_freeze(linear, layer=1)
    shuffled = np.random.default_rng(9).permutation(kept)
    found = stability(base, redrawn, shuffled, level=0.999)
    assert found.ratio.high < 0.3


def step(function, start=0.3, length=0.5):
    base = layers(0)
    base[:, 0] = start
    moved = base.copy()
    moved[:, 0] += length
    return function(base), function(moved)


def test_a_linear_map_moves_every_image_the_same_way():
    for length in (0.5, -0.5):
        assert sign_consistency(*step(linear, length=length)).value == 1


@pytest.mark.parametrize("offset", [0.0, 0.5, -1.0])
def test_an_interaction_turns_the_direction_of_some(offset):
    # x1 (c + x2) rises with x1 where x2 > -c.
    before, after = step(lambda x: x[:, 0] * (offset + x[:, 1]))
    found = sign_consistency(before, after, level=0.999)
    expected = scipy.stats.norm.cdf(abs(offset))
    assert found.low < expected < found.high
    assert found.high - found.low < 0.06


def test_a_coins_toss_is_as_much_above_a_half_as_documented():
    random = np.random.default_rng(0)
    shares = [
        sign_consistency(np.zeros(400), random.choice([-1.0, 1.0], 400)).value
        for _ in range(300)
    ]
    assert np.mean(shares) - 0.5 == pytest.approx(0.4 / 20, rel=0.2)


def test_pairs_without_change_are_in_no_direction():
    after = np.array([1.0, 1.0, -1.0, 0.0])
    assert sign_consistency(np.zeros(4), after).value == 0.5
    assert sign_consistency(np.zeros(4), np.zeros(4)).value == 0


def test_undefined_pairs_do_not_count():
    after = np.array([1.0, 1.0, -1.0, np.nan])
    assert sign_consistency(np.zeros(4), after).value == pytest.approx(2 / 3)


def test_input_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="shapes differ"):
        stability(np.zeros(4), np.zeros(4), np.zeros(3))
    with pytest.raises(ValueError, match="two arrays"):
        sign_consistency(np.zeros((4, 1)), np.zeros((4, 1)))
    with pytest.raises(UserError, match="0 is too few"):
        sign_consistency(np.zeros(2), np.full(2, np.nan))
