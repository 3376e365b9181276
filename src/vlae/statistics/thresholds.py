"""Tests of an interval against a threshold."""

import math
from collections.abc import Iterable
from dataclasses import astuple
from enum import StrEnum

from vlae.statistics.intervals import Interval


class Outcome(StrEnum):
    """Outcome of one test in one seed."""

    PASSES = "passes"
    FAILS = "fails"
    OPEN = "open"
    """The interval allows both."""
    UNMEASURED = "not measured"
    """There is no number or no interval."""
    UNTESTED = "no test"
    """There is a number, but no criterion for it."""


def at_least(found: Interval, threshold: float) -> Outcome:
    """Test whether a number is at least `threshold`.

    Returns:
        PASSES if the whole interval is at or above the threshold, FAILS if it is below,
        OPEN otherwise; UNMEASURED if the number or an end of its interval is nan.
    """
    if not _known(found):
        return Outcome.UNMEASURED
    if found.low >= threshold:
        return Outcome.PASSES
    return Outcome.FAILS if found.high < threshold else Outcome.OPEN


def at_most(found: Interval, threshold: float) -> Outcome:
    """Test whether a number is at most `threshold`.

    Returns:
        PASSES if the whole interval is at or below the threshold, FAILS if it is above,
        OPEN otherwise; UNMEASURED if the number or an end of its interval is nan.
    """
    if not _known(found):
        return Outcome.UNMEASURED
    if found.high <= threshold:
        return Outcome.PASSES
    return Outcome.FAILS if found.low > threshold else Outcome.OPEN


def largest(lead: Interval) -> Outcome:
    """Test whether a number is larger than all others, by how far it is above them.

    Args:
        lead: the number less the largest other, see `vlae.statistics.quotients`.

    Returns:
        PASSES if the whole interval is above 0, FAILS if it is below, OPEN otherwise;
        UNMEASURED if the number or an end of its interval is nan.
    """
    if not _known(lead):
        return Outcome.UNMEASURED
    if lead.low > 0:
        return Outcome.PASSES
    return Outcome.FAILS if lead.high < 0 else Outcome.OPEN


def all_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome of a test that passes if all of the given tests pass.

    Returns:
        FAILS if any test fails; else UNMEASURED if any is unmeasured or there are none;
        else OPEN if any is open; else PASSES.
    """
    found = set(outcomes)
    for outcome in (Outcome.FAILS, Outcome.UNMEASURED, Outcome.OPEN):
        if outcome in found:
            return outcome
    return Outcome.PASSES if found else Outcome.UNMEASURED


def opposite(outcome: Outcome) -> Outcome:
    """Return the outcome of the negation of a test."""
    turned = {Outcome.PASSES: Outcome.FAILS, Outcome.FAILS: Outcome.PASSES}
    return turned.get(outcome, outcome)


def _known(found: Interval) -> bool:
    return not any(map(math.isnan, astuple(found)))
