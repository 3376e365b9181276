"""The reference of the configuration, as Markdown, from the schemas that check it."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vlae.config.overlays import BASE
from vlae.config.validation import SCHEMAS, schema
from vlae.networks import notation
from vlae.system.checkout import ROOT

CONFIG = ROOT / "config"
Map = dict[str, Any]

INTRODUCTION = """\
# Configuration

<!-- Written by `make reference` from workflow/schemas/; edit the schemas, not this. -->

Every default stands once, in one of four files that are always read:

- `config.yaml`: the paper: data sets, runs, experiments, figures, `defaults`
- `claims.yaml`: what is judged, and by which criterion
- `presets.yaml`: settings by name
- `networks.yaml`: networks by name

To change something, write an overlay that holds only what changes, and give it with
`--configfile FILE` (several: later ones win). `--config mirror=FOLDER` sets a single
text and wins over files; numbers, lists and nested keys belong in an overlay.

- Maps merge key by key; lists are replaced; a map with the key `schedule` is replaced
  whole.
- A run's settings are `defaults`, then its preset, then its own keys; the later wins.
  Its `network_settings` replace keys of its network.
- The result is `results/runs/DATASET/RUN/SEED/spec.json`: all that the training reads.
  What leaves it unchanged retrains nothing.
- Unknown keys, wrong types and impossible networks stop Snakemake before the first job.
- `snakemake -n --configfile FILE` shows what an overlay would run.

YAML takes `2e-4` for text; write `2.0e-4`.
"""

_NUMBERS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
}


def text(folder: Path = CONFIG) -> str:
    """All of config/README.md, for the overlays in `folder`."""
    return "\n".join(
        [INTRODUCTION, _overlays(folder), _blocks(), *map(_section, _described())]
    )


def _overlays(folder: Path) -> str:
    paths = [p for p in sorted(folder.glob("*.yaml")) if p.stem not in BASE]
    lines = [f"- `{path.name}`: {_first_comment(path)}" for path in paths]
    return "\n".join(["## Overlays in this folder\n", *lines, ""])


def _first_comment(path: Path) -> str:
    """The comment at the head of a file, up to the first indented line (a command)."""
    found = []
    for line in path.read_text().splitlines():
        if not line.startswith("# ") or line.startswith("#  "):
            break
        found.append(line.removeprefix("# "))
    return " ".join(found)


def _blocks() -> str:
    """The notation of networks, in the words of the module that reads it."""
    described = inspect.cleandoc(notation.__doc__ or "").split("\n", 2)[2]
    return f"## Blocks of a network\n\n{described}\n"


def _described() -> Iterator[Map]:
    """Every schema, each followed by its parts that have a title of their own."""
    for name in _schemas():
        content = schema(name)
        yield content
        yield from (p for p in content.get("$defs", {}).values() if "title" in p)


def _schemas() -> list[str]:
    """Names of all schemas: the general ones, then those of the modules."""
    folders = {"dataset": "datasets", "network": "networks"}
    names = ["config", "run"]
    for general, folder in folders.items():
        names += [general, *_modules(folder)]
    return [*names, *_modules("experiments"), "claim", *_modules("claims")]


def _modules(folder: str) -> list[str]:
    paths = sorted((SCHEMAS / folder).glob("*.schema.yaml"))
    return [f"{folder}/{path.name.removesuffix('.schema.yaml')}" for path in paths]


def _section(content: Map) -> str:
    lines = [f"## {content['title']}\n"]
    if "description" in content:
        lines.append(f"{content['description']}\n")
    lines += ["| key | value | meaning |", "| --- | --- | --- |"]
    for key, node in _keys(content, ""):
        words = node["description"].replace("|", "\\|")
        lines.append(f"| `{key}` | {_value(node)} | {words} |")
    return "\n".join([*lines, ""])


def _keys(node: Map, prefix: str) -> Iterator[tuple[str, Map]]:
    """Described keys below `node`; `*` stands for any name, `[]` for an entry."""
    children = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), dict):
        children["*"] = node["additionalProperties"]
    for name, child in children.items():
        key = f"{prefix}{name}"
        if "description" in child:
            yield key, child
        yield from _keys(child, f"{key}.")
        yield from _keys(child.get("items", {}), f"{key}[].")


def _value(node: Map) -> str:
    """Type, choices and range of a key, e.g. 'number > 0'."""
    if "enum" in node:
        return ", ".join(f"`{choice}`" for choice in node["enum"])
    types: list[str] = [node["type"]] if isinstance(node["type"], str) else node["type"]
    words = " or ".join({"object": "map", "array": "list"}.get(t, t) for t in types)
    words += "".join(
        f"{',' if kind.lower().endswith('maximum') else ''} {form.format(node[kind])}"
        for kind, form in _NUMBERS.items()
        if kind in node
    )
    if "items" in node:
        least, most = node.get("minItems"), node.get("maxItems")
        length = f" of {least}" if least and least == most else ""
        words += f"{length}: {_value(node['items'])}"
    return words
