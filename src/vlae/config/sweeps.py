"""Sweeps: a base run, a grid of settings and seeds, from which ordinary runs follow.

Each combination of values of the grid's axes is a cell, and each cell becomes a run of
the base run's data set, so whatever holds for a run holds for it.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vlae.config import validation
from vlae.config.overlays import merge
from vlae.system.errors import UserError

NAMED_KEYS = {"network": "networks", "preset": "presets"}
"""Keys of a run that are names, and the part of the configuration that has them."""
NUMBERS = [
    *("total_effect", "total_low", "total_high"),
    *("lead", "lead_low", "lead_high"),
    *("first_order", "first_low", "first_high"),
]
"""Columns of the table `effects` that the table of a sweep repeats."""
COLUMNS = [
    *("sweep", "dataset", "run", "seed", "layer", "property"),
    *NUMBERS,
    *("classifier_accuracy", "withheld", "kl", "elbo"),
]
"""Columns of the table of a sweep, beside one per axis."""


@dataclass(frozen=True)
class Cell:
    """One combination of values of a sweep's axes, which is a run."""

    dataset: str
    run: str
    values: dict[str, str]
    """The name of the value on each axis."""
    place: str
    """Its place in the configuration, for messages."""

    @property
    def label(self) -> str:
        """Name in figures and in the report, such as 'start authors, width .5'."""
        return ", ".join(f"{axis} {value}" for axis, value in self.values.items())


def cells(name: str, sweep: dict[str, Any]) -> list[Cell]:
    """Return the cells of a sweep; the last axis changes first."""
    dataset, grid = sweep["base"].split("/")[0], sweep["grid"]
    found = []
    for chosen in itertools.product(*grid.values()):
        values = dict(zip(grid, chosen, strict=True))
        parts = [f"{axis}-{_slug(value)}" for axis, value in values.items()]
        steps = "+".join(f"{axis}.{value}" for axis, value in values.items())
        run, place = "_".join([name, *parts]), f"sweeps.{name}.grid.{steps}"
        found.append(Cell(dataset, run, values, place))
    return found


def with_runs(content: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration in which every cell of every sweep is a run.

    Args:
        content: a configuration whose parts have been validated.

    Raises:
        UserError: naming the first key of a sweep that is wrong.
    """
    runs = {dataset: dict(named) for dataset, named in content["runs"].items()}
    for name, sweep in content["sweeps"].items():
        base = _base(content, name, sweep)
        _check_grid(content, name, sweep)
        for cell in cells(name, sweep):
            if cell.run in runs[cell.dataset]:
                raise UserError(
                    f"{cell.place}: there is a run '{cell.dataset}/{cell.run}' "
                    "already. Name the sweep, an axis or a value differently."
                )
            own = [sweep["grid"][axis][value] for axis, value in cell.values.items()]
            runs[cell.dataset][cell.run] = merge(base, *own, {"label": cell.label})
    return {**content, "runs": runs}


def _slug(value: str) -> str:
    """Return the name of a value as a part of the name of a run."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", value).strip("-")


def _base(content: dict[str, Any], name: str, sweep: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the base run; cells of other sweeps are not offered."""
    dataset, run = sweep["base"].split("/")
    key = f"sweeps.{name}.base"
    validation.check_known(dataset, content["runs"], key)
    validation.check_known(run, content["runs"][dataset], f"{key}: {sweep['base']}")
    found: dict[str, Any] = content["runs"][dataset][run]
    return found


def _check_grid(content: dict[str, Any], name: str, sweep: dict[str, Any]) -> None:
    """Check each axis and value alone, and that no two axes set the same key."""
    owners: dict[tuple[str, ...], str] = {}
    for axis, values in sweep["grid"].items():
        key = f"sweeps.{name}.grid.{axis}"
        if axis in COLUMNS:
            raise UserError(
                f"{key}: the table of the sweep has a column '{axis}' already. Name "
                "the axis differently."
            )
        _check_names(values, key)
        for value, settings in values.items():
            _check_settings(content, settings, f"{key}.{value}")
        set_here = {path for settings in values.values() for path in _paths(settings)}
        for path in sorted(set_here):
            for other, owner in owners.items():
                if other[: len(path)] == path or path[: len(other)] == other:
                    raise UserError(
                        f"sweeps.{name}.grid: the axes '{owner}' and '{axis}' both set "
                        f"{'.'.join(path)}, so that the later one would win in every "
                        "cell. Let one axis set it."
                    )
        owners |= dict.fromkeys(set_here, axis)


def _check_names(values: dict[Any, Any], key: str) -> None:
    """Check that the names of an axis's values are texts that make different runs."""
    slugs: dict[str, str] = {}
    for value in values:
        if not isinstance(value, str):
            raise UserError(
                f"{key}: the name of a value is text; put {value} in quotes."
            )
        slug = _slug(value)
        if not slug:
            raise UserError(
                f"{key}: expected a letter or digit in the name '{value}' of a value."
            )
        other = slugs.setdefault(slug, value)
        if other != value:
            raise UserError(
                f"{key}: the values '{other}' and '{value}' would make runs of the "
                "same name; change one of them by a letter or digit."
            )


def _check_settings(
    content: dict[str, Any], settings: dict[str, Any], key: str
) -> None:
    """Check what a value sets, as far as that can be done without the base run."""
    for named, part in NAMED_KEYS.items():
        if named in settings:
            validation.check_known(settings[named], content[part], f"{key}.{named}")
    own = {name: part for name, part in settings.items() if name not in NAMED_KEYS}
    validation.validate(own, "run", key)


def _paths(
    settings: dict[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Yield the keys that settings replace, each as the steps that lead to it."""
    for name, part in settings.items():
        path = (*above, name)
        if isinstance(part, dict) and part and "schedule" not in part:
            yield from _paths(part, path)
        else:
            yield path
