"""A hash of the code that a result depends on; Snakemake keeps it with each rule.

The hash covers the syntax trees, without docstrings and comments, of a module and of
every module of `vlae` that it imports, directly or not. Imports inside functions count.
Modules that are chosen by name at run time, such as the model, are entries of a
registry (`vlae.system.registry`) and are given as further roots. Rooms and other
folders have an `__init__` that holds only a docstring, so importing a module does not
make the others of its folder count.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from vlae.system import registry

PACKAGE = Path(__file__).parents[1]


@cache
def code_hash(*modules: str) -> str:
    """Return a hash of modules and of all that they import, 16 hexadecimal digits.

    Args:
        modules: dotted names below `vlae`, e.g. "models.vlae". Names of modules that
            do not exist are ignored, so a model without a plan is fine; of a package
            only its `__init__` counts.
    """
    todo, seen = list(modules), set[str]()
    while todo:
        module = todo.pop()
        if module not in seen and _path(module):
            seen.add(module)
            todo.extend(_imports(module))
    text = "".join(f"{name}\n{_source(name)}\n" for name in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def training_code(model: str) -> str:
    """Return the hash of all code that the training of a model depends on."""
    chosen = (registry.module(kind, model) for kind in ("models", "networks"))
    return code_hash("commands.train", *chosen)


def _path(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _parsed(module: str) -> ast.Module:
    path = _path(module)
    assert path is not None
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def _imports(module: str) -> frozenset[str]:
    """Return what a module imports from `vlae`; names in modules are harmless here."""
    found = set[str]()
    for node in ast.walk(_parsed(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(n.removeprefix("vlae.") for n in found if n.startswith("vlae."))


@cache
def _source(module: str) -> str:
    """Return a module's source without comments, docstrings and texts below constants.

    It is unparsed, so that spelling and line breaks of the file do not count.
    """
    tree = _parsed(module)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [n for n in body if not _is_text(n)] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
