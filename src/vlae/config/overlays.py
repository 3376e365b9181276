"""Read configuration files and merge them; schedules are replaced whole."""

import copy
from pathlib import Path
from typing import Any

import yaml

from vlae.system.errors import UserError

BASE = ("presets", "networks", "datasets", "claims", "config")
"""Files of `config/` that are always read, in this order; all others are overlays."""


def extended(
    content: dict[str, Any], overlay: dict[str, Any], root: Path
) -> dict[str, Any]:
    """Return `content` with the file that `overlay` extends and then `overlay` on top.

    Snakemake has merged the files already, but merges schedules key by key; here each
    schedule is replaced whole.

    Args:
        content: the merged configuration, `overlay` included.
        overlay: what was given on the command line.
        root: folder that the path in `extends` is relative to.

    Raises:
        UserError: if that file cannot be read, or extends another file itself.
    """
    if "extends" not in overlay:
        return merge(content, overlay)
    base = read(root / str(overlay["extends"]), "extends")
    if "extends" in base:
        raise UserError(f"extends: {overlay['extends']} extends another file itself.")
    return merge(content, base, overlay)


def read(path: Path, key: str) -> dict[str, Any]:
    """Return the content of a YAML file.

    Args:
        path: the file.
        key: what messages name as the origin of the path.

    Raises:
        UserError: if the file is missing or broken, or is not a YAML map.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{key}: {path} cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise UserError(f"{key}: {path} has no keys; expected a YAML map.")
    return content


def merge(*maps: dict[str, Any]) -> dict[str, Any]:
    """Return merged maps: later ones win key by key, but replace a schedule whole."""
    result: dict[str, Any] = {}
    for source in maps:
        for key, value in source.items():
            old = result.get(key)
            mergeable = isinstance(old, dict) and isinstance(value, dict)
            if mergeable and "schedule" not in value:
                result[key] = merge(old or {}, value)
            else:
                result[key] = copy.deepcopy(value)
    return result
