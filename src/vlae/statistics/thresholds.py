"""Tests of an interval against a threshold. Pure."""

import math
from collections.abc import Iterable
from enum import StrEnum

from vlae.statistics.intervals import Interval


class Outcome(StrEnum):
    """Of one test in one seed."""

    PASSES = "passes"
    FAILS = "fails"
    OPEN = "open"
    UNMEASURED = "not measured"
    UNTESTED = "no test"


def at_least(found: Interval, threshold: float) -> Outcome:
    """Whether a number is at least `threshold`, as sure as its interval."""
    if not _known(found):
        return Outcome.UNMEASURED
    if found.low >= threshold:
        return Outcome.PASSES
    return Outcome.FAILS if found.high < threshold else Outcome.OPEN


def at_most(found: Interval, threshold: float) -> Outcome:
    """Whether a number is at most `threshold`, as sure as its interval."""
    if not _known(found):
        return Outcome.UNMEASURED
    if found.high <= threshold:
        return Outcome.PASSES
    return Outcome.FAILS if found.low > threshold else Outcome.OPEN


def largest(found: Interval, others: Iterable[Interval]) -> Outcome:
    """Whether a number is larger than all others; open where intervals overlap."""
    others = list(others)
    if not all(map(_known, (found, *others))):
        return Outcome.UNMEASURED
    if any(other.low > found.high for other in others):
        return Outcome.FAILS
    clear = all(found.low > other.high for other in others)
    return Outcome.PASSES if clear else Outcome.OPEN


def all_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Whether all pass: one that fails decides, else one not measured, else one open.

    Nothing at all is not measured.
    """
    found = set(outcomes)
    for outcome in (Outcome.FAILS, Outcome.UNMEASURED, Outcome.OPEN):
        if outcome in found:
            return outcome
    return Outcome.PASSES if found else Outcome.UNMEASURED


def opposite(outcome: Outcome) -> Outcome:
    """Of the test's negation."""
    turned = {Outcome.PASSES: Outcome.FAILS, Outcome.FAILS: Outcome.PASSES}
    return turned.get(outcome, outcome)


def _known(found: Interval) -> bool:
    return not any(map(math.isnan, (found.value, found.low, found.high)))
