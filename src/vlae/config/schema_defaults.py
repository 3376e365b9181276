"""What a configuration need not say: the defaults of its schemas."""

import copy
import re
from pathlib import PurePosixPath
from typing import Any

from vlae.config.validation import schema
from vlae.system.errors import UserError


def completed_networks(networks: dict[str, Any]) -> dict[str, Any]:
    """Return the networks of a configuration with every key that has a default."""
    common = _defaults(schema("network")["properties"])
    found = {}
    for name, content in networks.items():
        own = _defaults(schema(f"networks/{content['model']}")["properties"])
        found[name] = {**common, **own, **content}
    return found


def completed_datasets(datasets: dict[str, Any]) -> dict[str, Any]:
    """Return the data sets of a configuration with every key that has a default.

    Args:
        datasets: definitions by name, which their schemas have accepted.

    Raises:
        UserError: if a file has no source, or two files have the same name.
    """
    return {name: _dataset(name, content) for name, content in datasets.items()}


def _dataset(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    common, own = schema("dataset"), schema(f"datasets/{definition['module']}")
    properties = {**own["properties"], **common["properties"]}
    result = {"title": name, **_defaults(properties), **definition}
    if "files" in definition:
        described = common["$defs"]["file"]["properties"]
        result["files"] = {
            role: _file(role, file, described, f"datasets.{name}.files.{role}")
            for role, file in definition["files"].items()
        }
        _check_names(result["files"], f"datasets.{name}.files")
    return result


def _defaults(properties: dict[str, Any]) -> dict[str, Any]:
    found = {k: p["default"] for k, p in properties.items() if "default" in p}
    return copy.deepcopy(found)


def _file(
    role: str, file: dict[str, Any], described: dict[str, Any], key: str
) -> dict[str, Any]:
    remote = file.get("remote")
    if (file.get("path") is None) == (remote is None):
        raise UserError(
            f"{key}: give one of 'path', for a file or folder on your own disk, and "
            "'remote', for a file of a mirror or an address."
        )
    name = re.sub(r"\.gz$", "", PurePosixPath(remote).name) if remote else role
    usable = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    own = {"name": usable, "path": None, "remote": remote}
    return {**_defaults(described), **own, **file}


def _check_names(files: dict[str, Any], key: str) -> None:
    """Raise `UserError` if two files would be written to the same place."""
    roles: dict[str, str] = {}
    for role, file in files.items():
        other = roles.setdefault(file["name"], role)
        if other != role:
            raise UserError(
                f"{key}: '{other}' and '{role}' are both named {file['name']}; give "
                "one of them another 'name'."
            )
