"""Check every part of a configuration alone, against its schema and its plan.

What one part says about another is checked in `cross_references`. Every function raises
a UserError that names the first key that is wrong, in plain words.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema
import yaml

from vlae.system import registry
from vlae.system.checkout import ROOT, of_repository
from vlae.system.errors import UserError, closest

REQUIRED_KEYS = ("label", "network", "preset")
"""Keys that every run has, beside its settings."""


@dataclass(frozen=True)
class _Part:
    """A part whose keys are common ones joined with those of the module it names."""

    selector: str
    """Key that names the module."""
    registry: str
    schemas: str
    """Folder of the modules' schemas."""


_PARTS = {
    "dataset": _Part("module", registry="datasets", schemas="datasets"),
    "network": _Part("model", registry="models", schemas="networks"),
    "claim": _Part("kind", registry="claims", schemas="claims"),
}


def check(content: dict[str, Any]) -> None:
    """Check all parts of a merged configuration.

    Runs are checked when they are resolved, since a run alone is incomplete.
    """
    check_run_names(content)
    validate(content, "config", "")
    for name, network in content["networks"].items():
        check_network(network, f"networks.{name}")
    for name, dataset in content["datasets"].items():
        check_joined(dataset, "dataset", f"datasets.{name}")
    for name, settings in content["experiments"].items():
        registry.check("experiments", name, f"experiments.{name}")
        validate(settings, f"experiments/{name}", f"experiments.{name}")
    validate(content["defaults"], "run", "defaults")
    for name, preset in content["presets"].items():
        validate(preset, "run", f"presets.{name}")
    for name in content["figures"]:
        registry.check("figures", name, f"figures.{name}")
    for name, claim in content["claims"].items():
        check_joined(claim, "claim", f"claims.{name}")


def check_run_names(content: dict[str, Any]) -> None:
    """Check that every run is known or complete.

    A misspelt run in an overlay looks like a new run that lacks almost everything; the
    schema alone would not point to the name.
    """
    datasets, runs_by_dataset = content.get("datasets"), content.get("runs")
    if not isinstance(datasets, dict) or not isinstance(runs_by_dataset, dict):
        return  # the schema says what is wrong
    for dataset, runs in runs_by_dataset.items():
        check_known(dataset, datasets, f"runs.{dataset}")
        runs = runs if isinstance(runs, dict) else {}
        complete = {name for name, run in runs.items() if not _lacks_all_keys(run)}
        for name in runs.keys() - complete:
            raise UserError(
                f"runs.{dataset}.{name}: there is no run '{name}'; "
                f"{closest(name, complete)} A new run needs "
                f"{', '.join(REQUIRED_KEYS)}."
            )


def _lacks_all_keys(run: Any) -> bool:
    return isinstance(run, dict) and not any(key in run for key in REQUIRED_KEYS)


def check_known(name: str, known: dict[str, Any], key: str) -> None:
    """Raise `UserError` unless `name`, the value of `key`, is one of `known`."""
    if name not in known:
        raise UserError(f"{key}: there is no '{name}'; {closest(name, known)}")


def check_joined(content: dict[str, Any], part: str, key: str) -> None:
    """Check a part against its common schema and the schema of its module.

    Args:
        content: the part.
        part: "dataset", "network" or "claim", which is also the common schema's name.
        key: the part's place in the configuration, for messages.
    """
    kind = _PARTS[part]
    module = content.get(kind.selector)
    if not isinstance(module, str):
        folder = registry.REGISTRIES[kind.registry].folder.replace(".", "/")
        raise UserError(
            f"{key}: key '{kind.selector}' is missing or not text; expected a module "
            f"of src/vlae/{folder}/."
        )
    registry.check(kind.registry, module, f"{key}.{kind.selector}")
    validate(content, part, key, also=schema(f"{kind.schemas}/{module}"))


def check_network(network: dict[str, Any], key: str) -> None:
    """Check keys, lists and shapes of a network, by its schema and its model's plan."""
    check_joined(network, "network", key)
    plans = registry.load("networks", network["model"])
    plans.plan(network, tuple(network["input"]), key)


def check_complete(
    settings: dict[str, Any], described: dict[str, Any], key: str
) -> None:
    """Check that every setting which a schema describes has a value.

    Args:
        settings: merged settings of a run.
        described: the schema.
        key: the run's place in the configuration, for messages.
    """
    for name, part in described["properties"].items():
        if name not in settings:
            raise UserError(f"{key}: '{name}' has no value; give it one in defaults.")
        if "properties" in part and "schedule" not in part["properties"]:
            check_complete(settings[name], part, f"{key}.{name}")


@cache
def schema(name: str) -> dict[str, Any]:
    """Return a schema of `workflow/schemas/`, by its name without the ending.

    Raises:
        UserError: if there is no such file, as when a new module lacks its schema.
    """
    path = of_repository("workflow", "schemas") / f"{name}.schema.yaml"
    if not path.is_file():
        raise UserError(
            f"{path.relative_to(ROOT)}: no such file; every module that takes settings "
            "needs a schema there."
        )
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def validate(
    content: Any, name: str, key: str, also: dict[str, Any] | None = None
) -> None:
    """Check `content` against a schema, which also forbids unknown keys.

    Args:
        content: a value of the configuration.
        name: the schema, as for `schema`.
        key: the value's place in the configuration, for the message.
        also: a second schema, to be joined with the first.

    Raises:
        UserError: which names the key, what was expected, and a near miss.
    """
    _check_finite(content, key)
    joined = dict(schema(name)) if also is None else _join(schema(name), also)
    joined.setdefault("additionalProperties", False)
    error = min(_Validator(joined).iter_errors(content), key=_rank, default=None)
    if error is None:
        return
    steps = (f"[{k}]" if isinstance(k, int) else f".{k}" for k in error.absolute_path)
    where = f"{key}{''.join(steps)}".strip(".") or "configuration"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = str(next(k for k in error.instance if k not in known))
        raise UserError(f"{where}: unknown key '{unknown}'; {closest(unknown, known)}")
    if error.validator == "required":
        missing = [k for k in error.validator_value if k not in error.instance]
        names = ", ".join(f"'{name}'" for name in missing)
        are = "key {} is" if len(missing) == 1 else "keys {} are"
        raise UserError(f"{where}: {are.format(names)} missing.")
    raise UserError(f"{where}: expected {_expected(error)}, got {error.instance!r}.")


def _check_finite(content: Any, key: str) -> None:
    """Refuse .nan and .inf, which pass any range of a JSON schema."""
    if isinstance(content, float) and not math.isfinite(content):
        raise UserError(f"{key}: expected a finite number, got {content}.")
    parts = content.items() if isinstance(content, dict) else []
    for name, part in parts:
        _check_finite(part, f"{key}.{name}".strip("."))


def _is_integer(_: Any, value: Any) -> bool:
    """Whether a value is a whole number; for JSON schemas 5.0 would be one too."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", _is_integer
    ),
)
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
    """Return a sort key: the smallest error explains the others best.

    A misspelt key, for one, also leaves a key missing.
    """
    kind = error.validator
    return kind == "oneOf", kind != "additionalProperties", len(error.absolute_path)


def _expected(error: jsonschema.ValidationError) -> str:
    """Return in words what the schema expects at the place of `error`."""
    wanted = error.validator_value
    if error.validator == "type":
        types = [wanted] if isinstance(wanted, str) else wanted
        words = " or ".join(_TYPES[t] for t in types)
        if {"number", "integer"} & set(types) and isinstance(error.instance, str):
            words += " (without quotes; YAML reads 2e-4 as text, write 2.0e-4)"
        return words
    if error.validator == "enum":
        return f"one of {', '.join(map(str, wanted))}"
    if error.validator == "oneOf":
        wanted = ", ".join(name for option in wanted for name in option["required"])
    if error.validator == "pattern":
        wanted = error.schema["description"]
    return _EXPECTED[error.validator].format(wanted)


def _join(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the keys of two; for everything else `first` wins."""
    return {
        **second,
        **first,
        "properties": {**first["properties"], **second["properties"]},
        "required": [*first["required"], *second.get("required", [])],
        "$defs": {**first.get("$defs", {}), **second.get("$defs", {})},
    }
