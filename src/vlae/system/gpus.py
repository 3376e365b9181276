"""GPUs of this machine: how many there are, and which one a process takes.

Snakemake counts GPUs but does not say which one a job gets. So each process that asked
for a GPU takes the one with the fewest users of this pipeline. It holds a lock on its
place, which the system frees however the process ends. Under SLURM a job sees only its
own GPU, so there is nothing to choose.
"""

import fcntl
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import BinaryIO

from vlae.system.errors import UserError

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"
_PLACES_PER_GPU = 64
_held: list[BinaryIO] = []
"""Open lock files, which this process holds until it ends."""


def count() -> int:
    """Return the number of NVIDIA GPUs for processes here, or 0 if it is unknown.

    torch is not loaded.
    """
    named = _named()
    if named is not None:
        return len(named)
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    lines = listed.stdout.splitlines() if listed.returncode == 0 else []
    return sum(line.startswith("GPU ") for line in lines)


def take(wanted: int, device: str) -> None:
    """Make the GPU with the fewest users the current device of this process.

    Args:
        wanted: number of GPUs that the job asked for; with 0 nothing happens.
        device: `device` of the run spec; with `cpu` or `mps` nothing happens.

    Raises:
        UserError: if the job asked for a GPU but torch cannot use any.
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
    """Take a place on a GPU until this process ends.

    Args:
        there: number of GPUs.
        folder: where the locks are, the same for all processes on this machine.

    Returns:
        the number of the first GPU among those with the fewest users.
    """
    named = _named() or [str(index) for index in range(there)]
    locks = folder / f"vlae-gpus-{os.getuid()}"
    locks.mkdir(mode=0o700, exist_ok=True)
    for place in range(_PLACES_PER_GPU):
        for index, name in enumerate(named[:there]):
            lock = (locks / f"{name.replace('/', '_')}.{place}").open("wb")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            _held.append(lock)
            return index
    return 0


def _named() -> list[str] | None:
    """Return the GPUs that the environment names, or None if it leaves all visible."""
    visible = os.environ.get(VISIBLE_VARIABLE)
    if visible is None:
        return None
    names = [name.strip() for name in visible.split(",")]
    # GPUs after an invalid entry are not visible either.
    end = next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))
    return names[:end]


def _absent(device: str) -> str:
    seen = os.environ.get(VISIBLE_VARIABLE)
    said = "not set" if seen is None else f"'{seen}'"
    return (
        f"device: {device}, and the job asked for a GPU, but there is none that torch "
        f"can use on {socket.gethostname()} ({VISIBLE_VARIABLE} is {said}). Under "
        "SLURM, give the rules train and experiment a partition with GPUs in "
        "slurm/config.yaml; if nvidia-smi shows a GPU, its driver may be too old for "
        "this torch. To compute without a GPU set device: cpu in the configuration."
    )
