"""The schemas in workflow/schemas, and what is wrong with a value, in plain words."""

import math
from functools import cache
from typing import Any

import jsonschema
import yaml

from vlae.system import registry
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError, closest

SCHEMAS = ROOT / "workflow" / "schemas"
Map = dict[str, Any]

RUN_NEEDS = ("label", "network", "preset")

# Of files, before there is a configuration


def check_names(content: Map) -> None:
    """A misspelt run of an overlay reads like a new one that lacks almost all."""
    datasets, every = content.get("datasets"), content.get("runs")
    if not isinstance(datasets, dict) or not isinstance(every, dict):
        return  # the schema says what is wrong
    for dataset, runs in every.items():
        known(dataset, datasets, f"runs.{dataset}")
        runs = runs if isinstance(runs, dict) else {}
        whole = {name for name, run in runs.items() if not _unnamed(run)}
        for name in runs.keys() - whole:
            raise UserError(
                f"runs.{dataset}.{name}: there is no run '{name}'; "
                f"{closest(name, whole)} A new run needs {', '.join(RUN_NEEDS)}."
            )


def _unnamed(run: Any) -> bool:
    return isinstance(run, dict) and not any(key in run for key in RUN_NEEDS)


def known(name: str, there: Map, key: str) -> None:
    """Whether `name`, which `key` gives, is one of `there`."""
    if name not in there:
        raise UserError(f"{key}: there is no '{name}'; {closest(name, there)}")


def check_joined(
    content: Map, common: str, folder: str, selector: str, key: str
) -> None:
    """Check against the common schema and that of the module it selects."""
    chosen = content.get(selector)
    package = folder if folder != "networks" else "models"
    if not isinstance(chosen, str):
        raise UserError(
            f"{key}: key '{selector}' is missing or no text; expected a module of "
            f"src/vlae/{package}/."
        )
    registry.check(package, chosen, f"{key}.{selector}")
    validate(content, common, key, also=schema(f"{folder}/{chosen}"))


def check_network(name: str, network: Map, key: str | None = None) -> None:
    """Keys, lists and shapes of a network, by the plan of its model."""
    key = key or f"networks.{name}"
    check_joined(network, "network", "networks", "model", key)
    plans = registry.load("networks", network["model"])
    plans.plan(network, tuple(network["input"]), key)


def check_complete(content: Map, described: Map, key: str) -> None:
    """Every setting has a value: defaults stand in config.yaml, nowhere else."""
    for name, part in described["properties"].items():
        if name not in content:
            raise UserError(f"{key}: '{name}' has no value; give it one in defaults.")
        if "properties" in part and "schedule" not in part["properties"]:
            check_complete(content[name], part, f"{key}.{name}")


@cache
def schema(name: str) -> Map:
    """A schema of `workflow/schemas/`, without its ending.

    Raises:
        UserError: if there is none, which a new module must bring along.
    """
    path = SCHEMAS / f"{name}.schema.yaml"
    if not path.is_file():
        raise UserError(
            f"no schema {path.relative_to(ROOT)}: every "
            "module that takes settings brings one."
        )
    return yaml.safe_load(path.read_text())


def validate(content: Any, name: str, key: str, also: Map | None = None) -> None:
    """Check `content` against schema `name`, strictly: no unknown keys.

    Args:
        key: where `content` stands in the configuration, for the message.
        also: a second schema, joined with the first.

    Raises:
        UserError: naming the key, what was expected, and a near miss.
    """
    _check_finite(content, key)
    joined = dict(schema(name)) if also is None else _join(schema(name), also)
    joined.setdefault("additionalProperties", False)
    validator = jsonschema.Draft202012Validator(joined)
    error = min(validator.iter_errors(content), key=_rank, default=None)
    if error is None:
        return
    steps = (f"[{k}]" if isinstance(k, int) else f".{k}" for k in error.absolute_path)
    where = f"{key}{''.join(steps)}".strip(".") or "configuration"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = str(next(k for k in error.instance if k not in known))
        raise UserError(f"{where}: unknown key '{unknown}'; {closest(unknown, known)}")
    if error.validator == "required":
        missing = next(k for k in error.validator_value if k not in error.instance)
        raise UserError(f"{where}: key '{missing}' is missing.")
    raise UserError(f"{where}: expected {_expected(error)}, got {error.instance!r}.")


def _check_finite(content: Any, key: str) -> None:
    """JSON schemas let .nan and .inf pass any range."""
    if isinstance(content, float) and not math.isfinite(content):
        raise UserError(f"{key}: expected a finite number, got {content}.")
    parts = content.items() if isinstance(content, dict) else []
    for name, part in parts:
        _check_finite(part, f"{key}.{name}".strip("."))


_TYPES = {
    "object": "keys with values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_EXPECTED = {
    "oneOf": "exactly one of {}",
    "minimum": "{} or more",
    "exclusiveMinimum": "more than {}",
    "maximum": "{} or less",
    "exclusiveMaximum": "less than {}",
    "minItems": "a list of at least {}",
    "minLength": "text of at least {} letter",
    "minProperties": "at least {} key",
    "maxItems": "a list of at most {}",
    "uniqueItems": "a list without repetitions",
    "pattern": "{}",
}


def _rank(error: jsonschema.ValidationError) -> tuple[bool, bool, int]:
    """The smallest explains the others: a misspelt key also leaves one missing."""
    kind = error.validator
    return kind == "oneOf", kind != "additionalProperties", len(error.absolute_path)


def _expected(error: jsonschema.ValidationError) -> str:
    """What the schema wants at the place of `error`, in words."""
    wanted = error.validator_value
    if error.validator == "type":
        types = [wanted] if isinstance(wanted, str) else wanted
        words = " or ".join(_TYPES[t] for t in types)
        if {"number", "integer"} & set(types) and isinstance(error.instance, str):
            words += " (without quotes; YAML takes 2e-4 for text, write 2.0e-4)"
        return words
    if error.validator == "enum":
        return f"one of {', '.join(map(str, wanted))}"
    if error.validator == "oneOf":
        wanted = ", ".join(name for option in wanted for name in option["required"])
    if error.validator == "pattern":
        wanted = error.schema["description"]
    return _EXPECTED[error.validator].format(wanted)


def _join(first: Map, second: Map) -> Map:
    return {
        **second,
        **first,
        "properties": {**first["properties"], **second["properties"]},
        "required": [*first["required"], *second.get("required", [])],
        "$defs": {**first.get("$defs", {}), **second.get("$defs", {})},
    }
