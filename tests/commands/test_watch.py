"""`vlae watch` as a person calls it: in terminals, without one, with TensorBoard."""

import contextlib
import importlib.util
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from results_helpers import write_results

from vlae.__main__ import main
from vlae.commands import watch
from vlae.commands._tensorboard import Events
from vlae.report.watch_text import ASCII, BLOCKS
from vlae.results import watched
from vlae.system.checkout import ROOT
from vlae.system.live_files import LiveFiles


def rows(steps, value=-2.0):
    return [
        {"step": step, "split": split, "term": term, "value": value + step}
        for step in steps
        for split in ("train", "held-out")
        for term in ("elbo", "kl_1")
    ]


def live(root, steps, name="strokes/vlae/1", folder="aaa", **changes):
    path = root / "checkpoints" / folder
    path.mkdir(parents=True, exist_ok=True)
    files = LiveFiles(path)
    files.write_history(rows(steps))
    progress = {"name": name, "step": max(steps), "steps": 9, "rate": 2.0}
    files.write_progress({**progress, "state": "training", **changes})
    return files


def test_once_without_a_terminal(tmp_path, capsys, monkeypatch):
    live(tmp_path / "results", (0, 1, 2))
    monkeypatch.chdir(tmp_path)
    assert main(["watch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "strokes/vlae/1  step 2 of 9 (22 %), 2 steps/s, 0:03 left"
    assert len(lines) == 3
    assert main(["watch", "--run", "strokes/vlae/2"]) == 1
    assert "no training of 'strokes/vlae/2'" in capsys.readouterr().err


def test_nothing_yet_and_no_folder(tmp_path, capsys):
    assert main(["watch", str(tmp_path)]) == 0
    assert "nothing has been trained here so far" in capsys.readouterr().out
    assert main(["watch", str(tmp_path / "none")]) == 1
    assert f"{tmp_path}/none: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_that_is_none_is_an_error(seconds, tmp_path, capsys):
    assert main(["watch", str(tmp_path), "--every", seconds]) == 1
    assert "--every: expected more than 0 seconds" in capsys.readouterr().err


def test_the_picture(tmp_path, capsys):
    write_results(tmp_path)
    path = tmp_path / "curves.png"
    assert main(["watch", str(tmp_path), "--out", str(path)]) == 0
    assert path.read_bytes()[1:4] == b"PNG"
    assert "curves.png: 3 trainings" in capsys.readouterr().out


def process(root, *words, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LC_")}
    environment |= {"PYTHONPATH": str(ROOT / "src"), **variables}
    command = [sys.executable, "-m", "vlae", "watch", str(root), *words]
    return command, environment


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"LC_ALL": "C.UTF-8"}, BLOCKS),
        ({"LC_ALL": "C"}, ASCII),
        ({"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "ascii"}, ASCII),
        ({"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "iso-8859-1"}, ASCII),
    ],
    ids=str,
)
def test_curves_in_the_characters_of_the_locale(variables, shown, tmp_path):
    live(tmp_path, (0, 1, 2))
    command, environment = process(tmp_path, **variables)
    said = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert f"|{shown[0]}{shown[-1]}|" in said.stdout.decode()


def test_in_a_terminal_it_goes_on_until_ctrl_c(tmp_path):
    files = live(tmp_path, (0, 1, 2))
    command, environment = process(tmp_path, "--every", "0.2", LC_ALL="C.UTF-8")
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        command,
        env=environment,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=ctrl_c_ends,
    )
    os.close(theirs)
    try:
        assert "step 2 of 9" in read_until(ours, "0:03 left")
        files.write_progress(
            {"name": "strokes/vlae/1", "step": 7, "steps": 9, "rate": 2.0}
            | {"state": "training"}
        )
        said = read_until(ours, "step 7 of 9")
        assert watch.CLEAR in said
        running.send_signal(signal.SIGINT)
        read_to_end(ours)
        assert running.wait(timeout=20) == 0
    finally:
        running.kill()
        os.close(ours)


def ctrl_c_ends():
    """Undo what a shell does to a command that it runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def read_to_end(terminal, seconds=60):
    """Otherwise a full terminal would keep the process from its end."""
    end = time.monotonic() + seconds
    with contextlib.suppress(OSError):  # Linux's answer where nobody writes any more
        while os.read(terminal, 10_000):
            assert time.monotonic() < end, "it goes on"


def read_until(terminal, words, seconds=60):
    said, end = "", time.monotonic() + seconds
    while words not in said:
        assert time.monotonic() < end, said
        said += os.read(terminal, 10_000).decode()
    return said


# TensorBoard


def test_without_the_library_the_error_says_what_to_install(
    tmp_path, capsys, monkeypatch
):
    live(tmp_path, (0,))
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "tensorboard" else real(name, *rest),
    )
    words = ["watch", str(tmp_path), "--tensorboard", str(tmp_path / "events")]
    assert main(words) == 1
    assert "pip install tensorboard" in capsys.readouterr().err
    assert not (tmp_path / "events").exists()


@pytest.fixture
def scalars():
    """A function that reads back the values of a term: step, value."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )

    def read(folder: Path, term):
        found = accumulator.EventAccumulator(str(folder))
        found.Reload()
        return [(event.step, event.value) for event in found.Scalars(term)]

    return read


def found(root):
    return watched.trainings(root, "", time.time()).shown


def test_values_can_be_read_back(scalars, tmp_path, capsys):
    live(tmp_path, (0, 1, 2))
    write_results(tmp_path, runs=("hvae",), seeds=(2,))
    events = tmp_path / "events"
    for _ in range(2):  # a second call replaces what the first wrote
        assert main(["watch", str(tmp_path), "--tensorboard", str(events)]) == 0
        expected = [(0, -2.0), (1, -1.0), (2, 0.0)]
        for split in ("train", "held-out"):
            assert scalars(events / "strokes/vlae/1" / split, "elbo") == expected
        assert scalars(events / "strokes/hvae/2" / "train", "kl_2") == [
            (0, 7.0),
            (12, 7.0),
        ]
    assert f"tensorboard --logdir {events}" in capsys.readouterr().out


def test_new_values_are_added_once(scalars, tmp_path):
    events = Events(tmp_path / "events")
    live(tmp_path, (0, 1))
    assert events.write(found(tmp_path)) == 8
    assert events.write(found(tmp_path)) == 0
    live(tmp_path, (0,))  # killed, and continues from an earlier checkpoint
    assert events.write(found(tmp_path)) == 0
    live(tmp_path, (0, 1, 2))
    assert events.write(found(tmp_path)) == 4
    folder = tmp_path / "events" / "strokes" / "vlae" / "1" / "train"
    assert scalars(folder, "elbo") == [(0, -2.0), (1, -1.0), (2, 0.0)]
    # Another training of the same name, with other settings.
    live(tmp_path, (0, 3), folder="bbb")
    assert events.write(found(tmp_path)) == 8
    assert scalars(folder, "elbo") == [(0, -2.0), (3, 1.0)]


def test_files_of_others_are_left_alone(scalars, tmp_path):
    folder = tmp_path / "events" / "strokes" / "vlae" / "1" / "train"
    folder.mkdir(parents=True)
    other = folder / "events.out.tfevents.1.host.1.0"
    other.write_bytes(b"")
    live(tmp_path, (0,))
    Events(tmp_path / "events").write(found(tmp_path))
    assert other.exists()
    assert len([*folder.iterdir()]) == 2
    assert all(re.match(r"events\.out\.tfevents", p.name) for p in folder.iterdir())
