"""A folder is a registry: the modules of a package, by name."""

import ast
import importlib
import importlib.util
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vlae.errors import UserError, closest


def names(package: str) -> list[str]:
    """Names of the public modules of `vlae.<package>`."""
    found = pkgutil.iter_modules([str(_folder(package))])
    return sorted(m.name for m in found if not m.name.startswith("_"))


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(f"vlae.{package}")
    assert found is not None and found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


def check(package: str, name: str, key: str) -> None:
    """Raise `UserError` naming configuration `key` if there is no such module."""
    if name not in names(package):
        raise UserError(
            f"{key}: no module '{name}' in src/vlae/{package}/; "
            + closest(name, names(package))
        )


def constant(package: str, name: str, constant: str, default: Any) -> Any:
    """A literal at the top of `vlae.<package>.<name>`, read without importing it.

    So Snakemake learns what a module needs without waiting for torch.
    """
    for node in _statements(_folder(package) / f"{name}.py"):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value:
            target, value = node.target, node.value
        else:
            continue
        if ast.unparse(target) == constant:
            return ast.literal_eval(value)
    return default


@cache
def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text()).body


def load(package: str, name: str) -> ModuleType:
    """Import `vlae.<package>.<name>`.

    Raises:
        UserError: if the package has no such module.
    """
    check(package, name, package)
    return importlib.import_module(f"vlae.{package}.{name}")
