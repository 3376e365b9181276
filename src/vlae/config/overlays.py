"""Read configuration files and lay overlays over the paper's configuration.

Definitions are maps, which are merged key by key; a map with the key `schedule` is
replaced whole. What an overlay says of what to show replaces what the files below it
show, and the claims follow.
"""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from vlae.system.checkout import ROOT, of_repository
from vlae.system.errors import UserError

BASE = ("presets", "networks", "datasets", "claims", "config")
"""Files of `config/` that are always read, in this order; all others are overlays."""
ADDING = "add_figures"
"""Key of an overlay that shows its runs beside those of the files below it."""


def check_words(words: Iterable[str]) -> None:
    """Check that Snakemake's command line names all overlays after one `--configfile`.

    If an option is given twice, Snakemake keeps the last and says nothing.

    Args:
        words: the words of the command line.

    Raises:
        UserError: if the option is given twice.
    """
    options = [word.partition("=")[0] for word in words]
    if sum(word in ("--configfile", "--configfiles") for word in options) > 1:
        raise UserError(
            "--configfile is given twice, of which Snakemake keeps the last alone. "
            "Name all files after one: --configfile A.yaml B.yaml"
        )


def layered(layers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the paper's configuration with layers on top; later ones win.

    Raises:
        UserError: if there is no repository around the package.
    """
    base = (of_repository("config", f"{name}.yaml") for name in BASE)
    content = merge(*map(read, base))
    for layer in layers:
        content = _laid_over(content, layer)
    return content


def layers_of(path: Path) -> list[dict[str, Any]]:
    """Return the content of the file that an overlay extends, if any, and its own.

    Raises:
        UserError: if a file cannot be read, gives a key twice, or extends a file that
            extends another.
    """
    content = read(path)
    if "extends" not in content:
        return [content]
    named = str(content["extends"])
    places = [path.parent / named, ROOT / named]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UserError(
            f"{path}: extends: no file '{named}'; expected a path from the folder of "
            "this file, or from the repository's root, such as config/mnist-cpu.yaml."
        )
    base = read(found)
    if "extends" in base:
        raise UserError(
            f"{path}: extends: {named} extends another file itself; expected one that "
            "does not. Leave 'extends' out here and type --configfile with both files, "
            f"{named} first."
        )
    return [base, content]


def read(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file, in which every key is given once.

    A relative `path` of a data set's file is taken from the folder of the YAML file.

    Raises:
        UserError: if the file is missing or broken, or is not a YAML map.
    """
    try:
        content = _loaded(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(
            f"{path}: the configuration cannot be read ({error})."
        ) from None
    except _GivenTwice as twice:
        raise UserError(f"{path}: {twice}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: the configuration has no keys; expected a YAML map.")
    return located(content, path.parent)


def from_command_line(value: Any) -> Any:
    """Return a value of `--config`, with numbers, booleans and null as such.

    Snakemake reads them in a value such as `2`, but in `[1, 2]` and `{steps: 500}` it
    leaves them as text.

    Args:
        value: what Snakemake made of it: a text, a map or a list of such values, or
            anything else.
    """
    if isinstance(value, dict):
        return {key: from_command_line(content) for key, content in value.items()}
    if isinstance(value, list):
        return [from_command_line(item) for item in value]
    try:
        read_again = yaml.safe_load(value) if isinstance(value, str) else value
    except yaml.YAMLError:
        return value
    return read_again if isinstance(read_again, bool | int | float | None) else value


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


def located(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return `content` with the paths of data sets' files made absolute.

    Args:
        content: a configuration, or a part of one.
        folder: where relative paths begin.
    """
    content = copy.deepcopy(content)
    for dataset in _values(content.get("datasets")):
        for file in _values(_get(dataset, "files")):
            if isinstance(path := _get(file, "path"), str):
                file["path"] = str(folder.absolute() / Path(path).expanduser())
    return content


def _laid_over(content: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    result = merge(content, layer)
    if not all(isinstance(_get(c, "figures"), dict) for c in (content, layer)):
        return result
    if layer.get(ADDING) is True:
        for name, runs in layer["figures"].items():
            result["figures"][name] = _joined(content["figures"].get(name), runs)
        if "explorer" in layer:
            result["explorer"] = _joined(content["explorer"], layer["explorer"])
    else:
        none: dict[str, Any] = {name: [] for name in content["figures"]}
        result["figures"] = {**none, **layer["figures"]}
        _let_claims_follow(result, named=layer.get("claims") or {})
    return result


def _let_claims_follow(content: dict[str, Any], named: dict[str, Any]) -> None:
    """Reduce the claims that an overlay does not name to the runs that it shows.

    A claim without a figure of its own is left out, and so are controls that no figure
    shows: nobody has asked for their trainings.
    """
    figures = content["figures"]
    shown = [run for runs in figures.values() for run in runs or []]
    for name, claim in content["claims"].items():
        if name in named:
            continue
        visible = figures.get(claim["figure"]) or []
        if claim["runs"] is not None:
            claim["runs"] = [run for run in claim["runs"] if run in visible]
        claim["controls"] = [run for run in claim["controls"] if run in shown]


def _joined(first: Any, second: Any) -> Any:
    """Return the entries of two lists, each once; `second` if one is not a list."""
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *(entry for entry in second if entry not in first)]
    return second


def _get(content: Any, key: str) -> Any:
    return content.get(key) if isinstance(content, dict) else None


def _values(content: Any) -> list[Any]:
    return list(content.values()) if isinstance(content, dict) else []


def _loaded(text: str) -> Any:
    loader = _UniqueKeys(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _GivenTwice(Exception):
    """A key that occurs twice in one map of a YAML file."""


class _UniqueKeys(yaml.SafeLoader):
    """Loader that refuses a key which is given twice; YAML itself keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        """Return a map as `SafeLoader` does, after a look at its keys."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            first = lines.setdefault(key.value, line) if key.id == "scalar" else line
            if first != line:
                raise _GivenTwice(
                    f"the key '{key.value}' is given twice, in lines {first} and "
                    f"{line}. Only the last would count; join them, or remove one."
                )
        return super().construct_mapping(node, deep)
