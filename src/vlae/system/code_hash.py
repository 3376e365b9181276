"""What code a result depends on: a hash that Snakemake keeps with each rule.

The hash covers the syntax trees, without docstrings and comments, of a module
and of every `vlae` module that it imports, directly or not. Modules that are
found by name at run time (the chosen model, say) are given as further roots.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@cache
def code_hash(*modules: str) -> str:
    """Hash of `modules` (dotted names below `vlae`, e.g. 'models.vlae') and imports.

    Names that are packages or do not exist are ignored, so a model without a
    plan of its own is fine; a package contributes its `__init__`.
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
    """Hash of all code that the training of a model depends on."""
    return code_hash("commands.train", f"models.{model}", f"networks.{model}")


def _path(module: str) -> Path | None:
    base = PACKAGE.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _tree(module: str) -> ast.Module:
    path = _path(module)
    assert path is not None
    return ast.parse(path.read_text(), filename=str(path))


@cache
def _imports(module: str) -> frozenset[str]:
    found = set[str]()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(n.removeprefix("vlae.") for n in found if n.startswith("vlae."))


@cache
def _source(module: str) -> str:
    """Normalised source: no comments, no docstrings, none below constants either."""
    tree = ast.parse(ast.unparse(_tree(module)))
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
