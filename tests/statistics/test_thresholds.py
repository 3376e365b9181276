"""Tests of intervals against thresholds and against each other."""

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
    ("others", "expected"),
    [
        ([(0.1, 0.2), (0.3, 0.4)], PASSES),
        ([(0.1, 0.2), (0.3, 0.5)], OPEN),
        ([(0.1, 0.2), (0.45, 0.7)], OPEN),
        ([(0.1, 0.2), (0.61, 0.7)], FAILS),
        ([(0.55, 0.58), (0.61, 0.7)], FAILS),
        ([(0.1, 0.2), (NAN, 0.3)], UNMEASURED),
        ([], PASSES),
    ],
)
def test_the_largest_is_clear_of_all_others(others, expected):
    found = Interval(0.55, 0.5, 0.6)
    assert largest(found, [Interval(sum(o) / 2, *o) for o in others]) is expected


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
