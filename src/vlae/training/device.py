"""How this process computes: on what device, with what threads, format and memory."""

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

# Parameters of mallopt, as in the malloc.h of glibc.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def resolve_device(name: str) -> torch.device:
    """Return the device of a name; `auto` is a GPU if there is one, else the CPU.

    Args:
        name: auto, cpu, cuda or mps.

    Raises:
        UserError: if the device that is named is missing.
    """
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device("cuda" if available["cuda"] else "cpu")
    if not available[name]:
        raise UserError(
            f"device: the run asks for {name} and this machine has no usable GPU of "
            "that kind. Set device: cpu (or auto) in the configuration."
        )
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """Return the name of the GPU, or the processor's and the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                threads = torch.get_num_threads()
                return f"{processor}, {threads} thread{'s' * (threads > 1)}"
    except OSError:
        pass
    return platform.processor() or platform.machine()


def set_up(spec: RunSpec) -> None:
    """Set threads and number format of this process, and ask for reproducible bits.

    It concerns the whole process, so that a command calls it once, before it loads or
    trains a model.

    Args:
        spec: its `threads` and `precision` are used.
    """
    torch.set_num_threads(spec.threads)
    # Like use_deterministic_algorithms(True), which takes 0.9 s to import the compiler.
    torch.set_deterministic_debug_mode("error")
    # Without a fixed workspace, cuBLAS sums in any order, which PyTorch then refuses.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Every tensor is written before it is read, so that filling it first is a waste.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    rounded = spec.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = rounded  # which PyTorch allows by default
    torch.backends.cuda.matmul.allow_tf32 = rounded
    keep_memory()


def keep_memory() -> None:
    """Make the C library keep freed memory instead of returning it to the system.

    The activations of a step are freed and needed again some milliseconds later. If
    they were returned, each page would have to be fetched and cleared again. This has
    an effect with glibc only.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def number_format(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Return a context in which products are bfloat16 if `precision` is bf16.

    Weights, sums over a batch, densities and the optimiser stay in float32.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def compiled(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    """Return `function` compiled by torch.compile, or as it is if `mode` is none.

    Args:
        function: a function of tensors.
        mode: none, default or reduce-overhead.
    """
    if mode == "none":
        return function
    torch.use_deterministic_algorithms(True)  # set_up does not tell the compiler
    return torch.compile(function, mode=mode)
