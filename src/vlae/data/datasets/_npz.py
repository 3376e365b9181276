"""Reading arrays of an `.npz` file in parts, so that they may be larger than memory."""

import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from vlae.data.datasets._mapped import rows_per_chunk
from vlae.system.errors import UserError


class HoldsObjects(UserError):
    """Raised for an array of Python's objects, which are not read."""


def broken(path: Path, why: object) -> UserError:
    """Return the error for a file that is damaged or holds something else."""
    return UserError(
        f"{path}: not a complete .npz file of plain arrays ({why}). Write it with "
        "numpy.savez, without arrays of objects."
    )


@dataclass(frozen=True)
class Member:
    """An array (N, ...) in an `.npz` file, of which only the header has been read."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _fortran: bool
    _start: int  # of the values, bytes from the start of the member

    def __str__(self) -> str:
        return f"{self.path}: '{self.name}'"

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield all rows from front to back, in parts (n, ...).

        The rows of an array in Fortran's order are scattered over the file, so all of
        them are one part.

        Raises:
            UserError: while iterating, if the member is damaged.
        """
        rows = self.shape[0]
        row = self.dtype.itemsize * math.prod(self.shape[1:])
        count = rows if self._fortran else rows_per_chunk(self.shape, self.dtype)
        try:
            with zipfile.ZipFile(self.path) as archive, _open(archive, self.name) as at:
                at.read(self._start)
                for start in range(0, rows, count):
                    shape = (min(count, rows - start), *self.shape[1:])
                    values = np.frombuffer(at.read(shape[0] * row), self.dtype)
                    order = shape[::-1] if self._fortran else shape
                    part = values.reshape(order)
                    yield part.T if self._fortran else part
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as error:
            raise broken(self.path, f"'{self.name}': {error}") from error


def member(path: Path, name: str) -> Member:
    """Return the array `name` of the file at `path` after reading its header.

    Raises:
        UserError: if there is no valid header, or if the array would not have the size
            of the member.
    """
    try:
        with zipfile.ZipFile(path) as archive, _open(archive, name) as file:
            shape, fortran, dtype = _header(file)
            start = file.tell()
            held = archive.getinfo(str(file.name)).file_size - start
        claimed = math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and claimed != held:
            raise ValueError(f"claims {claimed} bytes, but has {held}")
    except Exception as error:  # numpy raises many kinds
        raise broken(path, f"'{name}': {str(error) or repr(error)}") from error
    if dtype.hasobject:
        raise HoldsObjects(
            f"{path}: '{name}' holds objects of Python, which are not read, because "
            "they could run programs. Save numbers or words, for example "
            f"{name}.astype(str)."
        )
    return Member(path, name, shape, dtype, fortran, start)


def _open(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Open a member as numpy does: with the ending that numpy hides, or without."""
    full = f"{name}.npy"
    return archive.open(full if full in archive.namelist() else name)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)
