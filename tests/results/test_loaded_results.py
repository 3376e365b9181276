"""Tables of a results folder from Python."""

import pandas as pd
import pytest
from results_helpers import STEP, write_results

import vlae


@pytest.fixture
def root(tmp_path):
    return write_results(tmp_path / "results", runs=("vlae", "hvae"), seeds=(1, 2))


def test_runs_are_those_that_were_trained_to_the_end(root):
    (root / "runs" / "strokes" / "hvae" / "2" / "training.json").unlink()
    assert vlae.load_results(root).runs == {"strokes/hvae": [1], "strokes/vlae": [1, 2]}


def test_a_table_has_all_runs_and_seeds(root):
    results = vlae.load_results(str(root))
    assert results.tables == ["effects"]
    table = results.table("effects")
    assert list(table.columns[:3]) == ["dataset", "run", "seed"]
    assert {*table["dataset"]} == {"strokes"}
    assert table.groupby(["run", "seed"]).size().to_dict() == {
        (run, seed): 4 for run in ("hvae", "vlae") for seed in (1, 2)
    }
    chosen = table[(table["layer"] == 1) & (table["property"] == "class")]
    found = chosen.groupby("seed")["total_effect"].first().to_dict()
    assert found == pytest.approx({seed: 0.6 + STEP[seed] / 10 for seed in (1, 2)})


def test_a_run_without_the_table_is_left_out(root):
    (root / "experiments" / "strokes" / "hvae" / "1" / "effects.parquet").unlink()
    table = vlae.load_results(root).table("effects")
    assert {*zip(table["run"], table["seed"], strict=True)} == {
        ("hvae", 2),
        ("vlae", 1),
        ("vlae", 2),
    }


def test_histories_of_all_runs(root):
    history = vlae.load_results(root).history()
    columns = ["dataset", "run", "seed", "step", "split", "term", "value"]
    assert list(history.columns) == columns
    assert len(history) == 2 * 2 * 12
    last = history[(history["step"] == 12) & (history["term"] == "elbo")]
    expected = {seed: -50 + STEP[seed] for seed in (1, 2)}
    assert last.groupby("seed")["value"].mean().to_dict() == expected


def test_verdicts(root):
    results = vlae.load_results(root)
    pd.testing.assert_frame_equal(
        results.verdicts(), pd.read_parquet(root / "tables" / "claims.parquet")
    )
    (root / "tables" / "claims.parquet").unlink()
    with pytest.raises(vlae.UserError, match="Run the pipeline to its end"):
        results.verdicts()


def test_a_misspelt_table_is_named(root):
    with pytest.raises(vlae.UserError, match="Did you mean 'effects'"):
        vlae.load_results(root).table("efects")


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(vlae.UserError, match="no such folder"):
        vlae.load_results(tmp_path / "nowhere")


def test_what_it_says_of_itself(root):
    assert repr(vlae.load_results(root)) == f"<LoadedResults {root}: 2 runs>"
