"""Two trainings of the same: the second waits, and takes what the first has done."""

import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import safetensors.torch
from helpers import ROOT, prepared_strokes, spec

from vlae.system import locks
from vlae.system.errors import UserError
from vlae.system.locks import alone
from vlae.training import trainer as training_loop
from vlae.training import weights as weight_files
from vlae.training.trainer import FINISHED, train

NEVER = 1e9
ME = rf"process {os.getpid()} on \S+ since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 60, test=20)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of a folder, until it is told or killed."""
    script = (
        "import sys; from pathlib import Path; from vlae.system.locks import alone\n"
        f"with alone(Path({str(tmp_path / 'lock')!r}), 'x'):\n"
        "    print('held', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_training_waits_and_finds_the_work_done(
    data, tmp_path, monkeypatch, capsys
):
    """A job that is submitted again while its first copy still runs."""
    inside, go_on = threading.Event(), threading.Event()
    run = training_loop._Trainer.run
    runs = []

    def slow(trainer, *arguments):
        runs.append(trainer)
        inside.set()
        assert go_on.wait(20)
        return run(trainer, *arguments)

    monkeypatch.setattr(training_loop._Trainer, "run", slow)
    found = []
    first = threading.Thread(
        target=lambda: found.append(train(spec("vlae"), data, tmp_path, NEVER))
    )
    first.start()
    assert inside.wait(20)
    threading.Timer(0.5, go_on.set).start()
    second = train(spec("vlae"), data, tmp_path, NEVER)
    first.join()
    said = capsys.readouterr().out
    assert re.search(
        rf"\[strokes/vlae/1\] another process trains it \({ME}\): waiting", said
    )
    assert f"already finished, taken from {tmp_path / FINISHED}" in said
    assert len(runs) == 1
    weights = [safetensors.torch.save(t.weights) for t in (found[0], second)]
    assert weights[0] == weights[1]


def test_patience_ends_in_words_that_name_the_other(data, tmp_path, holder):
    started = time.monotonic()
    with pytest.raises(UserError) as caught:
        train(spec("vlae"), data, tmp_path, NEVER, patience=0.3)
    assert 0.3 <= time.monotonic() - started < 10
    said = str(caught.value)
    assert said.startswith(
        f"strokes/vlae/1: another process trains it (process {holder.pid} on "
    )
    assert "has not ended in 0 s. Wait for it, or stop it." in said
    assert said.endswith(f"Its lock is {tmp_path / 'lock'}")


def test_a_killed_holder_leaves_the_lock_and_its_name(data, tmp_path, holder, capsys):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    train(spec("vlae", training={"steps": 1}), data, tmp_path, NEVER)
    said = capsys.readouterr().out
    assert f"the previous attempt (process {holder.pid} on " in said
    assert "ended without a message: out of memory, a lost node" in said
    train(spec("vlae", training={"steps": 1}), data, tmp_path, NEVER)
    assert "the previous attempt" not in capsys.readouterr().out, "said once"


def test_a_holder_that_ends_in_order_leaves_nothing(tmp_path, holder):
    holder.communicate("\n", timeout=20)
    with alone(tmp_path / "lock", "x") as held:
        assert (held.waited, held.sure, held.killed) == (False, True, "")
        assert re.fullmatch(ME, (tmp_path / "lock").read_text())
    assert (tmp_path / "lock").read_text() == ""


def test_a_holder_that_fails_was_not_killed(tmp_path):
    with pytest.raises(ValueError, match="its own"), alone(tmp_path / "lock", "x"):
        raise ValueError("its own")
    with alone(tmp_path / "lock", "x") as held:
        assert held.killed == ""


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL]
)
def test_a_file_system_without_locks_trains_and_says_so(
    number, data, tmp_path, monkeypatch, capsys
):
    """NFS without a lock daemon, Lustre without flock. All writes are atomic there."""

    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    left = tmp_path / ".state-abcdefgh.safetensors"
    left.write_bytes(b"perhaps another's")
    train(spec("vlae", training={"steps": 1}), data, tmp_path, NEVER)
    said = capsys.readouterr().out
    assert f"no lock on this file system ({os.strerror(number)})" in said
    assert left.exists()


def test_two_without_locks_end_with_the_same_weights(data, tmp_path, monkeypatch):
    """They do the work twice, and disturb each other in nothing else."""

    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    alone_ = train(spec("vlae"), data, tmp_path / "alone", 0)
    monkeypatch.setattr(locks.fcntl, "flock", flock)
    found = []

    def work():
        found.append(train(spec("vlae"), data, tmp_path / "both", 0))

    step = training_loop._Trainer._step
    started = threading.Event()

    def twin(trainer):
        if trainer.state.step == 5 and not started.is_set():
            started.set()
            work()  # from the other's checkpoint, to its end
        return step(trainer)

    monkeypatch.setattr(training_loop._Trainer, "_step", twin)
    work()
    states = [safetensors.torch.save(t.weights) for t in (alone_, *found)]
    assert len(states) == 3 and len({*states}) == 1
    kept = weight_files.load(tmp_path / "both" / FINISHED)[0]
    assert safetensors.torch.save(kept) == states[0]
