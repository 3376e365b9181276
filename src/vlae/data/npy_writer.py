"""Writing an .npy file from front to back, so that a kill costs little of it.

The file is written by ordinary writes and not by a memory map, because the dirty pages
of a map count as memory of the process. The checksum is computed while writing, so that
nothing is read a second time.
"""

import hashlib
import os
from io import BytesIO
from pathlib import Path
from typing import Self

import numpy as np

from vlae.system.errors import UserError
from vlae.system.files import read_json, tidy, write_json

SAVE_BYTES = 1 << 25
"""Bytes after which the rows are saved, and which a kill can cost at most."""
_READ_BYTES = 1 << 20


class GrowingArray:
    """An array of uint8 to which rows are appended, in a hidden file until it is done.

    A second hidden file says how many rows have reached the disk. The next process
    continues after them if it has the same key.

    Args:
        path: where the complete .npy file goes; the hidden files lie in its folder.
        shape: shape of the complete array; rows are its first axis.
        key: what determines the content; with "" rows of an earlier process are
            never used.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], key: str) -> None:
        self.path, self.shape, self.key = path, shape, key
        self.part = path.with_name(f".{path.name}.part")
        self.side = path.with_name(f".{path.name}.part.json")
        self._header = _header(shape)
        self._row_bytes = int(np.prod(shape[1:]))
        self.done = self._saved()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.part.open("r+b" if self.done else "w+b")
        self._hash = hashlib.sha256()
        if self.done:
            self._hash_saved()
        else:
            self.side.unlink(missing_ok=True)
            self._write(self._header)
        self._unsaved_bytes = 0

    def append(self, rows: np.ndarray) -> None:
        """Add rows at the end.

        Args:
            rows: uint8 (n, ...), each of the shape of a row.

        Raises:
            UserError: if the array then has more rows than `shape` says.
        """
        if self.done + len(rows) > self.shape[0]:
            raise UserError(f"{self.path}: more than {self.shape[0]} images.")
        self._write(np.ascontiguousarray(rows).data.cast("B"))
        self.done += len(rows)
        self._unsaved_bytes += rows.nbytes
        if self._unsaved_bytes >= SAVE_BYTES:
            self.save()

    def save(self) -> None:
        """Write the rows so far to the disk, where they survive a crash."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unsaved_bytes = 0
        if self.key:
            write_json(self.side, {"key": self.key, "done": self.done})

    def finish(self) -> str:
        """Give the complete file its name, and return its sha256 in hexadecimal."""
        self._file.close()
        self.part.replace(self.path)
        self.side.unlink(missing_ok=True)
        tidy(self.side, 0)  # temporary files of a process killed while it saved
        return self._hash.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or self.key:
            self.save()
        self._file.close()
        if kind is not None and not self.key:
            self.part.unlink(missing_ok=True)

    def _write(self, content: bytes | memoryview) -> None:
        self._file.write(content)
        self._hash.update(content)

    def _file_bytes(self, rows: int) -> int:
        return len(self._header) + rows * self._row_bytes

    def _saved(self) -> int:
        """Return the number of rows of an interrupted process that can be used."""
        if not (self.key and self.side.is_file() and self.part.is_file()):
            return 0
        try:
            saved = read_json(self.side, "progress of the array")
        except UserError:
            return 0
        done: int = saved.get("done", 0)
        usable = (
            saved.get("key") == self.key
            and done <= self.shape[0]
            and self.part.stat().st_size >= self._file_bytes(done)
        )
        return done if usable else 0

    def _hash_saved(self) -> None:
        """Cut off what follows the saved rows, and hash them."""
        self._file.truncate(self._file_bytes(self.done))
        while content := self._file.read(_READ_BYTES):
            self._hash.update(content)


def _header(shape: tuple[int, ...]) -> bytes:
    out = BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return out.getvalue()
