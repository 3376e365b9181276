"""The images of a training: resident on its device, or read batch by batch.

Images that fit in the memory a training may take for them are copied to its device
once and indexed there. Others stay in their file, and a thread reads the next batches
while the training computes. The batches are the same, and so are the weights.

Files are read, not mapped: touched pages of a map count as memory of the process. The
system is told of all rows of a batch before the first is read, which from a disk is
five times as fast as row by row.
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

AHEAD = 4
"""Batches that are read before the training asks for them."""
_CHUNK = 1 << 24  # bytes read at once on the way to a device
_CPU = torch.device("cpu")


@dataclass
class Order:
    """Rows of the batch at each step: every epoch is a permutation of its own.

    Args:
        count: images of the split.
        size: images of a batch; what fills none is left out of its epoch.
        seed: of the run; with the epoch it gives the permutation.
        device: where the rows are wanted.
    """

    count: int
    size: int
    seed: int
    device: torch.device
    _epoch: int = field(default=-1, init=False)
    _rows: Tensor = field(default_factory=lambda: torch.empty(0), init=False)

    def __call__(self, step: int) -> Tensor:
        """Rows (size,) int64 of the batch at `step`."""
        epoch, position = divmod(step, self.count // self.size)
        if self._epoch != epoch:
            stream = generator(_CPU, self.seed, "epoch", epoch)
            permutation = torch.randperm(self.count, generator=stream)
            self._rows, self._epoch = permutation.to(self.device), epoch
        return self._rows[position * self.size : (position + 1) * self.size]


class Images(Protocol):
    """Images (N, C, H, W) of one split, wherever they lie."""

    def __len__(self) -> int: ...

    def rows(self, wanted: slice) -> Tensor:
        """Some images in sequence: uint8 (n, C, H, W) on the training's device.

        Raises:
            UserError: if their file cannot be read, or is shorter than it was.
        """
        ...

    def batch(self, order: Order, step: int) -> Tensor:
        """The images of one step, as `rows`. `order` is the same in every call."""
        ...

    def close(self) -> None:
        """End what reads ahead. Only `rows` may be called afterwards."""
        ...


class Resident:
    """Images that lie on the training's device.

    Args:
        array: uint8 (N, C, H, W), of which the first `count` images are taken.
    """

    def __init__(self, array: np.ndarray, count: int, device: torch.device) -> None:
        self._images: Tensor
        if not isinstance(array, np.memmap):
            self._images = torch.tensor(array[:count], device=device)
            return
        file = _File(array)
        shape = (count, *array.shape[1:])
        self._images = torch.empty(shape, dtype=torch.uint8, device=device)
        step = max(1, _CHUNK // file.row)
        for start in range(0, count, step):
            part = self._images[start : start + step]
            part.copy_(file.read(range(start, start + len(part))))

    def __len__(self) -> int:
        return len(self._images)

    def rows(self, wanted: slice) -> Tensor:
        return self._images[wanted]

    def batch(self, order: Order, step: int) -> Tensor:
        return self._images[order(step)]

    def close(self) -> None:
        pass


class Streamed:
    """Images that stay in their file.

    Args:
        array: memory-mapped uint8 (N, C, H, W), of which the first `count` are taken.
        memory: bytes for batches that are read ahead; one always is.
    """

    def __init__(
        self, array: np.memmap, count: int, device: torch.device, memory: int
    ) -> None:
        self._file, self._count = _File(array), count
        self._device, self._memory = device, memory
        # From pinned memory a GPU fetches by itself, while this program goes on.
        self._pinned = device.type == "cuda"
        self._ahead: _Ahead | None = None

    def __len__(self) -> int:
        return self._count

    def rows(self, wanted: slice) -> Tensor:
        return self._moved(self._read(range(*wanted.indices(self._count))))

    def batch(self, order: Order, step: int) -> Tensor:
        if self._ahead is None:
            own = replace(order, device=_CPU)  # the thread's: it keeps its epoch
            depth = min(AHEAD, self._memory // (order.size * self._file.row))
            self._ahead = _Ahead(lambda s: self._read(own(s).tolist()), max(1, depth))
        return self._moved(self._ahead(step))

    def close(self) -> None:
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
    """The images of each split: resident, one split after the other, while they fit.

    Args:
        arrays: uint8 (N, C, H, W) by split. One that is not memory-mapped is in
            memory already and becomes resident.
        counts: how many of its images a split needs at most, from the first on.
        memory: bytes that all splits together may take on the device.
        name: of the training, for what is said.

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
    """The rows of a memory-mapped array, read by their numbers."""

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
        """Images (len(rows), C, H, W) uint8 on the CPU.

        Raises:
            UserError: if the file cannot be read, or ends before.
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
        if hasattr(os, "posix_fadvise"):  # macOS has none
            offset = self.offset + row * self.row
            advice = os.POSIX_FADV_WILLNEED
            os.posix_fadvise(self._file.fileno(), offset, self.row, advice)

    def _fill(self, out: memoryview, row: int) -> None:
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
    """What `read` gives for consecutive steps, made by a thread before it is asked for.

    An error of `read` is raised for the step that it concerns.
    """

    def __init__(self, read: Callable[[int], Tensor], depth: int) -> None:
        self._read, self._depth = read, depth
        self._pool = ThreadPoolExecutor(1, "images")
        self._waiting: deque[tuple[int, Future[Tensor]]] = deque()

    def __call__(self, step: int) -> Tensor:
        if self._waiting and self._waiting[0][0] != step:
            for _, future in self._waiting:
                future.cancel()
            self._waiting.clear()
        first = self._waiting[-1][0] + 1 if self._waiting else step
        for later in range(first, step + self._depth + 1):
            self._waiting.append((later, self._pool.submit(self._read, later)))
        return self._waiting.popleft()[1].result()

    def close(self) -> None:
        """Wait for the thread, which reads no further batch."""
        self._pool.shutdown(cancel_futures=True)
