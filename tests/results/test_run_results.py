"""Results of a run: files are read once, and callers may change what they get."""

import pandas as pd
import pytest
from results_helpers import SEEDS, row, write_results

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.results.run_results import RunResults
from vlae.system.errors import UserError


@pytest.fixture
def run(tmp_path):
    folder = ResultsFolder(write_results(tmp_path / "results"))
    return RunResults(RunRow.of(row("vlae", SEEDS)), folder)


def test_one_seed_has_its_rows_of_the_table_of_all(run):
    for every, of_seed in (
        (run.table("effects"), lambda seed: run.table("effects", seed)),
        (run.history(), run.history),
    ):
        assert every["seed"].unique().tolist() == [*SEEDS]
        for seed in SEEDS:
            own = every[every["seed"] == seed].reset_index(drop=True)
            pd.testing.assert_frame_equal(of_seed(seed), own)


def test_files_are_read_once(run):
    table, history, facts = run.table("effects"), run.history(), run.facts(1)
    for seed in SEEDS:
        files = run.files(seed)
        for path in (files.history, files.facts):
            path.unlink()
        folder = files.folder.parents[3] / "experiments" / "strokes" / "vlae"
        (folder / str(seed) / "effects.parquet").unlink()
    pd.testing.assert_frame_equal(run.table("effects"), table)
    pd.testing.assert_frame_equal(run.history(), history)
    assert len(run.table("effects", 2)) == len(table) / len(SEEDS)
    assert run.facts(1) == facts


def test_what_a_caller_changes_is_not_what_the_next_one_gets(run):
    table, history, facts = run.table("effects", 1), run.history(1), run.facts(1)
    table.loc[0, "layer"] = 9
    table["more"] = 1
    history["value"] *= 2
    facts["versions"]["torch"] = "other"
    again = run.table("effects", 1)
    assert again.loc[0, "layer"] == 1 and "more" not in again
    assert run.history(1)["value"].max() == history["value"].max() / 2
    assert run.facts(1)["versions"]["torch"] == "2"


def test_curves_are_held_out_and_in_the_order_of_steps(run):
    path = run.files(1).history
    history = pd.read_parquet(path)
    history.loc[(history["step"] == 12) & (history["term"] == "elbo"), "value"] = -40.0
    history[::-1].to_parquet(path)
    assert run.curve(1, "elbo").tolist() == [-50.5, -40.0]
    assert run.rise(1) == 10.5
    assert run.rise(2) == 0
    assert run.curve(1, "residual_kl_1").empty
    assert run.held_out()["elbo"].tolist() == [-40.0, -50.0, -49.5]


def test_a_missing_table_is_named(run):
    with pytest.raises(UserError, match=r"vlae/1/codes\.parquet: no such file"):
        run.table("codes")
