"""The numbers in a results folder, one by one, each with all its seeds."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from pandas.api.types import is_float_dtype

from vlae.results.inventory import Inventory, Name
from vlae.results.run_results import read_table

IDENTITY = ["dataset", "run", "seed"]
ENDS = ("low", "high")
"""Last words of columns that hold the interval of another, within a seed."""
Key = tuple[str, str, str]
"""Where a number is: 'held-out' or an experiment; its run; its name."""
Values = dict[Key, dict[int, Any]]
"""A number, or a text, by seed; what is missing (nan) is left out."""


def numbers(inventory: Inventory, shared: Iterable[Name] | None = None) -> Values:
    """Every held-out term at the end of training, and every cell of an experiment.

    Args:
        shared: tables of experiments that are read; all without it.
    """
    found: Values = {}
    for label in dict.fromkeys(name.label for name in inventory.finished()):
        results = inventory.results(label)
        assert results is not None
        for term, values in results.held_out().items():
            found["held-out", label, str(term)] = _known(values.to_dict())
    wanted = None if shared is None else set(shared)
    for name, path in inventory.experiments().items():
        if wanted is None or name in wanted:
            experiment, label = name.label.split(" of ")
            for cell, value in _cells(read_table(path)).items():
                of_seed = _known({name.seed: value})
                found.setdefault((experiment, label, cell), {}).update(of_seed)
    return found


def verdict_numbers(inventory: Inventory) -> dict[Key, dict[int, float]]:
    """The number of every test of a claim: claim, 'dataset/run', part, by seed."""
    verdicts = inventory.verdicts()
    found: dict[Key, dict[int, float]] = {}
    for claim in [] if verdicts is None else verdicts["id"].unique():
        table = inventory.findings(claim)
        table = table[~table["control"] & table["number"].notna()]
        for row in table.to_dict("records"):
            key = claim, f"{row['dataset']}/{row['run']}", row["part"]
            found.setdefault(key, {})[row["seed"]] = row["number"]
    return found


def _cells(table: pd.DataFrame) -> dict[str, Any]:
    """'total_effect: layer 1, property class' to its value, for a table of one seed.

    Intervals are left out, and rows that nothing tells apart are numbered.
    """
    table = table.drop(columns=[name for name in IDENTITY if name in table])
    names = _names(table)
    rows = [
        ", ".join(f"{name} {part}" for name, part in row.items())
        for row in table[names].to_dict("records")
    ]
    if len(set(rows)) < len(rows):
        rows = [f"{row} ({place})" for place, row in enumerate(rows, 1)]
    return {
        f"{column}: {row}" if row else str(column): value
        for column in table.columns[len(names) :]
        if column.split("_")[-1] not in ENDS
        for row, value in zip(rows, table[column], strict=True)
    }


def _names(table: pd.DataFrame) -> list[str]:
    """The columns that tell the rows of a tidy table apart: the first few of it."""
    names: list[str] = []
    for column, kind in table.dtypes.items():
        if is_float_dtype(kind) or len(table) == 1:
            break
        names.append(column)
        if not table.duplicated(names).any():
            break
    return names


def _known(values: dict[Any, Any]) -> dict[int, Any]:
    return {int(seed): value for seed, value in values.items() if not pd.isna(value)}
