"""Tests of intervals against thresholds."""

import itertools

import pytest

from vlae.statistics.intervals import Interval
from vlae.statistics.thresholds import (
    Outcome,
    all_of,
    at_least,
    at_most,
    largest,
    opposite,
)

PASSES, FAILS, OPEN, UNMEASURED, UNTESTED = Outcome
NAN = float("nan")


@pytest.mark.parametrize(
    ("low", "high", "least", "most"),
    [
        (0.6, 0.8, PASSES, FAILS),
        (0.5, 0.8, PASSES, OPEN),
        (0.4, 0.6, OPEN, OPEN),
        (0.4, 0.5, OPEN, PASSES),
        (0.2, 0.4, FAILS, PASSES),
        (NAN, 0.4, UNMEASURED, UNMEASURED),
        (0.6, NAN, UNMEASURED, UNMEASURED),
    ],
)
def test_a_threshold_is_passed_by_the_whole_interval(low, high, least, most):
    found = Interval((low + high) / 2, low, high)
    assert at_least(found, 0.5) is least
    assert at_most(found, 0.5) is most


def test_a_number_without_a_value_is_not_measured():
    assert at_least(Interval(NAN, 0.6, 0.8), 0.5) is UNMEASURED


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.2, PASSES),
        (-0.01, 0.2, OPEN),
        (-0.2, 0.01, OPEN),
        (-0.2, -0.01, FAILS),
        (0.0, 0.0, OPEN),  # both do nothing
        (NAN, 0.2, UNMEASURED),
        (0.1, NAN, UNMEASURED),
    ],
)
def test_the_largest_is_surely_ahead_of_the_next(low, high, expected):
    assert largest(Interval((low + high) / 2, low, high)) is expected


@pytest.mark.parametrize("outcomes", itertools.product(Outcome, repeat=3))
def test_all_of(outcomes):
    found = all_of(outcomes)
    if FAILS in outcomes:
        assert found is FAILS
    elif UNMEASURED in outcomes:
        assert found is UNMEASURED
    else:
        assert found is (OPEN if OPEN in outcomes else PASSES)


def test_all_of_nothing_is_not_measured():
    assert all_of([]) is UNMEASURED


def test_opposite():
    expected = [FAILS, PASSES, OPEN, UNMEASURED]
    assert [opposite(o) for o in (PASSES, FAILS, OPEN, UNMEASURED)] == expected
