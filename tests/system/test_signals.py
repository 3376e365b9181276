"""Signals that end a process: what was done is kept, and what remains is whole."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import safetensors.torch
from helpers import ROOT, prepared_strokes, spec, train_options

from vlae import __main__
from vlae.config.run_spec import RunFiles
from vlae.system import registry, signals
from vlae.system.files import write_json
from vlae.system.progress import say
from vlae.system.signals import Stopped, postponed, raising
from vlae.training import trainer as training_loop
from vlae.training import weights
from vlae.training.trainer import CHECKPOINT, FINISHED, train

NEVER = 1e9
STEPS = 14


@pytest.fixture(autouse=True)
def heard():
    """Signals that whoever started the tests had ignored (`nohup`, `&`) are not."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 130, test=60)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """What is left by a training that nothing disturbed."""
    return train(wanted(), data, tmp_path_factory.mktemp("whole"), NEVER)


def wanted():
    noisy = {"dequantise": True, "scale": 0.1, "denoising": 0.05}
    return spec("vlae", data_noise=noisy, training={"steps": STEPS})


def same(trained, whole):
    states = [safetensors.torch.save(t.weights) for t in (trained, whole)]
    return states[0] == states[1] and trained.history == whole.history


def signalled(monkeypatch, at, *numbers, what="_step"):
    """Send this process signals at the start of call number `at` of a method."""
    inner = getattr(training_loop._Trainer, what)
    calls: list[None] = []

    def sending(trainer):
        calls.append(None)
        if len(calls) == at + 1:
            for number in numbers:
                os.kill(os.getpid(), number)
        return inner(trainer)

    monkeypatch.setattr(training_loop._Trainer, what, sending)


# A training


@pytest.mark.parametrize("number", signals.SIGNALS, ids=lambda n: n.name)
@pytest.mark.parametrize("at", [0, 4, STEPS - 1])
def test_a_signal_costs_nothing_of_a_training(number, at, data, whole, tmp_path):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped) as caught:
        # Twice, as SLURM may: the checkpoint is written all the same.
        signalled(patch, at, *[number] * (1 if number == signal.SIGINT else 2))
        train(wanted(), data, tmp_path, NEVER)
    facts = weights.load(tmp_path / CHECKPOINT)[1]
    assert facts["step"] == at + 1, "the step is finished, and no further one begun"
    assert facts["seconds"] > 0
    assert caught.value.status == 128 + number
    said = str(caught.value)
    assert said.startswith(f"stopped by {number.name}. strokes/vlae/1: step {at + 1} ")
    assert f"of {STEPS} is saved in {tmp_path / CHECKPOINT}; the same command" in said
    assert same(train(wanted(), data, tmp_path, NEVER), whole)


@pytest.mark.parametrize("at", [0, 1, 3])  # of 0, 5, 10 and 14
def test_a_signal_ends_an_evaluation(at, data, whole, tmp_path, monkeypatch):
    """It may take longer than the time between SIGTERM and SIGKILL."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        signalled(patch, at, signal.SIGTERM, what="_evaluate")
        train(wanted(), data, tmp_path, NEVER)
    facts = weights.load(tmp_path / CHECKPOINT)[1]
    step = [0, 5, 10, STEPS][at]
    assert facts["step"] == step
    assert {row["step"] for row in facts["history"]} == {0, 5, 10} & {*range(step)}
    assert same(train(wanted(), data, tmp_path, NEVER), whole)


def test_half_an_evaluation_is_none(data, whole, tmp_path):
    """One split is through when the signal comes."""
    check = signals.Request.check
    calls: list[None] = []

    def late(request):
        calls.append(None)
        if len(calls) == 9:  # two splits at step 0, five steps, one split
            request.number = signal.SIGTERM
        check(request)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(signals.Request, "check", late)
        train(wanted(), data, tmp_path, NEVER)
    facts = weights.load(tmp_path / CHECKPOINT)[1]
    assert facts["step"] == 5
    assert {row["step"] for row in facts["history"]} == {0}
    assert same(train(wanted(), data, tmp_path, NEVER), whole)


def test_a_second_interrupt_does_not_wait(data, whole, tmp_path):
    """Nor does it save what is half a step."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        signalled(patch, 4, signal.SIGINT, signal.SIGINT)
        train(wanted(), data, tmp_path, 0)
    assert weights.load(tmp_path / CHECKPOINT)[1]["step"] == 4
    assert same(train(wanted(), data, tmp_path, NEVER), whole)


def test_a_signal_at_the_very_end_is_not_for_the_training(data, whole, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        save = weights.save

        def sending(*arguments):
            os.kill(os.getpid(), signal.SIGTERM)
            save(*arguments)

        patch.setattr(weights, "save", sending)
        assert same(train(wanted(), data, tmp_path, NEVER), whole)
    assert [*tmp_path.glob("*.safetensors")] == [tmp_path / FINISHED]


def test_an_evaluation_that_takes_long_is_not_what_a_kill_costs(
    data, tmp_path, monkeypatch
):
    """It is saved before the second, since the first has shown how long they take."""

    class Kill(Exception):
        pass

    def slow(*_):
        calls.append(None)
        if len(calls) > 2:
            raise Kill
        time.sleep(0.3)
        return {"elbo": 0.0}

    calls: list[None] = []
    monkeypatch.setattr(training_loop, "evaluate", slow)
    long = spec("vlae", training={"steps": 9}, evaluation={"every": 5, "images": 20})
    with pytest.raises(Kill):
        train(long, data, tmp_path, 0.55)  # one takes 0.6 s
    assert weights.load(tmp_path / CHECKPOINT)[1]["step"] == 5


def test_a_full_disk_keeps_the_checkpoint_before(data, whole, tmp_path):
    """A limit on the size of files fails as a full disk does, in `write`."""
    script = f"""
import resource, sys
from pathlib import Path
from vlae.__main__ import main
from vlae.training import weights
save, calls = weights.save, []
def limited(*arguments):
    calls.append(None)
    if len(calls) == 5:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    save(*arguments)
weights.save = limited
sys.exit(main({command(tmp_path, data, 0)}))
"""
    finished = process(script)
    assert finished.returncode == 1
    assert finished.stderr.startswith("vlae train: "), finished.stderr
    assert "the disk is full" in finished.stderr and "run again" in finished.stderr
    (folder,) = (tmp_path / "checkpoints").iterdir()
    left = {"history.jsonl", "lock", "progress.json", CHECKPOINT}
    assert {p.name for p in folder.iterdir()} == left
    assert weights.load(folder / CHECKPOINT)[1]["step"] == 4
    assert same(train(wanted(), data, folder, NEVER), whole)


# The process


def command(folder, data, checkpoint_seconds):
    write_json(folder / "spec.json", wanted().as_dict())
    files, checkpoints = RunFiles(folder / "out"), folder / "checkpoints"
    words = train_options(folder / "spec.json", data.folder, files, checkpoints)
    return ["train", *map(str, [*words, "--checkpoint-seconds", checkpoint_seconds])]


def process(script):
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )


def test_a_job_whose_log_dies_first_saves(data, whole, tmp_path):
    """SLURM's SIGTERM goes to every process of `python ... 2>&1 | tee log`."""
    (tmp_path / "child.py").write_text(f"""
import os, signal, sys, time
from pathlib import Path
from vlae.__main__ import main
from vlae.system import progress
from vlae.training import trainer as training_loop
progress.INTERVAL_S = 0.0
step = training_loop._Trainer._step
def sending(trainer):
    if trainer.state.step == 6:
        while "6/14 steps" not in Path("log").read_text():
            time.sleep(0.01)
        os.killpg(0, signal.SIGTERM)
        time.sleep(0.5)  # `tee` is gone when the next line is printed
    return step(trainer)
training_loop._Trainer._step = sending
code = main({command(tmp_path, data, NEVER)})
Path("status").write_text(str(code))
sys.exit(code)
""")
    words = f"set -o pipefail; {sys.executable} child.py 2>&1 | tee log"
    running = subprocess.Popen(
        ["bash", "-c", words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert running.wait(timeout=300) == -signal.SIGTERM
    status = tmp_path / "status"
    until(lambda: status.exists() and status.read_text())
    assert status.read_text() == str(128 + signal.SIGTERM)
    assert "saved" not in (tmp_path / "log").read_text(), "nobody could hear that"
    (folder,) = (tmp_path / "checkpoints").iterdir()
    assert weights.load(folder / CHECKPOINT)[1]["step"] == 7
    assert (folder / "lock").read_text() == ""
    assert same(train(wanted(), data, folder, NEVER), whole)


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_lines_that_nobody_reads_stop_nothing(tmp_path):
    script = "import sys; from vlae.system.progress import say\n"
    script += "for i in range(3): say(str(i))\n"
    script += f"open({str(tmp_path / 'done')!r}, 'w').close()"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        finished = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert (tmp_path / "done").exists()


def test_lines_that_somebody_reads_are_printed(capsys):
    say("one")
    say("two", sys.stderr)
    assert capsys.readouterr() == ("one\n", "two\n")


@pytest.fixture
def stopped_command(monkeypatch):
    """A command that sends its process a signal while a file is half-written."""

    def run(words, number):
        from vlae.system.files import atomic

        def act(_):
            with atomic(Path(words)) as temporary:
                temporary.write_text("half")
                os.kill(os.getpid(), number)
                temporary.write_text("whole")

        command = registry.load("commands", "figure")
        monkeypatch.setattr(command, "run", act)
        return __main__.main(["figure", "--spec", "s", "--out", "o"])

    return run


@pytest.mark.parametrize("number", signals.SIGNALS, ids=lambda n: n.name)
def test_any_command_leaves_nothing_half_written(
    number, stopped_command, tmp_path, capsys
):
    assert stopped_command(tmp_path / "table.parquet", number) == 128 + number
    assert [*tmp_path.iterdir()] == []
    assert capsys.readouterr().err == (
        f"vlae figure: stopped by {number.name}. Run the same command again; what was "
        "finished is kept.\n"
    )


# The handlers


def test_handlers_are_those_of_before_in_the_end():
    before = [signal.getsignal(n) for n in signals.SIGNALS]
    with contextlib.suppress(Stopped), raising():
        with postponed() as request:
            os.kill(os.getpid(), signal.SIGHUP)
            assert request.number == signal.SIGHUP
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the signal raises at once")
    assert [signal.getsignal(n) for n in signals.SIGNALS] == before


def test_a_signal_that_is_ignored_stays_so():
    """`nohup`, and shells that start a job in the background, set it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raising(), postponed() as request:
            os.kill(os.getpid(), signal.SIGHUP)
            assert request.number == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_has_no_handlers_and_works_all_the_same():
    found = []

    def work():
        with raising(), postponed() as request:
            found.append(request.number)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [0]
