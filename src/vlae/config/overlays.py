"""Configuration files on top of each other; schedules are replaced whole."""

import copy
from pathlib import Path
from typing import Any

import yaml

from vlae.system.errors import UserError

BASE = ("presets", "networks", "datasets", "claims", "config")
"""Files of `config/` that are always read, in this order; all others are overlays."""

Map = dict[str, Any]


def extended(content: Map, overlay: Map, root: Path) -> Map:
    """`content` with `overlay` on top, and below that the file that it extends.

    Snakemake merges schedules key by key; here each is replaced whole.

    Args:
        content: the merged configuration, `overlay` included.
        overlay: what was given on the command line.
        root: folder from which the path in `extends` starts.

    Raises:
        UserError: if there is no such file, or it extends another one.
    """
    if "extends" not in overlay:
        return merge(content, overlay)
    base = read(root / str(overlay["extends"]), "extends")
    if "extends" in base:
        raise UserError(f"extends: {overlay['extends']} extends another file itself.")
    return merge(content, base, overlay)


def read(path: Path, key: str) -> Map:
    """A YAML file; `key` is named if it cannot be read.

    Raises:
        UserError: if it is missing, broken or holds no map.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{key}: {path} cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise UserError(f"{key}: {path} holds no keys; expected a YAML map.")
    return content


def merge(*maps: Map) -> Map:
    """Later maps win key by key; a schedule is replaced as a whole."""
    result: Map = {}
    for source in maps:
        for key, value in source.items():
            old = result.get(key)
            mergeable = isinstance(old, dict) and isinstance(value, dict)
            if mergeable and "schedule" not in value:
                result[key] = merge(old or {}, value)
            else:
                result[key] = copy.deepcopy(value)
    return result
