"""What differs between two results folders: settings, what made them, and numbers."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from numbers import Real
from typing import Any

import pandas as pd

from vlae.results.inventory import Contents, Inventory, Name
from vlae.results.numbers import Key, numbers, verdict_numbers
from vlae.results.settings_diff import changes
from vlae.results.text import digits
from vlae.statistics.intervals import Interval
from vlae.statistics.seed_spread import Seeds, apart, difference

SEVERAL = 3
"""More names than these in a line are counted, if they are all that there are."""


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


@dataclass(frozen=True)
class Missing:
    """What only one folder has."""

    kind: str
    name: str
    only_in: str


@dataclass(frozen=True)
class Setting:
    """A key whose value differs, in all that `names` lists."""

    kind: str
    names: str
    key: str
    first: str
    second: str


@dataclass(frozen=True)
class Verdict:
    """A verdict of both, each with its number, and whether the number differs."""

    claim: str
    part: str
    run: str
    first: str
    second: str
    number: Line | None

    @property
    def differs(self) -> bool:
        return self.first != self.second


@dataclass(frozen=True)
class Comparison:
    """All that differs, and in `lines` all numbers that both folders have a run for."""

    missing: list[Missing]
    settings: list[Setting]
    made_by: list[Setting]
    lines: list[Line]
    verdicts: list[Verdict]

    def differing(self) -> list[Line]:
        return [line for line in self.lines if line.finding is not Finding.EQUAL]

    def beyond(self) -> list[Line]:
        return [line for line in self.lines if line.finding is Finding.BEYOND]

    def tested(self) -> int:
        """Numbers of which it can be told whether they differ by more than seeds."""
        return sum(
            line.difference is not None and apart(line.difference) is not None
            for line in self.lines
        )

    def changed_verdicts(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.differs]

    def nothing(self) -> bool:
        """Whether nothing differs at all."""
        numbers = [v for v in self.verdicts if v.number and v.number.finding != "equal"]
        found = (self.missing, self.settings, self.made_by, self.differing())
        return not any([*found, self.changed_verdicts(), numbers])

    def summary(self) -> list[str]:
        """Sentences; one if nothing differs."""
        if self.nothing():
            return ["No difference."]
        keys = len({(setting.kind, setting.key) for setting in self.settings})
        beyond, tested = len(self.beyond()), self.tested()
        by_chance = (
            f"{beyond} by more than seeds do, where of the {tested} that can be told "
            f"{tested / 20:.0f} would by chance"
            if tested
            else "with no seeds to tell by how much"
        )
        return [
            f"Settings: {_count(keys, 'key')} with other values.",
            f"Made by: {_count(len(self.made_by), 'difference')} in code, versions, "
            "machine or data.",
            f"In one folder only: {len(self.missing)}.",
            f"Numbers: {len(self.differing())} of {len(self.lines)} differ, "
            f"{by_chance}.",
            f"Verdicts: {len(self.changed_verdicts())} of {len(self.verdicts)} differ.",
        ]


def compare(first: Inventory, second: Inventory) -> Comparison:
    """Compare what both folders have, and name what only one has.

    Raises:
        UserError: if a file of either cannot be read.
    """
    specs = first.specs(), second.specs()
    settings = _differences(*specs)
    made_by = _differences(first.made_by(), second.made_by())
    tables = first.experiments(), second.experiments()
    shared = {name.label for name in tables[0]} & {name.label for name in tables[1]}
    values = [
        numbers(folder, [name for name in of if name.label in shared])
        for folder, of in zip((first, second), tables, strict=True)
    ]
    runs = _labels(first.finished()) & _labels(second.finished())
    pairs = {
        key: (values[0].get(key, {}), values[1].get(key, {}))
        for key in dict.fromkeys([*values[0], *values[1]])
        if key.run in runs
    }
    lines = [line(key, *pair) for key, pair in pairs.items() if any(pair)]
    missing = _missing(first, second, *specs)
    alone = {part.name for part in missing if part.kind == "claim"}
    verdicts = [v for v in _verdicts(first, second) if v.claim not in alone]
    return Comparison(missing, settings, made_by, lines, verdicts)


def _missing(
    first: Inventory,
    second: Inventory,
    first_specs: dict[str, Contents],
    second_specs: dict[str, Contents],
) -> list[Missing]:
    """What only one folder has, a line each; of what is missing whole, no parts."""
    results = {
        "run": (first.finished(), second.finished()),
        "experiment": (first.experiments(), second.experiments()),
    }
    absent = first_specs["run"].keys() ^ second_specs["run"].keys()
    found = []
    for kind, specs in first_specs.items():
        one, other = set(specs), set(second_specs[kind])
        if kind != "run":
            one, other = (
                {name for name in of if replace(name, subject="") not in absent}
                for of in (one, other)
            )
        found += _alone(kind, one, other)
        done = (one & other & set(of) for of in results.get(kind, ((), ())))
        found += _alone(f"result of {kind}", *done)
    return found


def _alone(kind: str, first: Iterable[Name], second: Iterable[Name]) -> list[Missing]:
    one, other = set(first), set(second)
    return [
        Missing(kind, name, where)
        for where, left in (("A", one - other), ("B", other - one))
        for name in _grouped(left, one | other)
    ]


def _differences(
    first: dict[str, Contents], second: dict[str, Contents]
) -> list[Setting]:
    return [
        setting
        for kind, contents in first.items()
        for setting in _settings(kind, contents, second[kind])
    ]


def _settings(kind: str, first: Contents, second: Contents) -> list[Setting]:
    """Changed keys of what both have; a run without a common seed by its first."""
    pairs = [(name, name) for name in first if name in second]
    covered = _labels(name for name, _ in pairs)
    for label in (_labels(first) & _labels(second)) - covered:
        one, other = (min(n for n in of if n.label == label) for of in (first, second))
        whole = replace(one, seed=None)
        pairs.append((whole, other))
        first = {**first, whole: first[one]}
    found: dict[tuple[str, str, str], list[Name]] = {}
    for name, other in pairs:
        for change in changes(first[name], second[other]):
            found.setdefault((change.key, change.first, change.second), []).append(name)
    everything = [name for name, _ in pairs]
    return [
        Setting(kind, _among(names, everything), *change)
        for change, names in found.items()
    ]


def _among(names: list[Name], everything: list[Name]) -> str:
    if len(everything) > SEVERAL and len(names) == len(everything):
        return "all"
    return "; ".join(_grouped(names, everything))


def _grouped(names: Iterable[Name], everything: Iterable[Name] = ()) -> list[str]:
    """Names with their seeds ('mnist/vlae, seeds 1, 2'), which all may go unnamed."""
    chosen, known = sorted(names, key=str), list(everything)
    found = []
    for label in dict.fromkeys(name.label for name in chosen):
        seeds, whole = _seeds(chosen, label), _seeds(known, label)
        if not seeds or seeds == whole:
            found.append(label)
        else:
            word = "seed" if len(seeds) == 1 else "seeds"
            found.append(f"{label}, {word} {', '.join(map(str, seeds))}")
    return found


def _seeds(names: Iterable[Name], label: str) -> list[int]:
    return sorted(n.seed for n in names if n.label == label and n.seed is not None)


def _verdicts(first: Inventory, second: Inventory) -> list[Verdict]:
    """Verdicts of all tests that both have, and those of one with nothing beside."""
    told = [_told(inventory.verdicts()) for inventory in (first, second)]
    values = [verdict_numbers(inventory) for inventory in (first, second)]
    found = []
    for key in dict.fromkeys([*told[0], *told[1]]):
        claim, run, part = key
        numbers = [of.get(key, {}) for of in values]
        number = line(key, *numbers) if any(numbers) else None
        one, other = (of.get(key, "") for of in told)
        found.append(Verdict(claim, part, run, one, other, number))
    return found


def _told(verdicts: pd.DataFrame | None) -> dict[Key, str]:
    if verdicts is None:
        return {}
    return {
        Key(row["id"], f"{row['dataset']}/{row['run']}", row["part"]): row["verdict"]
        for row in verdicts.to_dict("records")
    }


def _labels(names: Iterable[Name]) -> set[str]:
    return {name.label for name in names}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def line(key: Key, first: dict[int, Any], second: dict[int, Any]) -> Line:
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
