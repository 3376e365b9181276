"""The rooms of `src/vlae`: what each may import, and what breaks the rules."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = "vlae"
SPECS = (
    "config.experiment_outputs",
    "config.experiment_spec",
    "config.paths",
    "config.published_pictures",
    "config.report_spec",
    "config.run_spec",
    "config.spec_types",
    "config.term_names",
)
"""Modules of `config` that hold types and names: jobs import no others."""
COMPUTE = ("system", "statistics", "networks", *SPECS, "data", "models")
ROOMS: dict[str, tuple[str, ...]] = {
    "system": (),
    "statistics": ("system",),
    "networks": ("system",),
    "config": ("system", "networks"),
    "data": ("system", *SPECS),
    "models": ("system", "statistics", "networks", *SPECS),
    "training": COMPUTE,
    "experiments": (*COMPUTE, "training"),
    "results": ("system", "statistics", "config", "data.download"),
    "claims": ("system", "statistics", *SPECS, "results"),
    "figures": ("system", "statistics", *SPECS, "results"),
    "report": ("system", "statistics", "config", "results", "claims", "figures"),
    "commands": (
        *("system", "statistics", "networks", "config", "data", "models", "training"),
        *("experiments", "results", "claims", "figures", "report"),
    ),
}
"""Rooms from the ground up, each with the rooms and modules that it may import."""
BESIDE_ROOMS = {"__init__.py", "__main__.py", "py.typed"}


def broken_rules(package: Path) -> list[str]:
    """Return one line for everything below `package` that breaks a rule."""
    modules = {
        _name(path.relative_to(package)): path for path in sorted(package.rglob("*.py"))
    }
    lines = [
        *_wrong_folders(package),
        *(line for name in modules for line in _wrong_imports(name, modules)),
        *_wrong_inits(package),
        *_cycles(modules),
    ]
    return list(dict.fromkeys(lines))


def _name(path: Path) -> str:
    """Return 'config.run_spec' for config/run_spec.py, 'config' for its __init__."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _wrong_folders(package: Path) -> Iterator[str]:
    found = {path.name for path in package.iterdir()} - {"__pycache__"}
    expected = {*ROOMS, *BESIDE_ROOMS}
    yield from (f"{name}: not a room" for name in sorted(found - expected))
    yield from (f"{name}: missing" for name in sorted(expected - found))


def _wrong_imports(name: str, modules: dict[str, Path]) -> Iterator[str]:
    """Upward imports, and imports of what is private elsewhere."""
    room = name.partition(".")[0]
    tree = ast.parse(modules[name].read_text(encoding="utf-8"))
    folder = modules[name].parent
    aliases = {}
    for target, attribute, alias in _imports(tree):
        whole = f"{target}.{attribute}".strip(".") if attribute else target
        module = whole if whole in modules else target
        if module == whole:
            aliases[alias] = module
        if room in ROOMS and not _allowed(room, module):
            yield f"{name} imports {module}: not a room below {room}"
        if module not in modules:
            yield f"{name} imports {module}: there is no such module"
        elif _private(module.split(".")[-1]) and modules[module].parent != folder:
            yield f"{name} imports {module}: private to its folder"
        if module != whole and _private(attribute):
            yield f"{name} imports {attribute} of {module}: private to its module"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = aliases.get(node.value.id, "")
            if (
                module
                and _private(node.attr)
                and f"{module}.{node.attr}" not in modules
            ):
                yield f"{name} uses {node.attr} of {module}: private to its module"


def _imports(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Module, name in it (or "") and local name of every import from the package.

    Modules are named below the package, and "" is the package itself.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            if module.split(".")[0] == PACKAGE:
                below = module.removeprefix(PACKAGE).strip(".")
                for alias in node.names:
                    yield below, alias.name, alias.asname or alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    below = alias.name.removeprefix(PACKAGE).strip(".")
                    yield below, "", alias.asname or ""


def _allowed(room: str, module: str) -> bool:
    places = (room, *ROOMS[room])
    return not module or any(f"{module}.".startswith(f"{place}.") for place in places)


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _wrong_inits(package: Path) -> Iterator[str]:
    for path in sorted(package.rglob("__init__.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        rest = tree.body[1:]
        if path.parent == package:
            rest = [node for node in rest if not _names_lazily(node)]
        where = path.relative_to(package)
        if not ast.get_docstring(tree):
            yield f"{where}: no docstring"
        elif rest:
            yield f"{where}: more than a docstring (line {rest[0].lineno})"


def _names_lazily(node: ast.stmt) -> bool:
    """Whether a statement of the package's own `__init__` serves its public names."""
    match node:
        case ast.ImportFrom(module="typing") | ast.Assign() | ast.Expr():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.FunctionDef(name="__getattr__" | "__dir__"):
            return True
    return False


def _cycles(modules: dict[str, Path]) -> Iterator[str]:
    """The first import cycle, if there is one; lazy names of `vlae` are left out."""
    graph = {}
    for name, path in modules.items():
        if name:
            found = _imports(ast.parse(path.read_text(encoding="utf-8")))
            wholes = [(f"{t}.{a}".strip("."), t) for t, a, _ in found]
            graph[name] = [whole if whole in modules else t for whole, t in wholes]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"import cycle: {' -> '.join(error.args[1])}"
