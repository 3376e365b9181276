"""docs/tables.md lists the tables that experiments make, with their columns."""

import importlib

import pandas as pd
import pytest
from table_pages import OTHERS, PAGE, SHARED, differences, listed

from vlae.claims.verdicts import FINDING_COLUMNS, VERDICT_COLUMNS
from vlae.config import experiment_tables, sweeps
from vlae.system import registry

EXPERIMENTS = registry.names("experiments")
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_table_has_a_section_and_every_section_a_table():
    made = {name for e in EXPERIMENTS for name in experiment_tables.tables(e)}
    named = {name for name, columns in listed(TEXT).items() if columns}
    assert named == made | {*OTHERS.values(), "sweep", SHARED}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_columns_that_a_module_names_are_listed(experiment):
    """The tiny pipeline of test_workflow.py does not run all experiments."""
    if experiment_tables.tables(experiment) == [experiment]:
        module = importlib.import_module(f"vlae.experiments.{experiment}")
        assert listed(TEXT)[experiment] == {*module.COLUMNS}


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("claims", VERDICT_COLUMNS),
        ("findings", FINDING_COLUMNS),
        ("sweep", sweeps.COLUMNS),
    ],
)
def test_columns_of_other_tables_are_listed(name, columns):
    assert listed(TEXT)[name] == {*columns}


def test_a_missing_and_an_additional_column_are_named(tmp_path):
    page = f"""# Page

## {SHARED}

| column | meaning |
|---|---|
| `dataset`, `run` | The run |
| `seed` | Its seed |

### `effects`

| column | meaning |
|---|---|
| `layer` | The layer, as in `other` |
| `lead`, `lead_low` | The lead |

### `history`

| column | meaning |
|---|---|
| `step` | The step |
"""
    place = tmp_path / "experiments" / "strokes" / "vlae" / "1"
    files = {
        place / "effects.parquet": "dataset run seed layer lead lead_low",
        place / "mine.parquet": "dataset run seed layer",
        tmp_path / "runs" / "strokes" / "vlae" / "1" / "history.parquet": "step",
    }
    for path, columns in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(columns=columns.split()).to_parquet(path, index=False)
    folder = "experiments/strokes/vlae/1"
    unknown = f"{folder}/mine.parquet: the page has no section `mine`"
    assert differences(page, tmp_path) == [unknown]
    changed = page.replace("`lead_low`", "`low`")
    assert differences(changed, tmp_path) == [
        f"{folder}/effects.parquet: `lead_low` is not on the page",
        f"{folder}/effects.parquet: `low` is not in the file",
        unknown,
    ]
