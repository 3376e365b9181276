"""Training state on disk: one safetensors file, replaced atomically, no pickles."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from vlae.errors import UserError
from vlae.files import atomic

METADATA = "vlae"


def save(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write `tensors` and JSON-like `facts` to `path`, whole or not at all."""
    contiguous = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    with atomic(path) as temporary:
        metadata = {METADATA: json.dumps(facts)}  # keys keep their order
        safetensors.torch.save_file(contiguous, temporary, metadata)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote, tensors on the CPU.

    Raises:
        UserError: if the file is missing, truncated or not one of ours.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            facts = json.loads(file.metadata()[METADATA])
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except (
        safetensors.SafetensorError,
        OSError,
        KeyError,  # no facts in it
        TypeError,  # no metadata at all
        json.JSONDecodeError,
    ) as error:
        raise UserError(
            f"{path}: not a complete safetensors file of this project ({error}). "
            "Delete it and run again; the work it held is redone."
        ) from None
    return tensors, facts


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold `folder` against a second training; the system frees it at any death.

    Raises:
        UserError: if another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{folder}: another training of the same spec, code and data is "
                "running. Wait for it, or stop it."
            ) from None
        yield
