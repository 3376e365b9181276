"""Tensors and facts in one safetensors file, replaced atomically; no pickles."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from vlae.system.disk import guarded
from vlae.system.errors import UserError
from vlae.system.files import atomic

METADATA = "vlae"
"""Key of the file's metadata under which the facts are stored as JSON."""


def save(path: Path, tensors: Mapping[str, Tensor], facts: dict[str, Any]) -> None:
    """Write `tensors` and JSON-like `facts` to `path`, whole or not at all.

    Raises:
        DiskFull: if the disk is full; the previous file stays.
    """
    contiguous = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    with guarded(path.parent), atomic(path) as temporary:
        metadata = {METADATA: json.dumps(facts)}  # keys keep their order
        try:
            safetensors.torch.save_file(contiguous, temporary, metadata)
        except safetensors.SafetensorError as error:
            raise _system_error(error) from None


def _system_error(error: Exception) -> Exception:
    """Return the OSError behind an error of the library, which only its text shows."""
    number = re.search(r"os error (\d+)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else error


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors, on the CPU, and the facts that `save` wrote.

    Raises:
        UserError: if the file is missing, truncated or was not written by `save`.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            facts = json.loads(file.metadata()[METADATA])
        if not isinstance(facts, dict):
            raise TypeError(f"facts are a {type(facts).__name__}")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except (
        safetensors.SafetensorError,
        OSError,
        KeyError,  # no facts
        TypeError,  # no metadata at all
        ValueError,  # not JSON
        RecursionError,  # JSON nested too deeply
    ) as error:
        raise UserError(
            f"{path}: not a complete safetensors file of this project ({error}). "
            "Delete it and run again; the work it held is redone."
        ) from None
    return tensors, facts


def difference(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Return in words which tensors differ in name, shape or type; empty if none do."""
    both = expected.keys() & found.keys()
    parts = [
        (expected.keys() - found.keys(), "missing"),
        (found.keys() - expected.keys(), "unknown"),
        ({n for n in both if _kind(expected[n]) != _kind(found[n])}, "of another kind"),
    ]
    words = []
    for names, what in parts:
        if names:
            name = min(names)
            detail = f"'{name}'"
            if name in both:
                detail += f" is {_kind(found[name])}, expected {_kind(expected[name])}"
            words.append(f"{len(names)} {what}: {detail}{', ...' * (len(names) > 1)}")
    return "; ".join(words)


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
