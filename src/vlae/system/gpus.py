"""GPUs of this machine: how many there are, and which one a process takes.

Snakemake counts GPUs but hands out none in particular. So each process that asked for
one takes the GPU with the fewest users of this pipeline, by locks that the system
frees at any death. Under SLURM a job sees its own GPU only: nothing is to choose.
"""

import fcntl
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TextIO

from vlae.system.errors import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"
_PLACES = 64
"""Users of one GPU at most."""
_held: list[TextIO] = []
"""Locks of this process, until it ends."""


def count() -> int:
    """NVIDIA GPUs that a process here may use, without loading torch; 0 if unknown."""
    named = _named()
    if named is not None:
        return len(named)
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    lines = listed.stdout.splitlines() if listed.returncode == 0 else []
    return sum(line.startswith("GPU ") for line in lines)


def take(wanted: int, device: str) -> None:
    """Let `cuda` mean, in this process, the GPU with the fewest users.

    Args:
        wanted: GPUs that the job asked for; with 0 nothing happens.
        device: of the run spec; `cpu` and `mps` need none of these.

    Raises:
        UserError: if the job asked for a GPU and there is none that torch can use.
    """
    if wanted < 1 or device in ("cpu", "mps"):
        return
    import torch

    if not torch.cuda.is_available():
        raise UserError(_absent(device))
    there = torch.cuda.device_count()
    if there > 1:
        torch.cuda.set_device(reserve(there, Path(tempfile.gettempdir())))


def reserve(there: int, folder: Path) -> int:
    """Take a place on one of `there` GPUs until this process ends.

    Args:
        folder: of the locks; the same for all processes of a user on this machine.

    Returns:
        the GPU's number: of those with the fewest users, the first.
    """
    named = _named() or [str(index) for index in range(there)]
    locks = folder / f"vlae-gpus-{os.getuid()}"
    locks.mkdir(mode=0o700, exist_ok=True)
    for place in range(_PLACES):
        for index, name in enumerate(named[:there]):
            lock = (locks / f"{name.replace('/', '_')}.{place}").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            _held.append(lock)
            return index
    return 0


def _named() -> list[str] | None:
    """GPUs by the names that the environment gives; None if it leaves all visible."""
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return None
    names = [name.strip() for name in visible.split(",")]
    # What follows an invalid entry is not visible either.
    end = next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))
    return names[:end]


def _absent(device: str) -> str:
    seen = os.environ.get(VISIBLE)
    said = "not set" if seen is None else f"'{seen}'"
    return (
        f"device: {device}, and the job asked for a GPU, but there is none that torch "
        f"can use on {socket.gethostname()} ({VISIBLE} is {said}). Under SLURM, give "
        "the rules train and experiment a partition with GPUs in slurm/config.yaml; if "
        "nvidia-smi shows a GPU, its driver may be too old for this torch. To compute "
        "without a GPU set device: cpu in the configuration."
    )
