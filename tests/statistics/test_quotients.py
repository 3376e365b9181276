"""Quotients of sums over the same draws, their intervals, and which is largest."""

import math

import numpy as np
import pytest

from vlae.statistics.intervals import bootstrap
from vlae.statistics.quotients import Quotients, bootstrap_quotients
from vlae.statistics.sensitivity import effect_terms
from vlae.system.errors import UserError

DRAWS = 2048
"""As many as the table `effects` takes."""
TRIALS = 300


def quotient(above, below):
    return above.sum() / below.sum()


@pytest.fixture(scope="module")
def sums():
    return np.random.default_rng(2).random((2, 400, 3)) + np.arange(3.0)


def test_quotients_are_those_of_the_bootstrap(sums):
    above, below = sums
    found = bootstrap_quotients(above, below, resamples=4000).intervals(level=0.9)
    assert len(found) == 3
    for column, one in enumerate(found):
        rows = (above[:, column], below[:, column])
        slow = bootstrap(quotient, *rows, resamples=4000, level=0.9)
        assert one.value == pytest.approx(slow.value, rel=1e-12)
        # An end is a quantile of 4,000 resamples: a tenth of the half-width is plenty.
        tolerance = (slow.high - slow.low) / 20
        assert one.low == pytest.approx(slow.low, abs=tolerance)
        assert one.high == pytest.approx(slow.high, abs=tolerance)


def test_a_quotient_without_denominator_is_undefined():
    below = np.stack([np.zeros(50), np.ones(50), np.eye(50)[0]], 1)
    found = bootstrap_quotients(np.ones((50, 3)), below)
    nothing, one, rare = found.intervals()
    assert all(map(math.isnan, (nothing.value, nothing.low, nothing.high)))
    assert (one.value, one.low, one.high) == (1, 1, 1)
    assert rare.value == 50, "and of a third of the resamples undefined"
    assert math.isnan(rare.low) and math.isnan(rare.high)
    assert math.isnan(found.leads("aaa")[1].value), "an opponent is undefined"
    with pytest.raises(ValueError, match="equal shapes"):
        bootstrap_quotients(np.ones((50, 2)), below)
    with pytest.raises(UserError, match="rows"):
        bootstrap_quotients(np.ones((1, 2)), np.ones((1, 2)))


def test_complements_turn_intervals_and_differences_round(sums):
    found = bootstrap_quotients(*sums)
    turned = found.complements()
    for one, other in zip(found.intervals(), turned.intervals(), strict=True):
        ends = [1 - other.value, 1 - other.high, 1 - other.low]
        assert [one.value, one.low, one.high] == pytest.approx(ends)
    pair, other = (q.every(2, 0).leads("aa")[0] for q in (found, turned))
    assert pair.value == pytest.approx(-other.value)
    assert pair.low == pytest.approx(-other.high)


def test_a_lead_of_two_is_the_interval_of_the_paired_difference(sums):
    above, below = (part[:, :2] for part in sums)

    def difference(above, below):
        first, second = above.sum(0) / below.sum(0)
        return first - second

    slow = bootstrap(difference, above, below, resamples=4000)
    ahead, behind = bootstrap_quotients(above, below, resamples=4000).leads([1, 1])
    assert ahead.value == pytest.approx(slow.value, rel=1e-12)
    tolerance = (slow.high - slow.low) / 20
    assert ahead.low == pytest.approx(slow.low, abs=tolerance)
    assert ahead.high == pytest.approx(slow.high, abs=tolerance)
    numbers = [-behind.value, -behind.high, -behind.low]
    assert [ahead.value, ahead.low, ahead.high] == pytest.approx(numbers)
    alone, gain = bootstrap_quotients(above, below, resamples=4000).less([None, 0])
    assert math.isnan(alone.value) and math.isnan(alone.low)
    assert [gain.value, gain.low, gain.high] == [behind.value, behind.low, behind.high]


def test_a_lead_is_over_the_largest_other_of_the_group():
    values = np.array([0.5, 0.7, 9.0, 0.4])
    found = Quotients(values, np.tile(values, (10, 1))).leads(["a", "a", "b", "a"])
    expected = [-0.2, 0.2, math.nan, -0.3]
    for lead, value in zip(found, expected, strict=True):
        numbers = (lead.value, lead.low, lead.high)
        assert numbers == pytest.approx([value] * 3, nan_ok=True)


def leads(effects):
    """Return intervals and leads of layers with these T, of `TRIALS` seeds.

    The property is a weighted sum of one standard normal per layer.
    """
    random, weights = np.random.default_rng(0), np.sqrt(effects)
    terms = []
    for _ in range(TRIALS):
        base, redrawn = random.normal(size=(2, DRAWS, len(effects)))
        for layer in range(len(effects)):
            after = base.copy()
            after[:, layer] = redrawn[:, layer]
            terms.append(effect_terms(base @ weights, after @ weights))
    columns = (np.stack(part, 1) for part in zip(*terms, strict=True))
    found = bootstrap_quotients(*columns)
    groups = [trial for trial in range(TRIALS) for _ in effects]
    shape = (TRIALS, len(effects))
    return [
        np.array(intervals, object).reshape(shape)
        for intervals in (found.intervals(), found.leads(groups))
    ]


def test_common_draws_tell_effects_apart_whose_intervals_overlap():
    effects, found = leads([0.36, 0.34, 0.30])
    first, second, _ = effects.T
    clear = np.mean([a.low > b.high for a, b in zip(first, second, strict=True)])
    sure = np.mean([lead.low > 0 for lead in found[:, 0]])
    assert clear < 0.08
    assert sure > max(0.15, 3 * clear)
    assert np.mean([lead.high < 0 for lead in found[:, 0]]) < 0.025
    covered = np.mean([lead.low <= 0.02 <= lead.high for lead in found[:, 0]])
    assert covered > 0.93


def test_a_clear_leader_is_found_in_every_seed():
    _, found = leads([0.42, 0.32, 0.26])
    assert np.mean([lead.low > 0 for lead in found[:, 0]]) > 0.99
    for layer in (1, 2):
        assert np.mean([lead.high < 0 for lead in found[:, layer]]) > 0.99


@pytest.mark.parametrize("layers", [2, 3, 4])
def test_of_equal_effects_hardly_any_leads_or_is_behind(layers):
    _, found = leads([1 / layers] * layers)
    passes = np.mean([[lead.low > 0 for lead in seed] for seed in found], axis=0)
    fails = np.mean([[lead.high < 0 for lead in seed] for seed in found], axis=0)
    # 2.5 % and a binomial error of 300 trials; several rivals make failing likelier.
    assert passes.max() <= 0.05
    assert fails.max() <= 0.05 + 0.02 * (layers - 2)
