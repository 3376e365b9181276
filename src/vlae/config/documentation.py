"""Write config/README.md: every configuration key, as its schema describes it."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vlae.config.overlays import BASE
from vlae.config.validation import schema
from vlae.networks import notation
from vlae.system.checkout import ROOT, of_repository

CONFIG = ROOT / "config"
END_OF_SENTENCE = re.compile(r"\. (?=[A-Z`])")
"""Not in 'Eq. 12' or 'z_1 .. z_L'."""

INTRODUCTION = """\
# Configuration

<!-- Written by `make config-docs` from workflow/schemas/; edit those, not this. -->

This page is for people who want to change what is run. It describes every key of the
configuration. Every default is defined once: in the schema of an optional key, or in
one of five files that are always loaded:

- `config.yaml`: the paper's runs, experiments and figures, and the `defaults` of runs
- `datasets.yaml`: data sets by name
- `networks.yaml`: networks by name
- `presets.yaml`: settings by name
- `claims.yaml`: the claims, and the criterion that decides each

The tables below give the defaults of keys that may be left out.

To change something, write an overlay that holds only the changes, and name it after
`--configfile`. Several overlays may follow one `--configfile`, and later ones win:
`--configfile A.yaml B.yaml`. (If the option is given twice, Snakemake uses only the
last one, so the pipeline refuses that.)

Short changes can be made on the command line, which wins over all files. Write nested
keys and lists as in YAML, in quotes:

    snakemake --cores 2 --config seeds='[1, 2]' title="My study"
    snakemake --cores 2 --config 'runs={mnist: {vlae: {training: {steps: 500}}}}'

These rules hold for all overlays:

- Maps are merged key by key. Lists are replaced. A map with the key `schedule` is
  replaced as a whole.
- `figures` are replaced as a whole: an overlay that lists some figures shows only
  these. Claims about runs that are no longer shown are left out. With
  `add_figures: true`, its figures are added to the paper's.
- A key that is given twice in one map is refused.
- The settings of a run are the `defaults`, then its preset, then its own keys; later
  ones win. Its `network_settings` replace keys of its network.
- The result is `results/runs/DATASET/RUN/SEED/spec.json`, which is all that the
  training reads. A change that does not change this file retrains nothing.
- Unknown keys, wrong types and impossible networks stop Snakemake before the first job.
- `snakemake -n --configfile FILE` shows what an overlay would run.

YAML reads `2e-4` as text; write `2.0e-4`.
"""

_NUMBERS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
}


def text(folder: Path = CONFIG) -> str:
    """Return the text of config/README.md, for the overlays in `folder`."""
    return "\n".join(
        [INTRODUCTION, _overlays(folder), _blocks(), *map(_section, _described())]
    )


def _overlays(folder: Path) -> str:
    paths = [p for p in sorted(folder.glob("*.yaml")) if p.stem not in BASE]
    paths += sorted(folder.glob("parts/*.yaml"))
    lines = [f"- `{p.relative_to(folder)}`: {_first_comment(p)}" for p in paths]
    return "\n".join(["## Overlays in this folder\n", *lines, ""])


def _first_comment(path: Path) -> str:
    """Return the comment at a file's head, up to the first indented line of it."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# ") or line.startswith("#  "):
            break
        found.append(line.removeprefix("# "))
    return " ".join(found)


def _blocks() -> str:
    """Return the notation of networks, as the module that reads it describes it."""
    described = inspect.cleandoc(notation.__doc__ or "").split("\n", 2)[2]
    described = described.replace("::\n", ":\n")  # reStructuredText to Markdown
    return f"## Blocks of a network\n\n{described}\n"


def _described() -> Iterator[dict[str, Any]]:
    """Yield every schema, each followed by its parts that have their own title."""
    for name in _schemas():
        content = schema(name)
        yield content
        yield from (p for p in content.get("$defs", {}).values() if "title" in p)


def _schemas() -> list[str]:
    """Return the names of all schemas: each general one, then those of its modules."""
    folders = {"dataset": "datasets", "network": "networks"}
    names = ["config", "run"]
    for general, folder in folders.items():
        names += [general, *_modules(folder)]
    return [*names, *_modules("experiments"), "claim", *_modules("claims")]


def _modules(folder: str) -> list[str]:
    schemas = of_repository("workflow", "schemas", folder)
    paths = sorted(schemas.glob("*.schema.yaml"))
    return [f"{folder}/{path.name.removesuffix('.schema.yaml')}" for path in paths]


def _section(content: dict[str, Any]) -> str:
    """Return a table of keys: first sentences in its cells, all others below it."""
    lines = [f"## {content['title']}\n"]
    if "description" in content:
        lines.append(f"{content['description']}\n")
    lines += ["| key | value | meaning |", "| --- | --- | --- |"]
    notes = []
    for key, node in _keys(content, ""):
        words, *more = END_OF_SENTENCE.split(node["description"], maxsplit=1)
        words = words.removesuffix(".")
        if "default" in node:
            words += f" (default: `{json.dumps(node['default'])}`)"
        cell = f"{words}.".replace("|", "\\|")
        lines.append(f"| `{key}` | {_value(node)} | {cell} |")
        if more:
            notes.append(f"- `{key}`: {more[0]}")
    return "\n".join([*lines, *(["", *notes] if notes else []), ""])


def _keys(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the described keys below `node`; `*` is any name, `[]` a list's entry."""
    children = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), dict):
        children["*"] = node["additionalProperties"]
    for name, child in children.items():
        key = f"{prefix}{name}"
        if "description" in child:
            yield key, child
        yield from _keys(child, f"{key}.")
        yield from _keys(child.get("items", {}), f"{key}[].")


def _value(node: dict[str, Any]) -> str:
    """Return type, choices and range of a key, such as 'number > 0'."""
    if "$ref" in node:
        return str(node["$ref"].rsplit("/", 1)[-1].replace("_", " "))
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
        shortest, longest = node.get("minItems"), node.get("maxItems")
        length = f" of {shortest}" if shortest and shortest == longest else ""
        words += f"{length}: {_value(node['items'])}"
    return words
