"""One number beside another, each with its seeds. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from typing import Any

from vlae.estimators.quotients import Interval
from vlae.estimators.spread import Seeds, apart, difference


class Finding(StrEnum):
    """Of one number in both folders."""

    EQUAL = "equal"
    WITHIN = "as seeds do"
    BEYOND = "more than seeds do"
    ONE_SEED = "one seed each: cannot be told"
    OTHER = "another text"
    FIRST_ONLY = "in A only"
    SECOND_ONLY = "in B only"


@dataclass(frozen=True)
class Line:
    """A number of one run: mean (range) and seeds in A and in B, and B less A."""

    table: str
    run: str
    name: str
    first: str
    second: str
    seeds: tuple[int, int]
    difference: Interval | None
    finding: Finding

    @property
    def change(self) -> str:
        """'-1.204 (-3.112 to 0.7040)', or nothing where there is no difference."""
        if self.difference is None:
            return ""
        gap = self.difference
        ends = f" ({digits(gap.low)} to {digits(gap.high)})"
        return digits(gap.value) + (ends if apart(gap) is not None else "")


def line(
    key: tuple[str, str, str], first: dict[int, Any], second: dict[int, Any]
) -> Line:
    """One number held against another, each by seed."""
    gap = None
    of = list(first.values()), list(second.values())
    if not of[0] or not of[1]:
        finding = Finding.SECOND_ONLY if of[1] else Finding.FIRST_ONLY
    elif first == second:
        finding = Finding.EQUAL
    elif not all(isinstance(value, Real) for value in (*of[0], *of[1])):
        finding = Finding.OTHER
    else:
        gap = difference(Seeds.of(of[0]), Seeds.of(of[1]))
        answers = {None: Finding.ONE_SEED, True: Finding.BEYOND, False: Finding.WITHIN}
        finding = answers[apart(gap)]
    shown = _shown(of[0]), _shown(of[1])
    return Line(*key, *shown, (len(first), len(second)), gap, finding)


def digits(value: float) -> str:
    """Four digits that count: '-98.41', '0.003410'."""
    return f"{value:#.4g}".rstrip(".")


def _shown(values: list[Any]) -> str:
    """Mean (range), or the texts."""
    if not values:
        return ""
    if not all(isinstance(value, Real) for value in values):
        return "; ".join(dict.fromkeys(map(str, values)))
    seeds = Seeds.of(values)
    if seeds.low == seeds.high:
        return digits(seeds.mean)
    return f"{digits(seeds.mean)} ({digits(seeds.low)}–{digits(seeds.high)})"
