"""Effects of layers with intervals, and S / T, of maps with a known answer."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from vlae.statistics.intervals import Interval
from vlae.statistics.sensitivity import effect_terms, layer_effects, total_effect

COUNT = 4096
"""The fewest base samples of claim S."""


def layers(seed, count=COUNT):
    """Three independent layers of one standard normal each, (count, 3)."""
    return np.random.default_rng(seed).normal(size=(count, 3))


def pick_freeze(function, layer=0, seed=0, count=COUNT):
    """A property of two draws, and of the first with a layer of the second."""
    first, second = layers(2 * seed, count), layers(2 * seed + 1, count)
    mixed = first.copy()
    mixed[:, layer] = second[:, layer]
    return function(first), function(second), function(mixed)


@dataclass(frozen=True)
class Found:
    total: Interval
    first_order: Interval
    ratio: Interval


def stability(first, second, mixed, *, level=0.95):
    """Effects of one layer on one property with their intervals."""
    terms = (effect_terms(first, mixed), effect_terms(second, mixed))
    both = layer_effects([terms])
    kinds = (both.total, both.first_order, both.ratio)
    return Found(*(kind.intervals(level)[0] for kind in kinds))


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


def test_effects_are_those_without_intervals():
    first, second, mixed = pick_freeze(linear)
    found = stability(first, second, mixed)
    assert found.total.value == pytest.approx(total_effect(first, mixed), rel=1e-12)
    expected = 1 - total_effect(second, mixed)
    assert found.first_order.value == pytest.approx(expected, rel=1e-12)
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
    values = stability(*(side[2:] for side in sides))
    sides[0][0] = sides[1][0] = sides[2][1] = np.nan
    found = stability(*sides)
    assert found.total.value == pytest.approx(values.total.value, rel=1e-12)
    assert found.ratio.value == pytest.approx(values.ratio.value, rel=1e-12)


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
    first, second, mixed = pick_freeze(linear, layer=1)
    shuffled = np.random.default_rng(9).permutation(second)
    found = stability(first, shuffled, mixed, level=0.999)
    assert found.ratio.high < 0.3
