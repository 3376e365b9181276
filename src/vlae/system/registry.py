"""Registries: folders whose modules are chosen by name.

`REGISTRIES` says for each registry in which folder its modules are, which function
every one of them defines, and which constants a module may set. Every public module of
the folder that defines the function is an entry, so adding a part means adding a file.
"""

import ast
import copy
import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vlae.system.errors import UserError, closest

PACKAGE = Path(__file__).parents[1]
MIN_SIMILARITY = 0.8
"""Similarity, of at most 1, from which an unknown constant counts as misspelt."""


@dataclass(frozen=True)
class Registry:
    """A folder of modules that are chosen by name.

    Args:
        folder: dotted path of the folder below `vlae`.
        entry: name of the function that every entry defines.
        constants: literals that an entry may set, with the values of those it does not.
    """

    folder: str
    entry: str
    constants: dict[str, Any] = field(default_factory=dict)


REGISTRIES = {
    # For whom a command is: "people", "pipeline" or "maintainers".
    # GROUP is the part of the help that lists a command.
    "commands": Registry("commands", "run", {"GROUP": "pipeline"}),
    "datasets": Registry(
        "data.datasets",
        "splits",
        {
            # Files that are downloaded, by the value of a key of the settings.
            "NEEDED": {},
            # Whether images are read by several threads.
            "PARALLEL": False,
        },
    ),
    # Whether layers can fade in while a model is trained.
    "networks": Registry("networks", "plan", {"GROWS": False}),
    "models": Registry("models", "build"),
    "experiments": Registry(
        "experiments",
        "run",
        {
            # The classifier of the data: "optional", "any" for one of classes or
            # attributes, "required" for one of classes, or None if it is not used.
            "CLASSIFIER": None,
            # Whether images are measured with the measures of the data set.
            "MEASURES_IMAGES": False,
            # Models that the experiment can examine; None for all.
            "MODELS": None,
            # Names of its tables; () for one that is named as the experiment.
            "TABLES": (),
        },
    ),
    "measures": Registry(
        "experiments.measures",
        "measure",
        {
            # Names of the numbers that the module measures.
            "MEASURES": (),
            # Those that are also measured within the class.
            "WITHIN_CLASS": (),
            # Those that are a part of another one, with the name of that one.
            "PART_OF": {},
            # Numbers of channels that images may have; None for any.
            "CHANNELS": None,
        },
    ),
    # TABLES are the tables that a figure or a kind of claim reads. A figure may
    # also read the arrays of the experiments that make them.
    "figures": Registry("figures", "draw", {"TABLES": []}),
    "claims": Registry("claims", "findings", {"TABLES": []}),
}


def folder(registry: str) -> Path:
    """Return the folder of a registry's modules."""
    return PACKAGE.joinpath(*REGISTRIES[registry].folder.split("."))


def module(registry: str, name: str) -> str:
    """Return the dotted path of an entry below `vlae`, whether or not it exists."""
    return f"{REGISTRIES[registry].folder}.{name}"


def names(registry: str) -> list[str]:
    """Return the names of a registry's entries, sorted."""
    entry = REGISTRIES[registry].entry
    public = (path for path in folder(registry).glob("*.py") if path.stem[0] != "_")
    return sorted(path.stem for path in public if entry in _defined(path))


def check(registry: str, name: str, key: str) -> None:
    """Raise UserError, naming the configuration's `key`, unless `name` is an entry."""
    known = names(registry)
    if name not in known:
        where = REGISTRIES[registry].folder.replace(".", "/")
        raise UserError(
            f"{key}: no module '{name}' in src/vlae/{where}/; {closest(name, known)}"
        )


def load(registry: str, name: str) -> ModuleType:
    """Import an entry and return its module.

    Raises:
        UserError: if the registry has no such entry.
    """
    check(registry, name, registry)
    return importlib.import_module(f"vlae.{module(registry, name)}")


def constant(registry: str, name: str, constant: str) -> Any:
    """Return a constant of an entry, or its default if the entry does not set it.

    The constant is read from the source without importing the module, so that
    Snakemake learns what the module needs without waiting for torch.

    Raises:
        UserError: if the constant is not a literal, or if the module sets another
            constant whose name is nearly that of a known one.
    """
    known = REGISTRIES[registry].constants
    path = folder(registry) / f"{name}.py"
    found = _constants(path)
    for other in found.keys() - known.keys():
        if near := next((k for k in known if _similar(other, k)), None):
            raise UserError(
                f"{path}: unknown constant {other}. Did you mean {near}? If not, "
                "choose a name that is less similar."
            )
    if constant not in found:
        return copy.copy(known[constant])
    try:
        return ast.literal_eval(found[constant])
    except ValueError:
        raise UserError(
            f"{path}: {constant} is not a literal; expected one, because it is read "
            "without importing the module."
        ) from None


@cache
def _similar(name: str, known: str) -> bool:
    return SequenceMatcher(None, name, known).ratio() >= MIN_SIMILARITY


@cache
def _defined(path: Path) -> frozenset[str]:
    """Return the names that a module defines, assigns or imports from another."""
    found = set[str]()
    for node in _statements(path):
        match node:
            case ast.FunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found.update(name for target in targets for name in _names(target))
            case ast.ImportFrom(names=aliases):
                found.update(alias.asname or alias.name for alias in aliases)
    return frozenset(found)


def _names(target: ast.expr) -> Iterator[str]:
    """Yield the names that an assignment binds, also those in a tuple."""
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


@cache
def _constants(path: Path) -> dict[str, ast.expr]:
    """Return the values of the constants at the top of a module, by name."""
    found = {}
    for node in _statements(path):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if name.isupper():
                found[name] = value
    return found


@cache
def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body
