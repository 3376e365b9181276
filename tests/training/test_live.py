"""What a training lets others watch, whatever happens to it."""

import pytest
from helpers import prepared_strokes, spec

from vlae.data.prepared import Prepared
from vlae.system import signals
from vlae.system.live_files import LiveFiles
from vlae.training import trainer as training_loop
from vlae.training.trainer import _Trainer, train

NEVER = 1e9


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Prepared:
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 60)


def state(folder):
    progress = LiveFiles(folder).read_progress()
    assert progress is not None
    return progress["state"], progress["step"], progress["steps"]


def interrupted(step, patch, error):
    """Let the training end with `error` instead of doing its step number `step`."""
    real = _Trainer._step

    def stop(trainer):
        if trainer.state.step == step:
            raise error
        return real(trainer)

    patch.setattr(_Trainer, "_step", stop)


def test_a_training_leaves_the_lines_of_its_history(data, tmp_path):
    trained = train(spec("vlae"), data, tmp_path, NEVER)
    files = LiveFiles(tmp_path)
    assert files.read_history() == trained.history
    assert len(files.history.read_bytes().splitlines()) == 4  # steps 0, 5, 10, 12
    assert state(tmp_path) == ("finished", 12, 12)


def test_each_evaluation_can_be_read_before_the_next_step(data, tmp_path, monkeypatch):
    seen = []
    real = _Trainer._step

    def looking(trainer):
        rows = LiveFiles(tmp_path).read_history()
        seen.append((trainer.state.step, sorted({row["step"] for row in rows})))
        assert state(tmp_path)[0] == "training"
        return real(trainer)

    monkeypatch.setattr(_Trainer, "_step", looking)
    train(spec("vlae"), data, tmp_path, NEVER)
    assert seen == [
        *((step, [0]) for step in range(5)),
        *((step, [0, 5]) for step in range(5, 10)),
        *((step, [0, 5, 10]) for step in range(10, 12)),
    ]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (signals.Stopped(15), "stopped"),
        (KeyboardInterrupt(), "stopped"),
        (MemoryError(), "stopped"),
    ],
)
def test_a_stopped_training_says_so_and_where(error, name, data, tmp_path):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(type(error)):
        interrupted(7, patch, error)
        train(spec("vlae"), data, tmp_path, NEVER)
    assert state(tmp_path) == (name, 7, 12)


KILLED = b'{"step": 10, "train": {"elbo": -1'


@pytest.mark.parametrize("left", [KILLED, b"", b"\x00" * 99, None])
def test_a_continued_training_repeats_no_step_and_misses_none(left, data, tmp_path):
    """It was killed after step 11, and its last checkpoint is of step 3."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(_Trainer, "_checkpoint_due", lambda t, _: t.state.step == 3)
        interrupted(11, patch, MemoryError())
        train(spec("vlae"), data, tmp_path, 0)
    files = LiveFiles(tmp_path)
    assert {row["step"] for row in files.read_history()} == {0, 5, 10}
    if left is None:
        files.history.unlink()
    else:
        with files.history.open("ab") as file:
            file.write(left)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        interrupted(3, patch, MemoryError())  # right after it was restored
        train(spec("vlae"), data, tmp_path, NEVER)
    assert {row["step"] for row in files.read_history()} == {0}
    trained = train(spec("vlae"), data, tmp_path, NEVER)
    assert files.read_history() == trained.history
    steps = [row["step"] for row in trained.history if row["term"] == "elbo"]
    assert steps == [0, 0, 5, 5, 10, 10, 12, 12]


@pytest.mark.parametrize("name", ["history.jsonl", "progress.json"])
def test_a_file_that_cannot_be_written_costs_the_training_nothing(
    name, data, tmp_path, capsys
):
    (tmp_path / "bad" / name / "in the way").mkdir(parents=True)
    good = train(spec("vlae"), data, tmp_path / "good", NEVER)
    capsys.readouterr()
    bad = train(spec("vlae"), data, tmp_path / "bad", NEVER)
    assert bad.history == good.history
    assert capsys.readouterr().out.count("cannot write what `vlae watch` reads") == 1


def test_what_could_not_be_written_is_written_with_the_next_evaluation(
    data, tmp_path, monkeypatch
):
    """The disk is full at step 5: half a line, then space again."""
    real = LiveFiles.append

    def full(files, rows):
        if rows[0]["step"] == 5:
            with files.history.open("ab") as file:
                file.write(b'{"step": 5, "tr')
            raise OSError(28, "No space left on device")
        real(files, rows)

    monkeypatch.setattr(LiveFiles, "append", full)
    trained = train(spec("vlae"), data, tmp_path, NEVER)
    assert LiveFiles(tmp_path).read_history() == trained.history


def test_lines_of_a_finished_training_come_back(data, tmp_path):
    trained = train(spec("vlae"), data, tmp_path, NEVER)
    files = LiveFiles(tmp_path)
    files.history.unlink()
    files.progress.unlink()
    train(spec("vlae"), data, tmp_path, NEVER)
    assert files.read_history() == trained.history
    assert state(tmp_path) == ("finished", 12, 12)


def test_nothing_that_is_watched_decides_the_bits(data, tmp_path):
    """Two trainings whose settings differ in their name alone have a folder each."""
    one, other = spec("vlae"), spec("vlae", run="twin")
    found = [
        training_loop.identity(s, data, training_loop.resolve_device("cpu"))
        for s in (one, other)
    ]
    assert found[0]["spec"] != found[1]["spec"]
    assert {k: v for k, v in found[0].items() if k != "spec"} == {
        k: v for k, v in found[1].items() if k != "spec"
    }
