"""Settings key by key, and how two sets of them differ. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNSET = "not set"


@dataclass(frozen=True)
class Change:
    """A key whose values differ, as text; `UNSET` where there is no such key."""

    key: str
    first: str
    second: str


def flat(content: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings as one map: 'training.steps' to 8000.

    A list that holds maps is numbered from 1 ('decoder.1.body'); others stay whole,
    and so do empty maps.
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


def changes(first: Any, second: Any) -> list[Change]:
    """Keys of two nested settings whose values differ, in the order of the first."""
    one, other = texts(first), texts(second)
    return [
        Change(key, one.get(key, UNSET), other.get(key, UNSET))
        for key in {**one, **other}
        if one.get(key, UNSET) != other.get(key, UNSET)
    ]


def texts(content: Any) -> dict[str, str]:
    """`flat`, each value as text: a text as it is, all else as JSON has it."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in flat(content).items()
    }
