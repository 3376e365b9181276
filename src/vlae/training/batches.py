"""The images of a training: resident on its device, or read batch by batch.

Images that fit in the memory that a training may use for them are copied to its device
once and indexed there. Others stay in their file, and a thread reads the next batches
while the training computes. The batches are the same, and so are the weights.

Files are read, not mapped, since the touched pages of a map count as memory of the
process. All rows of a batch are announced to the system before the first one is read,
which makes reading from a disk five times as fast as reading row by row.
"""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vlae.system.disk import size
from vlae.system.errors import UserError
from vlae.system.progress import say
from vlae.system.random_streams import generator

BATCHES_AHEAD = 4
"""Batches that are read before the training asks for them."""
_CHUNK_BYTES = 1 << 24  # read at once on the way to a device
_CPU = torch.device("cpu")


@dataclass
class Order:
    """Rows of the batch at each step; every epoch has its own permutation of all rows.

    Args:
        count: number of images of the split.
        size: number of images per batch. Images that do not fill a batch are left out
            of their epoch.
        stream: seed and name of the run; with the epoch they determine the
            permutation.
        device: where the rows are returned.
    """

    count: int
    size: int
    stream: tuple[int, str]
    device: torch.device
    _epoch: int = field(default=-1, init=False)
    _rows: Tensor = field(default_factory=lambda: torch.empty(0), init=False)

    def __call__(self, step: int) -> Tensor:
        """Return the rows (size,), int64, of the batch at `step`, counted from 0."""
        epoch, position = divmod(step, self.count // self.size)
        if self._epoch != epoch:
            numbers = generator(_CPU, *self.stream, "epoch", epoch)
            permutation = torch.randperm(self.count, generator=numbers)
            self._rows, self._epoch = permutation.to(self.device), epoch
        return self._rows[position * self.size : (position + 1) * self.size]


class Images(Protocol):
    """Images (N, C, H, W) of one split, wherever they lie."""

    def __len__(self) -> int:
        """Return N."""
        ...

    def rows(self, wanted: slice) -> Tensor:
        """Return consecutive images: uint8 (n, C, H, W) on the training's device.

        Raises:
            UserError: if their file cannot be read or has become shorter.
        """
        ...

    def batch(self, order: Order, step: int) -> Tensor:
        """Return the images of one step: uint8 (B, C, H, W) on the training's device.

        Args:
            order: the same in every call.
            step: counted from 0.

        Raises:
            UserError: if their file cannot be read or has become shorter.
        """
        ...

    def close(self) -> None:
        """Stop reading ahead. Only `rows` may be called afterwards."""
        ...


class Resident:
    """Images that lie on the training's device.

    Args:
        array: uint8 (N, C, H, W), memory-mapped or not.
        count: number of images, from the first one, that are taken.
        device: the training's device.
    """

    def __init__(self, array: np.ndarray, count: int, device: torch.device) -> None:
        self._images: Tensor
        if not isinstance(array, np.memmap):
            self._images = torch.tensor(array[:count], device=device)
            return
        file = _File(array)
        shape = (count, *array.shape[1:])
        self._images = torch.empty(shape, dtype=torch.uint8, device=device)
        step = max(1, _CHUNK_BYTES // file.row)
        for start in range(0, count, step):
            part = self._images[start : start + step]
            part.copy_(file.read(range(start, start + len(part))))

    def __len__(self) -> int:
        return len(self._images)

    def rows(self, wanted: slice) -> Tensor:
        """Return consecutive images, (n, C, H, W)."""
        return self._images[wanted]

    def batch(self, order: Order, step: int) -> Tensor:
        """Return the images of one step, (B, C, H, W)."""
        return self._images[order(step)]

    def close(self) -> None:
        """Do nothing: there is no thread."""


class Streamed:
    """Images that stay in their file.

    Args:
        array: memory-mapped uint8 (N, C, H, W).
        count: number of images, from the first one, that are taken.
        device: the training's device.
        memory: bytes for batches that are read ahead; one batch always is.
    """

    def __init__(
        self, array: np.memmap, count: int, device: torch.device, memory: int
    ) -> None:
        self._file, self._count = _File(array), count
        self._device, self._memory = device, memory
        # A GPU copies from pinned memory by itself while this program goes on.
        self._pinned = device.type == "cuda"
        self._ahead: _Ahead | None = None

    def __len__(self) -> int:
        return self._count

    def rows(self, wanted: slice) -> Tensor:
        """Read consecutive images, (n, C, H, W)."""
        return self._moved(self._read(range(*wanted.indices(self._count))))

    def batch(self, order: Order, step: int) -> Tensor:
        """Return the images of one step, (B, C, H, W); the next ones are read ahead."""
        if self._ahead is None:
            own = replace(order, device=_CPU)  # the thread's own, which keeps an epoch
            depth = min(BATCHES_AHEAD, self._memory // (order.size * self._file.row))
            self._ahead = _Ahead(lambda s: self._read(own(s).tolist()), max(1, depth))
        return self._moved(self._ahead(step))

    def close(self) -> None:
        """Stop the thread that reads ahead, if there is one."""
        if self._ahead is not None:
            self._ahead.close()

    def _read(self, rows: Sequence[int]) -> Tensor:
        return self._file.read(rows, self._pinned)

    def _moved(self, images: Tensor) -> Tensor:
        return images.to(self._device, non_blocking=self._pinned)


def opened(
    arrays: Mapping[str, np.ndarray],
    counts: Mapping[str, int],
    device: torch.device,
    memory: int,
    name: str,
) -> dict[str, Images]:
    """Open the images of each split: resident while they fit, one split after another.

    The caller closes them with `Images.close`.

    Args:
        arrays: uint8 (N, C, H, W) by split. An array that is not memory-mapped is in
            memory already and becomes resident.
        counts: the largest number of images, from the first one, that a split needs.
        device: the training's device.
        memory: bytes that all splits together may take on the device.
        name: name of the training, for log lines.

    Returns:
        images (min(count, N), C, H, W) by split.

    Raises:
        UserError: if a file cannot be read.
    """
    found: dict[str, Images] = {}
    left = memory
    for split, array in arrays.items():
        count = min(counts[split], len(array))
        needed = count * array[:1].nbytes
        if isinstance(array, np.memmap) and needed > left:
            found[split] = Streamed(array, count, device, left)
            say(
                f"[{name}] {split} images ({size(needed)}) are read while training: "
                f"data_memory_mb leaves them {size(left)}"
            )
        else:
            found[split] = Resident(array, count, device)
            left -= needed
    return found


class _File:
    """Reader of the rows of a memory-mapped array by their numbers."""

    def __init__(self, array: np.memmap) -> None:
        assert array.filename is not None
        self.path = Path(array.filename)
        self.shape, self.offset = array.shape[1:], array.offset
        self.row = array[:1].nbytes
        try:
            self._file = self.path.open("rb", buffering=0)
        except OSError as error:
            raise self._broken(str(error)) from None

    def read(self, rows: Sequence[int], pinned: bool = False) -> Tensor:
        """Return images (len(rows), C, H, W), uint8, on the CPU.

        Args:
            rows: numbers of the rows; a range of step 1 is read at once.
            pinned: whether the memory is pinned, for a GPU to copy from.

        Raises:
            UserError: if the file cannot be read or ends too early.
        """
        shape = (len(rows), *self.shape)
        images = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        out = images.view(-1).numpy().data
        try:
            if isinstance(rows, range) and rows.step == 1:
                self._fill(out, rows.start)
                return images
            for row in rows:
                self._announce(row)
            for i, row in enumerate(rows):
                self._fill(out[i * self.row : (i + 1) * self.row], row)
        except OSError as error:
            raise self._broken(str(error)) from None
        return images

    def _announce(self, row: int) -> None:
        """Tell the system that a row will be read soon."""
        if hasattr(os, "posix_fadvise"):  # not on macOS
            offset = self.offset + row * self.row
            advice = os.POSIX_FADV_WILLNEED
            os.posix_fadvise(self._file.fileno(), offset, self.row, advice)

    def _fill(self, out: memoryview, row: int) -> None:
        """Read into `out` from the start of a row."""
        offset = self.offset + row * self.row
        while out:
            got = os.preadv(self._file.fileno(), [out], offset)
            if not got:
                raise self._broken(f"it ends before byte {offset}")
            out, offset = out[got:], offset + got

    def _broken(self, why: str) -> UserError:
        return UserError(
            f"{self.path}: cannot be read while training ({why}). If something changed "
            "it, delete its folder and run again; the training continues from its "
            "last checkpoint."
        )


class _Ahead:
    """Results of `read` for consecutive steps, which a thread prepares in advance.

    An error of `read` is raised for the step that it concerns.

    Args:
        read: returns the images of a step, (B, C, H, W).
        depth: number of steps that are read in advance.
    """

    def __init__(self, read: Callable[[int], Tensor], depth: int) -> None:
        self._read, self._depth = read, depth
        self._pool = ThreadPoolExecutor(1, "images")
        self._waiting: deque[tuple[int, Future[Tensor]]] = deque()

    def __call__(self, step: int) -> Tensor:
        """Return the images of a step, (B, C, H, W)."""
        if self._waiting and self._waiting[0][0] != step:
            for _, future in self._waiting:
                future.cancel()
            self._waiting.clear()
        first = self._waiting[-1][0] + 1 if self._waiting else step
        for later in range(first, step + self._depth + 1):
            self._waiting.append((later, self._pool.submit(self._read, later)))
        return self._waiting.popleft()[1].result()

    def close(self) -> None:
        """Stop the thread, after the batch that it is reading."""
        self._pool.shutdown(cancel_futures=True)
