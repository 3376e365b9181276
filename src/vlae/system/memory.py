"""Out of memory, on the processor or a GPU: what was asked for, and what to lower."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from vlae.system.disk import size
from vlae.system.errors import UserError

# Messages of libraries below PyTorch, for which it has no exception.
_MESSAGES = re.compile(
    r"can't allocate memory|out of memory|bad_alloc|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED",
    re.IGNORECASE,
)
_ASKED_SIZE = re.compile(r"allocate ([\d.]+) (bytes|[KMGTPE]iB)")
GENERAL_ADVICE = "Free some, or ask for more (mem_mb of the rule under SLURM)."


class OutOfMemory(UserError):
    """Raised when the work needs more memory than there is."""


def exhausted(error: BaseException) -> bool:
    """Whether an error of any library means that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and bool(_MESSAGES.search(str(error)))


def message(error: BaseException, advice: str = GENERAL_ADVICE) -> str:
    """Return where memory ran out, how much was asked for if known, and `advice`."""
    text = str(error)
    gpu = type(error).__name__ == "OutOfMemoryError" or re.search(
        "CU(DA|BLAS|DNN)", text
    )
    where = "the GPU (nvidia-smi shows who else uses it)" if gpu else "this machine"
    asked = _ASKED_SIZE.search(text)
    if asked is None:
        why = f" ({text.splitlines()[0][:200]})" if text else ""
    elif asked[2] == "bytes":
        why = f" when {size(int(asked[1]))} more were asked for"
    else:
        why = f" when {asked[1]} {asked[2]} more were asked for"
    return f"out of memory on {where}{why}. {advice}"


@contextmanager
def explained(name: str, advice: str) -> Iterator[None]:
    """Turn any error that means that memory ran out into OutOfMemory.

    Args:
        name: name of the work in the message.
        advice: sentences about what the user can lower.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not exhausted(error):
            raise
        raise OutOfMemory(f"{name}: {message(error, advice)}") from None
