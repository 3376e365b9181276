"""The numbers in a results folder, one by one, each with all its seeds."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from pandas.api.types import is_float_dtype

from vlae.results.inventory import Inventory, Name
from vlae.results.run_results import read_table

IDENTITY = ["dataset", "run", "seed"]
INTERVAL_ENDS = ("low", "high")
"""Last words of columns that hold the interval of another, within a seed."""
KEY_COLUMNS = {
    "ablation": ["panel"],
    "activity": ["layer"],
    "bounds": ["image"],
    "chains": ["arm", "step", "kind", "measure"],
    "codes": ["score", "layer", "property"],
    "disentanglement": ["units", "score", "property"],
    "effects": ["layer", "property"],
    "few_labels": ["features", "layer", "dimension", "labels", "repeat"],
    "graph": ["direction", "source", "target"],
    "likelihood": ["image", "draws"],
    "mixing": ["scalar", "measure", "lag"],
    "recomposed": ["images", "measure"],
    "redundancy": ["subject", "classifier"],
    "residuals": ["layer", "dimension", "measure"],
    "samples": ["images"],
    "stability": ["score", "layer", "coordinate", "property"],
    "swapping": ["layers_of_a", "property", "statistic", "image"],
    "top_layers": ["drawn_layers", "measure"],
    "traversal": ["cell"],
}
"""Columns that tell the rows of each table apart, without `IDENTITY`."""


class Key(NamedTuple):
    """Where a number is found."""

    table: str
    """'held-out', a table of an experiment, or a claim."""
    run: str
    """`dataset/run`."""
    name: str


Values = dict[Key, dict[int, Any]]
"""Numbers or texts by seed; a missing number (nan) has no entry."""


def numbers(inventory: Inventory, shared: Iterable[Name] | None = None) -> Values:
    """Return every held-out term at the end of training, and every experiment's cells.

    Args:
        inventory: the results folder.
        shared: names of the experiments' tables that are read; None for all.

    Raises:
        UserError: if a history or table cannot be read.
    """
    found: Values = {}
    for results in inventory.results():
        for term, values in results.held_out().items():
            found[Key("held-out", results.name, str(term))] = _known(values.to_dict())
    wanted = None if shared is None else set(shared)
    for name, path in inventory.experiments().items():
        if wanted is not None and name not in wanted:
            continue
        for cell, value in _cells(read_table(path), name.subject).items():
            key = Key(name.subject, name.run_name, cell)
            found.setdefault(key, {}).update(_known({name.seed: value}))
    return found


def verdict_numbers(inventory: Inventory) -> Values:
    """Return the number of every test of every claim, without those of controls.

    The key's table is the claim, and its name the part of the claim.

    Raises:
        UserError: if the verdicts or findings cannot be read.
    """
    verdicts = inventory.verdicts()
    found: Values = {}
    for claim in [] if verdicts is None else verdicts["id"].unique():
        table = inventory.findings(claim)
        table = table[~table["control"] & table["number"].notna()]
        for row in table.to_dict("records"):
            key = Key(claim, f"{row['dataset']}/{row['run']}", row["part"])
            found.setdefault(key, {})[row["seed"]] = row["number"]
    return found


def _cells(table: pd.DataFrame, subject: str) -> dict[str, Any]:
    """Return the cells of a table of one seed by column and row.

    Such as 0.6 by 'total_effect: layer 1, property class'. Intervals are left out, and
    rows that nothing tells apart are numbered.
    """
    table = table.drop(columns=[name for name in IDENTITY if name in table])
    keys = KEY_COLUMNS.get(subject, []) if len(table) > 1 else []
    if not keys or not set(keys) <= {*table}:
        keys = _guessed_keys(table)
    rows = [
        ", ".join(f"{name} {part}" for name, part in row.items())
        for row in table[keys].to_dict("records")
    ]
    if len(set(rows)) < len(rows):
        rows = [f"{row} ({place})" for place, row in enumerate(rows, 1)]
    return {
        f"{column}: {row}" if row else str(column): value
        for column in table.columns.drop(keys)
        if column.split("_")[-1] not in INTERVAL_ENDS
        for row, value in zip(rows, table[column], strict=True)
    }


def _guessed_keys(table: pd.DataFrame) -> list[str]:
    """Return the first columns that tell the rows of an unknown table apart.

    Columns of real numbers are not keys, and a single row needs none.
    """
    keys: list[str] = []
    for column, kind in table.dtypes.items():
        if is_float_dtype(kind) or len(table) == 1:
            break
        keys.append(column)
        if not table.duplicated(keys).any():
            break
    return keys


def _known(values: Mapping[Any, Any]) -> dict[int, Any]:
    return {int(seed): value for seed, value in values.items() if not pd.isna(value)}
