"""An .npy file that is written from front to back and survives being killed.

Ordinary writes, not a memory map: dirty pages of a map count as memory of the
process. The checksum is taken on the way, so that nothing is read a second time.
"""

import hashlib
import os
from io import BytesIO
from pathlib import Path
from typing import Self

import numpy as np

from vlae.system.errors import UserError
from vlae.system.files import read_json, tidy, write_json

SAVE_BYTES = 1 << 25  # lost at most when the step is killed
_READ = 1 << 20


class Growing:
    """Rows of uint8 that are appended to a hidden file beside `path`.

    A file next to that one says how many rows have reached the disk. They are taken
    over if the work before had the same `key`.

    Args:
        shape: of the complete array, rows first.
        key: what determines the content; "" never continues.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], key: str) -> None:
        self.path, self.shape, self.key = path, shape, key
        self.part = path.with_name(f".{path.name}.part")
        self.side = path.with_name(f".{path.name}.part.json")
        self._header = _header(shape)
        self._row = int(np.prod(shape[1:]))
        self.done = self._saved()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.part.open("r+b" if self.done else "w+b")
        self._hash = hashlib.sha256()
        if self.done:
            self._take_over()
        else:
            self.side.unlink(missing_ok=True)
            self._write(self._header)
        self._unsaved = 0

    def append(self, rows: np.ndarray) -> None:
        """Add rows at the end.

        Raises:
            UserError: if there are more than `shape` says.
        """
        if self.done + len(rows) > self.shape[0]:
            raise UserError(f"{self.path}: more than {self.shape[0]} images.")
        self._write(np.ascontiguousarray(rows).data.cast("B"))
        self.done += len(rows)
        self._unsaved += rows.nbytes
        if self._unsaved >= SAVE_BYTES:
            self.save()

    def save(self) -> None:
        """What is appended so far outlives the process, and the machine."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unsaved = 0
        if self.key:
            write_json(self.side, {"key": self.key, "done": self.done})

    def finish(self) -> str:
        """Give the complete file its name; its sha256."""
        self._file.close()
        self.part.replace(self.path)
        self.side.unlink(missing_ok=True)
        tidy(self.side, 0)  # of one that was killed while it wrote
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

    def _size(self, rows: int) -> int:
        return len(self._header) + rows * self._row

    def _saved(self) -> int:
        """Rows of an interrupted step that are as good as new."""
        if not (self.key and self.side.is_file() and self.part.is_file()):
            return 0
        try:
            saved = read_json(self.side, "state")
        except UserError:
            return 0
        done: int = saved.get("done", 0)
        usable = (
            saved.get("key") == self.key
            and done <= self.shape[0]
            and self.part.stat().st_size >= self._size(done)
        )
        return done if usable else 0

    def _take_over(self) -> None:
        self._file.truncate(self._size(self.done))
        while content := self._file.read(_READ):
            self._hash.update(content)


def _header(shape: tuple[int, ...]) -> bytes:
    out = BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return out.getvalue()
