"""Out of memory: a message says what to lower, nothing is lost or half-written."""

import errno
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import (
    NETWORKS,
    ROOT,
    network,
    prepared_strokes,
    spec,
    train_options,
)

from vlae.__main__ import main
from vlae.config.run_spec import RunFiles
from vlae.models import base
from vlae.system import memory, registry
from vlae.system.files import write_json
from vlae.system.memory import OutOfMemory
from vlae.training import weights as weight_files
from vlae.training.trainer import CHECKPOINT

CPU = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
    "memory: you tried to allocate 4000000000 bytes. Error code 12 (Cannot allocate "
    "memory)"
)
CUDA = (
    "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of "
    "15.77 GiB of which 1.06 GiB is free."
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 1200, test=20)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError(CPU), "on this machine when 4.0 GB more were asked for"),
        (torch.OutOfMemoryError(CUDA), "on the GPU (nvidia-smi"),
        (torch.OutOfMemoryError(CUDA), "when 2.50 GiB more were asked for"),
        (RuntimeError("CUDA error: out of memory"), "on the GPU"),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling x"), "on the GPU"),
        (MemoryError(), "on this machine. Lower"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "(Cannot allocate memory)"),
    ],
)
def test_what_ran_out_and_what_to_lower(error, expected):
    with (
        pytest.raises(OutOfMemory) as caught,
        memory.explained("strokes/vlae/1", "Lower the width."),
    ):
        raise error
    said = str(caught.value)
    assert said.startswith("strokes/vlae/1: out of memory on ")
    assert said.endswith(". Lower the width.")
    assert expected in said or expected in said.replace("[Errno 12] ", "")


def test_what_numpy_says():
    with (
        pytest.raises(
            OutOfMemory, match=r"on this machine when 2\.00 EiB more were asked"
        ),
        memory.explained("x", "y"),
    ):
        np.zeros(1 << 61, np.uint8)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("mat1 and mat2 shapes"), OSError(errno.ENOENT, "No such file")],
)
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, memory.explained("x", "y"):
        raise error
    assert caught.value is error


def test_any_command_says_so(monkeypatch, capsys):
    def act(_):
        raise MemoryError

    monkeypatch.setattr(registry.load("commands", "figure"), "run", act)
    assert main(["figure", "--spec", "s", "--out", "o"]) == 1
    said = capsys.readouterr().err
    assert (
        said == f"vlae figure: out of memory on this machine. {memory.GENERAL_ADVICE}\n"
    )


# Real trainings and experiments in too little memory

LIMITED = """
import resource, sys
from pathlib import Path
import torch, pandas, pyarrow, scipy.stats
from vlae.__main__ import main
from vlae.config.run_spec import RunFiles
from vlae.system import registry
from vlae.training import trained_run, trainer
for kind in ("vlae", "hvae"):
    registry.load("models", kind)
torch.ones(50, 50) @ torch.ones(50, 50)
def limit():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + {room}
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
{when}
sys.exit(main({words}))
"""
AT_ONCE = "limit()"
IN_STEP = """
step = trainer._Trainer._step
def limited(training):
    if training.state.step == {step}:
        limit()
        try:
            while True:  # also what the C library keeps for later
                training.hog = [getattr(training, "hog", None), torch.empty(1 << 18)]
        except RuntimeError:
            pass
    return step(training)
trainer._Trainer._step = limited
"""


def limited(words, room, when=AT_ONCE):
    """The command in a process that gets `room` bytes more than it has."""
    script = LIMITED.format(words=[*map(str, words)], room=room, when=when)
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )


def train_words(folder, data, wanted):
    write_json(folder / "spec.json", wanted.as_dict())
    files, checkpoints = RunFiles(folder / "out"), folder / "checkpoints"
    places = train_options(folder / "spec.json", data.folder, files, checkpoints)
    return ["train", *places, "--checkpoint-seconds", 0]


def test_a_training_that_runs_out_of_memory(data, tmp_path):
    """From step 2 on; its checkpoint is kept, and with memory it goes on there."""
    heavy = spec(
        network("vlae", width=4.0),
        training={"steps": 4, "batch_size": 1200},
        evaluation={"every": 100, "images": 20},
    )
    words = train_words(tmp_path, data, heavy)
    finished = limited(words, 1 << 20, IN_STEP.format(step=2))
    said = finished.stderr
    assert finished.returncode == 1, said
    assert re.match(
        r"vlae train: strokes/vlae/1: out of memory on this machine.*"
        r"Lower data_memory_mb \(now 4000; .*training.batch_size \(now 1200\)"
        r".*The last checkpoint, if there is one, is kept\.\n$",
        said,
    ), said
    assert not (tmp_path / "out").exists()
    (folder,) = (tmp_path / "checkpoints").iterdir()
    assert weight_files.load(folder / CHECKPOINT)[1]["step"] == 2
    assert main([str(word) for word in words]) == 0
    facts = json.loads((tmp_path / "out" / "training.json").read_text())
    assert facts["steps"] == 4


@pytest.mark.slow
def test_an_experiment_that_runs_out_of_memory(data, tmp_path):
    run = tmp_path / "run"
    write_json(run / "spec.json", spec(NETWORKS["vlae"]).as_dict())
    weights = base.build_model(spec()).state_dict()
    weight_files.save(run / "model.safetensors", weights, {})
    wanted = {"dataset": "strokes", "run": "vlae", "seed": 1, "measures": []}
    settings = {"samples": 1_000_000, "redraws": 1, "grid": 2, "extent": 1.0}
    settings |= {"draws": 16, "classifier_accuracy": 0.5}
    wanted |= {"experiment": "generation", "settings": settings}
    write_json(tmp_path / "spec.json", wanted)
    places = ["--spec", tmp_path / "spec.json", "--model", run / "model.safetensors"]
    places += ["--data", data.folder / "card.json"]
    out = ["--tables", tmp_path / "new" / "t", "--arrays", tmp_path / "new" / "a"]
    finished = limited(["experiment", *places, *out], 1 << 28)
    assert finished.returncode == 1, finished.stderr
    assert re.match(
        r"vlae experiment: generation: out of memory on this machine.*"
        r"Lower .*samples \(now 1000000\) in experiments.generation.*\n$",
        finished.stderr,
    ), finished.stderr
    assert not (tmp_path / "new").exists()
