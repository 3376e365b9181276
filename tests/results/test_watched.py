"""Which trainings of a results folder are found, and in which state."""

import os

import pandas as pd
import pytest
from results_helpers import write_results

from vlae.results.watched import SILENT_AFTER_S, trainings
from vlae.system.errors import UserError
from vlae.system.live_files import LiveFiles

NOW = 1_000_000.0


def live(root, folder, name, step=3, state="training", seen=NOW, rate=2.0):
    """Write what a training says of itself."""
    path = root / "checkpoints" / folder
    path.mkdir(parents=True)
    files = LiveFiles(path)
    progress = {"name": name, "step": step, "steps": 9, "rate": rate, "state": state}
    files.write_progress(progress)
    history = [{"step": 0, "split": "held-out", "term": "elbo", "value": -1.0}]
    files.write_history(history)
    os.utime(files.progress, (seen, seen))
    return path


def states(root, wanted="", now=NOW):
    found = trainings(root, wanted, now)
    return {one.name: (one.state, one.step, one.steps) for one in found.shown}


def test_a_running_training(tmp_path):
    path = live(tmp_path, "aaa", "strokes/vlae/1")
    (one,) = trainings(tmp_path, "", NOW).shown
    assert (one.name, one.step, one.steps, one.rate) == ("strokes/vlae/1", 3, 9, 2.0)
    assert (one.state, one.seconds_left, one.folder) == ("training", 3.0, path)
    assert one.history.to_dict("records") == [
        {"step": 0, "split": "held-out", "term": "elbo", "value": -1.0}
    ]


def test_an_evaluation_may_be_newer_than_the_last_sign(tmp_path):
    path = live(tmp_path, "aaa", "strokes/vlae/1")
    row = {"step": 5, "split": "held-out", "term": "elbo", "value": -1.0}
    LiveFiles(path).append([row])
    assert states(tmp_path)["strokes/vlae/1"] == ("training", 5, 9)


def test_a_training_without_a_sign_is_not_shown_as_running(tmp_path):
    live(tmp_path, "aaa", "strokes/vlae/1")
    late = NOW + SILENT_AFTER_S
    assert states(tmp_path, now=late)["strokes/vlae/1"][0] == "training"
    (one,) = trainings(tmp_path, "", late + 1).shown
    assert (one.state, one.seconds_left) == ("silent", None)


def test_stopped_and_finished_trainings_need_give_no_sign(tmp_path):
    live(tmp_path, "aaa", "strokes/vlae/1", state="stopped")
    live(tmp_path, "bbb", "strokes/vlae/2", step=9, state="finished")
    assert states(tmp_path, now=NOW + 1e6) == {
        "strokes/vlae/1": ("stopped", 3, 9),
        "strokes/vlae/2": ("finished", 9, 9),
    }


def test_trainings_that_differ_in_their_name_alone_are_two(tmp_path):
    live(tmp_path, "aaa", "strokes/vlae/1", step=3)
    live(tmp_path, "bbb", "strokes/twin/1", step=4)
    assert {n: s[1] for n, s in states(tmp_path).items()} == {
        "strokes/vlae/1": 3,
        "strokes/twin/1": 4,
    }
    assert trainings(tmp_path, "", NOW).left_out == 0


def test_of_one_name_the_latest_is_shown_and_the_others_are_counted(tmp_path):
    live(tmp_path, "ccc", "strokes/vlae/1", step=1, seen=NOW - 50)
    live(tmp_path, "bbb", "strokes/vlae/1", step=2, seen=NOW - 10)
    live(tmp_path, "aaa", "strokes/vlae/1", step=3, seen=NOW - 90)
    live(tmp_path, "ddd", "strokes/hvae/1", step=4)
    found = trainings(tmp_path, "", NOW)
    assert states(tmp_path)["strokes/vlae/1"] == ("training", 2, 9)
    assert found.left_out == 2
    assert trainings(tmp_path, "strokes/hvae", NOW).left_out == 0


def test_finished_runs_without_checkpoints_are_found(tmp_path):
    write_results(tmp_path, seeds=(1, 2))
    found = trainings(tmp_path, "", NOW)
    assert [(o.name, o.state, o.steps) for o in found.shown] == [
        ("strokes/vlae/1", "finished", 12),
        ("strokes/vlae/2", "finished", 12),
    ]
    assert found.shown[0].rate == 12 / 10.0
    history = tmp_path / "runs" / "strokes" / "vlae" / "1" / "history.parquet"
    pd.testing.assert_frame_equal(found.shown[0].history, pd.read_parquet(history))
    assert found.left_out == 0


def test_a_finished_run_that_is_trained_again_is_shown_once(tmp_path):
    write_results(tmp_path, seeds=(1,))
    facts = tmp_path / "runs" / "strokes" / "vlae" / "1" / "training.json"
    os.utime(facts, (NOW - 100, NOW - 100))
    live(tmp_path, "aaa", "strokes/vlae/1")
    assert states(tmp_path) == {"strokes/vlae/1": ("training", 3, 9)}
    os.utime(facts, (NOW + 1, NOW + 1))
    assert states(tmp_path) == {"strokes/vlae/1": ("finished", 12, 12)}


def test_what_runs_comes_first_and_seed_2_before_seed_10(tmp_path):
    for number, (name, state) in enumerate(
        [("a/b/1", "finished"), ("a/b/10", "training"), ("a/b/2", "training")]
    ):
        live(tmp_path, str(number), name, state=state)
    assert [*states(tmp_path)] == ["a/b/2", "a/b/10", "a/b/1"]


def test_one_run_or_one_seed_is_chosen(tmp_path):
    for number, name in enumerate(["a/b/1", "a/b/11", "a/bc/1", "a/b/2"]):
        live(tmp_path, str(number), name)
    assert [*states(tmp_path, "a/b")] == ["a/b/1", "a/b/2", "a/b/11"]
    assert [*states(tmp_path, "a/b/")] == ["a/b/1", "a/b/2", "a/b/11"]
    assert [*states(tmp_path, "a/b/1")] == ["a/b/1"]
    with pytest.raises(UserError, match=r"no training of 'a/d'.*Did you mean 'a/b'"):
        trainings(tmp_path, "a/d", NOW)


def test_other_things_in_the_folder_are_no_trainings(tmp_path):
    assert trainings(tmp_path, "", NOW).shown == []
    (tmp_path / "checkpoints" / "aaa").mkdir(parents=True)
    (tmp_path / "checkpoints" / "file").write_text("x")
    (tmp_path / "checkpoints" / "bbb").mkdir()
    (tmp_path / "checkpoints" / "bbb" / "progress.json").write_text("{")
    assert trainings(tmp_path, "strokes/vlae", NOW).shown == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}/none: no such folder"):
        trainings(tmp_path / "none", "", NOW)
