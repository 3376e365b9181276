"""All differences between two results folders: settings, code, data and numbers."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from vlae.config.experiment_tables import makers
from vlae.report.html import environment, style
from vlae.report.number_pairs import NumberPair, number_pair
from vlae.results.inventory import Contents, Inventory, Name
from vlae.results.manifest import changed
from vlae.results.numbers import Key, numbers, verdict_numbers
from vlae.results.settings_diff import changes

MAX_NAMES_OF_ALL = 3
"""If a difference concerns more things than this, and all of them, they are "all"."""


@dataclass(frozen=True)
class Missing:
    """Something that only one folder has."""

    kind: str
    name: str
    only_in: str
    """`A` or `B`."""


@dataclass(frozen=True)
class SettingPair:
    """A key whose value differs."""

    kind: str
    names: str
    """Everything of that kind with this difference."""
    key: str
    first: str
    second: str


@dataclass(frozen=True)
class VerdictPair:
    """The verdicts of both folders on one part of a claim; empty for no verdict."""

    claim: str
    part: str
    run: str
    first: str
    second: str
    passed: tuple[str, str]
    """How many seeds passed in each: '7 of 8'; empty if there is no test."""
    number: NumberPair | None

    @property
    def differs(self) -> bool:
        """Whether the verdicts, not only their numbers, differ."""
        return self.first != self.second

    @property
    def texts(self) -> list[tuple[str, str]]:
        """The verdict of each folder, and how many seeds passed."""
        return list(zip((self.first, self.second), self.passed, strict=True))


@dataclass(frozen=True)
class Comparison:
    """Everything that differs between two folders."""

    missing: list[Missing]
    settings: list[SettingPair]
    made_by: list[SettingPair]
    numbers: list[NumberPair]
    """All numbers of runs that both folders have, also the equal ones."""
    verdicts: list[VerdictPair]
    """All verdicts, also the equal ones."""

    def differing(self) -> list[NumberPair]:
        """Return the numbers that are not equal."""
        return [number for number in self.numbers if not number.equal]

    def beyond(self) -> list[NumberPair]:
        """Return the numbers that differ by more than seeds do."""
        return [number for number in self.numbers if number.beyond]

    def tested(self) -> int:
        """Return how many numbers differ and can be compared with the seeds."""
        return sum(number.testable for number in self.numbers)

    def changed_verdicts(self) -> list[VerdictPair]:
        """Return the verdicts that differ."""
        return [verdict for verdict in self.verdicts if verdict.differs]

    def nothing(self) -> bool:
        """Return whether nothing differs at all."""
        numbers = [v for v in self.verdicts if v.number and not v.number.equal]
        passed = [v for v in self.verdicts if v.passed[0] != v.passed[1]]
        found = (self.missing, self.settings, self.made_by, self.differing())
        return not any([*found, self.changed_verdicts(), numbers, passed])

    def summary(self) -> list[str]:
        """Return sentences that count the differences; one if there are none."""
        if self.nothing():
            return ["No difference."]
        keys = len({(setting.kind, setting.key) for setting in self.settings})
        beyond, tested = len(self.beyond()), self.tested()
        by_chance = (
            f"{beyond} beyond seed variation, where {tested / 20:.0f} of the {tested} "
            "that can be tested would be by chance"
            if tested
            else "with too few seeds to test by how much"
        )
        return [
            f"Settings: {_count(keys, 'key')} with different values.",
            f"What made them: {_count(len(self.made_by), 'difference')} in code, "
            "versions, machine or data.",
            f"In one folder only: {len(self.missing)}.",
            f"Numbers: {len(self.differing())} of {len(self.numbers)} differ, "
            f"{by_chance}.",
            f"Verdicts: {len(self.changed_verdicts())} of {len(self.verdicts)} differ.",
        ]


def render(
    found: Comparison, first: Inventory, second: Inventory, templates: Path
) -> str:
    """Return a comparison as a page.

    Args:
        found: the comparison of `first` (A) and `second` (B).
        first: the one results folder.
        second: the other one.
        templates: the folder `report/` of the repository.
    """
    folders = first, second
    template = environment(templates).get_template("compare/compare.html.j2")
    return template.render(
        style=style(templates),
        found=found,
        folders=[str(folder.root) for folder in folders],
        unfinished=[folder.unfinished() for folder in folders],
        changed=[changed(folder.folder) for folder in folders],
    )


def compare(first: Inventory, second: Inventory) -> Comparison:
    """Compare what both folders have, and name what only one has.

    Raises:
        UserError: if a file of either folder cannot be read.
    """
    specs = first.specs(), second.specs()
    missing = _missing(first, second, *specs)
    alone = {part.name for part in missing if part.kind == "claim"}
    return Comparison(
        missing=missing,
        settings=_differences(*specs),
        made_by=_differences(first.made_by(), second.made_by()),
        numbers=_number_pairs(first, second),
        verdicts=[v for v in _verdict_pairs(first, second) if v.claim not in alone],
    )


# What only one folder has


def _missing(
    first: Inventory,
    second: Inventory,
    first_specs: dict[str, Contents],
    second_specs: dict[str, Contents],
) -> list[Missing]:
    """Return what only one folder has; nothing of a run that is missing as a whole."""
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
        done = (
            {name for name in of if {name, _made_by(name)} & one & other}
            for of in results.get(kind, ((), ()))
        )
        found += _alone(f"result of {kind}", *done)
    return found


def _made_by(name: Name) -> Name:
    """Return the name of the experiment that makes a table; a run makes itself."""
    (subject,) = makers([name.subject])
    return replace(name, subject=subject)


def _alone(kind: str, first: set[Name], second: set[Name]) -> list[Missing]:
    return [
        Missing(kind, name, where)
        for where, left in (("A", first - second), ("B", second - first))
        for name in _grouped(left, first | second)
    ]


# Settings


def _differences(
    first: dict[str, Contents], second: dict[str, Contents]
) -> list[SettingPair]:
    return [
        setting
        for kind, contents in first.items()
        for setting in _settings(kind, contents, second[kind])
    ]


def _settings(kind: str, first: Contents, second: Contents) -> list[SettingPair]:
    """Return the keys that differ, of everything that both folders have.

    A run that has no seed in both folders is compared by its first seeds.
    """
    pairs = {
        name: (content, second[name])
        for name, content in first.items()
        if name in second
    }
    covered = _labels(pairs)
    for label in sorted((_labels(first) & _labels(second)) - covered):
        one, other = (min(n for n in of if n.label == label) for of in (first, second))
        pairs[replace(one, seed=None)] = first[one], second[other]
    found: dict[tuple[str, str, str], list[Name]] = {}
    for name, contents in pairs.items():
        for change in changes(*contents):
            found.setdefault((change.key, change.first, change.second), []).append(name)
    return [
        SettingPair(kind, _names_of(names, list(pairs)), *change)
        for change, names in found.items()
    ]


def _names_of(names: list[Name], everything: list[Name]) -> str:
    if len(everything) > MAX_NAMES_OF_ALL and len(names) == len(everything):
        return "all"
    return "; ".join(_grouped(names, everything))


def _grouped(names: Iterable[Name], everything: Iterable[Name]) -> list[str]:
    """Return labels with their seeds: 'mnist/vlae, seeds 1, 2'.

    Seeds are left out where `names` has all seeds that `everything` has.
    """
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


def _labels(names: Iterable[Name]) -> set[str]:
    return {name.label for name in names}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


# Numbers and verdicts


def _number_pairs(first: Inventory, second: Inventory) -> list[NumberPair]:
    """Return the numbers of all runs and experiments that both folders have."""
    tables = first.experiments(), second.experiments()
    shared = _labels(tables[0]) & _labels(tables[1])
    one, other = (
        numbers(folder, [name for name in of if name.label in shared])
        for folder, of in zip((first, second), tables, strict=True)
    )
    runs = _labels(first.finished()) & _labels(second.finished())
    pairs = {
        key: (one.get(key, {}), other.get(key, {}))
        for key in dict.fromkeys([*one, *other])
        if key.run in runs
    }
    return [number_pair(key, *pair) for key, pair in pairs.items() if any(pair)]


def _verdict_pairs(first: Inventory, second: Inventory) -> list[VerdictPair]:
    """Return the verdicts of all tests that one of the folders has."""
    folders = first, second
    verdicts = [_verdicts(folder.verdicts()) for folder in folders]
    values = [verdict_numbers(folder) for folder in folders]
    found = []
    for key in dict.fromkeys([*verdicts[0], *verdicts[1]]):
        one, other = (of.get(key, {}) for of in values)
        number = number_pair(key, one, other) if one or other else None
        first_text, first_passed = verdicts[0].get(key, ("", ""))
        second_text, second_passed = verdicts[1].get(key, ("", ""))
        texts, passed = (first_text, second_text), (first_passed, second_passed)
        found.append(VerdictPair(key.table, key.name, key.run, *texts, passed, number))
    return found


def _verdicts(table: pd.DataFrame | None) -> dict[Key, tuple[str, str]]:
    """Return each verdict, and how many seeds passed.

    Results of older versions do not say the latter.
    """
    if table is None:
        return {}
    return {
        Key(row["id"], f"{row['dataset']}/{row['run']}", row["part"]): (
            row["verdict"],
            row.get("passed", ""),
        )
        for row in table.to_dict("records")
    }
