"""Direction of a step along one coordinate, of maps with a known answer."""

import numpy as np
import pytest
import scipy.stats

from vlae.statistics.sign_consistency import sign_consistency
from vlae.system.errors import UserError


def layers(seed, count=4096):
    """Three independent layers of one standard normal each, (count, 3)."""
    return np.random.default_rng(seed).normal(size=(count, 3))


def linear(x):
    return x @ [1.0, -2.0, 0.5]


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
    with pytest.raises(ValueError, match="two arrays"):
        sign_consistency(np.zeros((4, 1)), np.zeros((4, 1)))
    with pytest.raises(UserError, match="0 is too few"):
        sign_consistency(np.zeros(2), np.full(2, np.nan))
