"""One number of two results folders, compared over seeds."""

from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from typing import Any

from vlae.results.numbers import Key
from vlae.results.text import digits, interval
from vlae.statistics.intervals import Interval
from vlae.statistics.seed_spread import Seeds, apart, difference


class Agreement(StrEnum):
    """How a number of both folders compares."""

    EQUAL = "equal"
    WITHIN = "within seed variation"
    BEYOND = "beyond seed variation"
    ONE_SEED = "one seed each: not testable"
    OTHER_TEXT = "different text"
    FIRST_ONLY = "only in A"
    SECOND_ONLY = "only in B"


@dataclass(frozen=True)
class NumberPair:
    """A number of one run in A and in B, as text: mean and range over seeds."""

    table: str
    run: str
    name: str
    first: str
    second: str
    seeds: tuple[int, int]
    """Number of seeds in A and in B."""
    difference: Interval | None
    """B minus A; None unless both have different numbers."""
    agreement: Agreement

    @property
    def change(self) -> str:
        """The difference as '-1.204 (-3.112 to 0.7040)'; empty if there is none."""
        if self.difference is None:
            return ""
        gap = self.difference
        ends = f" ({digits(gap.low)} to {digits(gap.high)})"
        return digits(gap.value) + (ends if apart(gap) is not None else "")

    @property
    def equal(self) -> bool:
        """Whether both folders have the same number for the same seeds."""
        return self.agreement is Agreement.EQUAL

    @property
    def beyond(self) -> bool:
        """Whether the difference is larger than that between seeds."""
        return self.agreement is Agreement.BEYOND

    @property
    def testable(self) -> bool:
        """Whether there are seeds enough to compare the difference with theirs."""
        return self.difference is not None and apart(self.difference) is not None


def number_pair(key: Key, first: dict[int, Any], second: dict[int, Any]) -> NumberPair:
    """Compare one number.

    Args:
        key: where it is found.
        first: its values, or texts, in A by seed.
        second: the same in B.
    """
    gap = None
    one, other = list(first.values()), list(second.values())
    if not one or not other:
        agreement = Agreement.SECOND_ONLY if other else Agreement.FIRST_ONLY
    elif first == second:
        agreement = Agreement.EQUAL
    elif not _are_numbers(one + other):
        agreement = Agreement.OTHER_TEXT
    else:
        gap = difference(Seeds.of(one), Seeds.of(other))
        far = {
            None: Agreement.ONE_SEED,
            True: Agreement.BEYOND,
            False: Agreement.WITHIN,
        }
        agreement = far[apart(gap)]
    texts, seeds = (_text(one), _text(other)), (len(one), len(other))
    return NumberPair(*key, *texts, seeds, gap, agreement)


def _text(values: list[Any]) -> str:
    """Return the mean and range of numbers, or all different texts."""
    if not values:
        return ""
    if not _are_numbers(values):
        return "; ".join(dict.fromkeys(map(str, values)))
    seeds = Seeds.of(values)
    if seeds.low == seeds.high:
        return digits(seeds.mean)
    return f"{digits(seeds.mean)} ({interval(digits(seeds.low), digits(seeds.high))})"


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(value, Real) for value in values)
