"""Arrays that fill the rest of a file after its header, and are read from the disk."""

import codecs
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vlae.system.errors import UserError

CHUNK_BYTES = 1 << 22
"""Size of the part of an array that is in memory at once, at most."""
IDX_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
"""Types of numbers by the third byte of an IDX file. Its numbers are big-endian."""
MAX_HEADER_BYTES = 4 + 4 * 255
"""Size of the longest header that an IDX file can have."""
AGAIN = "Delete it and run again"
_STARTS = {
    b"\x1f\x8b": "it is compressed by gzip. Unpack it with gunzip, or let its name at "
    "the source end in .gz",
    b"PK": "it is a zip archive. Unpack it",
    b"\x93NUMPY": "it is an array of numpy. Use module: arrays",
    b"<": "it is a page in HTML or XML, as servers send when a file is not there. "
    "Delete it, correct its address, and run again",
}
"""What files are that begin like this, and what to do."""


def rows_per_chunk(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Return how many rows of an array (N, ...) are read at once, 1 or more."""
    return max(1, CHUNK_BYTES // (dtype.itemsize * math.prod(shape[1:])))


@dataclass(frozen=True)
class Mapped:
    """An array (N, ...) whose values stay in the file until they are asked for.

    Args:
        place: the file, for messages.
        values: the array, memory-mapped.
    """

    place: str
    values: np.ndarray

    def __str__(self) -> str:
        return self.place

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype:
        """Type of its numbers."""
        return self.values.dtype

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield all rows from front to back, in parts (n, ...)."""
        count = rows_per_chunk(self.shape, self.dtype)
        for start in range(0, len(self.values), count):
            yield self.values[start : start + count]


def idx(path: Path) -> Mapped:
    """Return the array in an IDX file.

    Raises:
        UserError: if the file is missing, is something else, or does not have the
            length that its header says.
    """
    try:
        length = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(MAX_HEADER_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    if not start:
        raise _broken(path, f"it is empty. {AGAIN}")
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if what := next((v for k, v in _STARTS.items() if text.startswith(k)), None):
        raise _broken(path, what)
    known = len(start) < 3 or start[2] in IDX_TYPES
    if not known or start[:2].strip(b"\0"):
        raise _broken(
            path,
            f"it begins with the bytes {start[:4].hex(' ')}; expected 00 00, the type "
            f"of numbers (08, 09, 0b to 0e) and the number of dimensions. {AGAIN}",
        )
    header = 4 + 4 * start[3] if len(start) > 3 else 4
    if length < header:
        why = f"it has {length} bytes, but its header alone has {header} or more"
        raise _broken(path, f"{why}. {AGAIN}")
    shape = tuple(np.frombuffer(start[4:header], ">u4").tolist())
    dtype = IDX_TYPES[start[2]]
    expected = header + math.prod(shape) * dtype.itemsize
    if length != expected:
        raise _broken(
            path,
            f"it has {length} bytes, but its header says {expected}, for "
            f"{dtype.newbyteorder('=')} of shape {shape}. {AGAIN}",
        )
    if length == header:  # An empty part of a file cannot be mapped.
        return Mapped(str(path), np.empty(shape, dtype))
    return Mapped(str(path), np.memmap(path, dtype, "r", header, shape))


def npy(path: Path) -> Mapped:
    """Return the array in an `.npy` file.

    Raises:
        Exception: of many kinds if the file is not a complete `.npy` file.
    """
    return Mapped(str(path), np.load(path, mmap_mode="r", allow_pickle=False))


def _broken(path: Path, why: str) -> UserError:
    return UserError(f"{path}: not a complete IDX file: {why}.")
