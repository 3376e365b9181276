"""The table of a sweep, and how Python and a comparison find it."""

import pandas as pd
import pytest
from results_helpers import write_results
from sweeps_helpers import effects, sweep_spec, write_sweep

import vlae
from vlae.config.paths import ResultsFolder
from vlae.config.sweeps import COLUMNS
from vlae.results.inventory import Inventory, Name
from vlae.results.sweep_table import sweep_table
from vlae.system.errors import UserError

SPEC = sweep_spec()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = write_results(tmp_path_factory.mktemp("project") / "results")
    write_sweep(root, SPEC, effects(SPEC))
    table = sweep_table(SPEC, ResultsFolder(root))
    table.to_parquet(root / "sweeps" / "x.parquet")
    return root


def test_there_is_one_row_per_cell_seed_layer_and_property(root):
    table = sweep_table(SPEC, ResultsFolder(root))
    assert [*table.columns] == ["sweep", "start", "gate", *COLUMNS[1:]]
    keys = ["start", "gate", "seed", "layer", "property"]
    assert len(table) == 2 * 3 * 3 * 2 * 2 and not table.duplicated(keys).any()
    assert {*table["sweep"]} == {"x"} and {*table["dataset"]} == {"strokes"}
    assert (table["run"] == "x_" + table["start"] + "_" + table["gate"]).all()


def test_effects_are_those_of_the_cell(root):
    table = sweep_table(SPEC, ResultsFolder(root))
    keys = ["run", "seed", "layer", "property"]
    expected = effects(SPEC).set_index(keys)["total_effect"].sort_index()
    pd.testing.assert_series_equal(
        table.set_index(keys)["total_effect"].sort_index(), expected
    )


def test_kl_and_elbo_are_those_at_the_end_of_training(root):
    table = sweep_table(SPEC, ResultsFolder(root))
    assert (table["kl"] == table["layer"]).all()
    assert (table["elbo"] == table["seed"]).all()


def test_a_missing_file_is_named(tmp_path):
    write_sweep(tmp_path, SPEC, effects(SPEC))
    path = tmp_path / "experiments" / "strokes" / "x_normal_1" / "2" / "effects.parquet"
    path.unlink()
    with pytest.raises(UserError, match=r"x_normal_1.2.effects.parquet"):
        sweep_table(SPEC, ResultsFolder(tmp_path))


def test_python_has_the_table(root):
    results = vlae.load_results(root)
    assert results.sweeps == ["x"]
    found = results.sweep("x").pivot_table("total_effect", "start", "layer")
    assert found.shape == (2, 2)
    assert "strokes/x_normal_1" in results.runs


def test_a_sweep_that_is_not_there_is_named(root, tmp_path):
    with pytest.raises(UserError, match=r"no table of a sweep 'y'; known: x"):
        vlae.load_results(root).sweep("y")
    bare = write_results(tmp_path / "results")
    assert vlae.load_results(bare).sweeps == []


def test_a_comparison_sees_axes_seeds_and_runs(root):
    found = Inventory(root).specs()["sweep"]
    assert [*found] == [Name("x")]
    content = found[Name("x")]
    assert content["seeds"] == [1, 2, 3] and len(content["runs"]) == 6
    assert content["base"] == "strokes/pilot"
    assert [axis["name"] for axis in content["axes"]] == ["start", "gate"]
    assert "cells" not in content
