"""Out of memory, of a processor or a GPU: what was asked for, and what to lower."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from vlae.system.disk import size
from vlae.system.errors import UserError

# What libraries below PyTorch say where it has no exception of its own.
_WORDS = re.compile(
    r"can't allocate memory|out of memory|bad_alloc|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED",
    re.IGNORECASE,
)
_ASKED = re.compile(r"allocate ([\d.]+) (bytes|[KMGTPE]iB)")
GENERAL = "Free some, or ask for more (mem_mb of the rule under SLURM)."


class OutOfMemory(UserError):
    """The work needs more memory than there is."""


def exhausted(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, in any library's words."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and bool(_WORDS.search(str(error)))


def message(error: BaseException, advice: str = GENERAL) -> str:
    """Where memory ran out, what was asked for where that is known, and `advice`."""
    text = str(error)
    gpu = type(error).__name__ == "OutOfMemoryError" or re.search(
        "CU(DA|BLAS|DNN)", text
    )
    where = "the GPU (nvidia-smi shows who else uses it)" if gpu else "this machine"
    asked = _ASKED.search(text)
    if asked is None:
        why = f" ({text.splitlines()[0][:200]})" if text else ""
    elif asked[2] == "bytes":
        why = f" when {size(int(asked[1]))} more were asked for"
    else:
        why = f" when {asked[1]} {asked[2]} more were asked for"
    return f"out of memory on {where}{why}. {advice}"


@contextmanager
def explained(name: str, advice: str) -> Iterator[None]:
    """Turn whatever says that memory ran out into `OutOfMemory`.

    Args:
        name: of the work.
        advice: what the user can lower, in sentences.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not exhausted(error):
            raise
        raise OutOfMemory(f"{name}: {message(error, advice)}") from None
