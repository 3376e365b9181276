"""What a data card says in words, for the log of `prepare` and for the report."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Remark:
    """One line about prepared data."""

    title: str
    text: str


def remarks(card: dict[str, Any]) -> list[Remark]:
    """Return what is worth saying of a data set's files, levels and classes.

    Args:
        card: a data card; every entry that is read here may be missing.
    """
    empty = ", ".join(_named(card, card.get("empty_classes", [])))
    lines = {
        "Left out": _left_out(card),
        "Levels found": card.get("levels", ""),
        "Classes and their labels": _classes(card),
        "Classes without images": empty,
    }
    return [Remark(title, text) for title, text in lines.items() if text]


def count_left_out(card: dict[str, Any]) -> int:
    """Return how many files of the data set were left out."""
    return sum(card.get("left_out", {}).values())


def _left_out(card: dict[str, Any]) -> str:
    """Return how many files were left out and why, or "" if none was."""
    count = count_left_out(card)
    if not count:
        return ""
    often = sorted(card["left_out"].items(), key=lambda item: -item[1])
    reasons = ", ".join(f"{reason}: {files:,}" for reason, files in often)
    return f"{count:,} {'file' if count == 1 else 'files'} ({reasons})"


def _classes(card: dict[str, Any]) -> str:
    """Return the names of the classes by number, or "" if they have none."""
    return ", ".join(_named(card, range(len(card.get("class_names", [])))))


def _named(card: dict[str, Any], classes: Iterable[int]) -> list[str]:
    names = dict(enumerate(card.get("class_names", [])))
    return [f'{n} is "{names[n]}"' if n in names else str(n) for n in classes]
