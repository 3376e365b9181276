"""How this process computes: device, threads, number format, memory."""

import ctypes
import os
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from vlae.config.run_spec import RunSpec
from vlae.system.errors import UserError

MALLOC_TRIM_THRESHOLD, MALLOC_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def resolve_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one; any other name must be there.

    Raises:
        UserError: if the device is asked for by name and absent.
    """
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device("cuda" if there["cuda"] else "cpu")
    if not there[name]:
        raise UserError(
            f"device: the run asks for {name} and this machine has no usable GPU of "
            "that kind. Set device: cpu (or auto) in the configuration."
        )
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """The GPU's own name, or the processor's and the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                return f"{processor}, {torch.get_num_threads()} threads"
    except OSError:
        pass
    return platform.processor() or platform.machine()


def set_up(spec: RunSpec) -> None:
    """Make this process compute as `spec` says: threads, number format, same bits."""
    torch.set_num_threads(spec.threads)
    # As use_deterministic_algorithms(True), which imports the compiler: 0.9 s.
    torch.set_deterministic_debug_mode("error")
    # Without a fixed workspace cuBLAS sums in any order, and PyTorch then refuses.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Every tensor is written before it is read; filling them first is waste.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    rounded = spec.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = rounded  # PyTorch would by default
    torch.backends.cuda.matmul.allow_tf32 = rounded
    keep_memory()


def keep_memory() -> None:
    """Have the C library keep freed memory instead of giving it back to the system.

    Activations of a step are freed and wanted again some milliseconds later; given
    back, each page is fetched and cleared anew. No effect but with glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(MALLOC_MMAP_THRESHOLD, 1 << 30)
    mallopt(MALLOC_TRIM_THRESHOLD, 2**31 - 1)


def number_format(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Within it, products are made in bfloat16 where `precision` is bf16.

    Weights, sums over a batch, densities and the optimiser stay in float32.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def compiled(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    """`function` by torch.compile in one of its modes; as it is where that is none."""
    if mode == "none":
        return function
    torch.use_deterministic_algorithms(True)  # tells the compiler, as set_up does not
    return torch.compile(function, mode=mode)
