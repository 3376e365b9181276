"""Which GPU a process takes, and what it says where there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vlae.system import gpus
from vlae.system.errors import UserError

HOLD = """
import sys
from pathlib import Path
from vlae.system import gpus
print(gpus.reserve(2, Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holders(tmp_path):
    """Start a process that holds a place on one of two GPUs; which one."""
    started = []

    def start(**changes):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(Path("src").resolve()), **changes},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_processes_spread_over_the_gpus_and_a_killed_one_leaves_its_place(holders):
    first, zero = holders()
    assert [zero, *(holders()[1] for _ in range(3))] == [0, 1, 0, 1]
    first.kill()
    first.wait()
    assert holders()[1] == 0
    assert holders()[1] == 0  # both have two users: the first again


def test_places_belong_to_gpus_whatever_their_number(holders):
    """Number 0 of one process may be number 1 of another."""
    assert holders(CUDA_VISIBLE_DEVICES="4,7")[1] == 0
    assert holders(CUDA_VISIBLE_DEVICES="4,9")[1] == 1
    assert holders(CUDA_VISIBLE_DEVICES="7,9")[1] == 0
    assert holders(CUDA_VISIBLE_DEVICES="9,4")[1] == 0


@pytest.mark.parametrize(
    ("visible", "expected"),
    [("0", 1), ("1,11", 2), ("-1", 0), ("", 0), ("GPU-1-1", 1), ("0,-1,1", 1)],
)
def test_count_of_visible_gpus(monkeypatch, visible, expected):
    monkeypatch.setenv(gpus.VISIBLE_VARIABLE, visible)
    assert gpus.count() == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'GPU 0: H100 (UUID: GPU-a)'; echo 'GPU 1: H100 (UUID: GPU-b)'", 2),
        ("echo 'NVIDIA-SMI has failed'; exit 9", 0),
        (None, 0),
    ],
)
def test_count_of_the_machines_gpus(monkeypatch, tmp_path, script, expected):
    monkeypatch.delenv(gpus.VISIBLE_VARIABLE, raising=False)
    if script:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.count() == expected


def test_a_job_that_asked_for_a_gpu_and_has_none_stops(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(gpus.VISIBLE_VARIABLE, "0")
    for device in ("auto", "cuda"):
        with pytest.raises(UserError, match=r"is '0'.*partition.*set device: cpu"):
            gpus.take(1, device)
    gpus.take(1, "cpu")
    gpus.take(0, "auto")


def test_a_taken_gpu_is_the_current_one(monkeypatch, tmp_path, holders):
    assert holders()[1] == 0
    chosen: list[int] = []
    monkeypatch.delenv(gpus.VISIBLE_VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr("vlae.system.gpus.tempfile.gettempdir", lambda: str(tmp_path))
    gpus.take(1, "auto")
    assert chosen == [1]
