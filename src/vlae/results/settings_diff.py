"""Nested settings key by key, and how two sets of them differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNSET = "not set"


@dataclass(frozen=True)
class Change:
    """A key with two different values, as text; `UNSET` stands for no such key."""

    key: str
    first: str
    second: str


def flat(content: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one dictionary: `training.steps` to 8000.

    A list that holds dictionaries is numbered from 1 (`decoder.1.body`). Other lists
    and empty dictionaries are values.
    """
    if isinstance(content, Mapping) and content:
        parts = [(str(key), part) for key, part in content.items()]
    elif isinstance(content, list) and any(isinstance(x, Mapping) for x in content):
        parts = [(str(place), part) for place, part in enumerate(content, 1)]
    else:
        return {prefix: content}
    found: dict[str, Any] = {}
    for key, part in parts:
        found |= flat(part, f"{prefix}.{key}" if prefix else key)
    return found


def texts(content: Any) -> dict[str, str]:
    """Return `flat` settings with every value as text; all but texts as JSON."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in flat(content).items()
    }


def changes(first: Any, second: Any) -> list[Change]:
    """Return the keys of two nested settings whose values differ.

    They are in the order of the first; keys that only the second has come last.
    """
    one, other = texts(first), texts(second)
    return [
        Change(key, one.get(key, UNSET), other.get(key, UNSET))
        for key in {**one, **other}
        if one.get(key, UNSET) != other.get(key, UNSET)
    ]
