"""Registries: folders whose modules are chosen by name.

`REGISTRIES` says for each where its modules lie, which function every one of them
defines, and which constants a module may set. A module that defines the function is an
entry; nothing has to be added to a list.
"""

import ast
import importlib
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vlae.system.errors import UserError, closest

PACKAGE = Path(__file__).parents[1]
NEAR_MISS = 0.8
"""Similarity from which an unknown constant is taken for a misspelt one."""


@dataclass(frozen=True)
class Registry:
    """One folder of modules."""

    folder: str
    """Dotted path below `vlae`."""
    entry: str
    """Name of the function that every entry defines."""
    constants: dict[str, Any] = field(default_factory=dict)
    """Literals that an entry may set, with the value that holds where it does not."""


REGISTRIES = {
    "commands": Registry("commands", "run", {"GROUP": "pipeline"}),
    "datasets": Registry("data.datasets", "splits", {"NEEDED": {}, "PARALLEL": False}),
    "networks": Registry("networks", "plan"),
    "models": Registry("models", "build"),
    "experiments": Registry(
        "experiments",
        "run",
        {
            "CLASSIFIER": None,
            "MEASURES_IMAGES": False,
            "MODELS": None,
            "FIXES_LAYERS": False,
        },
    ),
    "measures": Registry(
        "experiments.measures", "measure", {"MEASURES": (), "CHANNELS": None}
    ),
    "figures": Registry("figures", "draw", {"EXPERIMENTS": []}),
    "claims": Registry("claims", "findings", {"EXPERIMENTS": []}),
}


def names(registry: str) -> list[str]:
    """Return the names of a registry's entries, sorted."""
    entry = REGISTRIES[registry].entry
    found = (path for path in folder(registry).glob("*.py") if path.stem[0] != "_")
    return sorted(path.stem for path in found if _defines(path, entry))


def folder(registry: str) -> Path:
    """Return the folder of a registry's modules."""
    return PACKAGE.joinpath(*REGISTRIES[registry].folder.split("."))


def module(registry: str, name: str) -> str:
    """Return the dotted path below `vlae` of an entry, whether it exists or not."""
    return f"{REGISTRIES[registry].folder}.{name}"


def check(registry: str, name: str, key: str) -> None:
    """Raise `UserError` naming configuration `key` unless `name` is an entry."""
    known = names(registry)
    if name not in known:
        where = REGISTRIES[registry].folder.replace(".", "/")
        raise UserError(
            f"{key}: no module '{name}' in src/vlae/{where}/; {closest(name, known)}"
        )


def constant(registry: str, name: str, constant: str) -> Any:
    """Return a constant of an entry, read from its source without importing it.

    So Snakemake learns what a module needs without waiting for torch.

    Raises:
        UserError: if the module sets a constant whose name is nearly a known one.
    """
    known = REGISTRIES[registry].constants
    default = known[constant]
    path = folder(registry) / f"{name}.py"
    found = _literals(path)
    for other in found.keys() - known.keys():
        if near := next((k for k in known if _similar(other, k)), None):
            raise UserError(f"{path}: unknown constant {other}. Did you mean {near}?")
    return ast.literal_eval(found[constant]) if constant in found else default


def load(registry: str, name: str) -> ModuleType:
    """Import an entry.

    Raises:
        UserError: if the registry has no such entry.
    """
    check(registry, name, registry)
    return importlib.import_module(f"vlae.{module(registry, name)}")


def _similar(name: str, known: str) -> bool:
    return SequenceMatcher(None, name, known).ratio() >= NEAR_MISS


def _defines(path: Path, function: str) -> bool:
    """Whether a module has `function`: defined, assigned or imported by name."""
    for node in _statements(path):
        match node:
            case ast.FunctionDef(name=name):
                found = [name]
            case ast.Assign(targets=targets):
                found = [
                    n.id
                    for t in targets
                    for n in ast.walk(t)
                    if isinstance(n, ast.Name)
                ]
            case ast.ImportFrom(names=aliases):
                found = [alias.asname or alias.name for alias in aliases]
            case _:
                continue
        if function in found:
            return True
    return False


def _literals(path: Path) -> dict[str, ast.expr]:
    """Values of the constants at the top of a module, by name."""
    found = {}
    for node in _statements(path):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value:
            target, value = node.target, node.value
        else:
            continue
        if isinstance(target, ast.Name) and target.id.isupper():
            found[target.id] = value
    return found


@cache
def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body
