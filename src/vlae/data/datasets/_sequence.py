"""Endless sequences of drawn images: image i depends on the seed and on i alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlae.data.datasets.base import Split

CHUNK = 2_000  # images that share one random stream

Drawn = tuple[NDArray[np.uint8], pd.DataFrame]


@dataclass(frozen=True)
class Sequence:
    """Images of one `shape` (C, H, W), in chunks of ``CHUNK``.

    `chunk` gets a fresh random stream and which rows of the chunk are wanted. It draws
    the factors of all ``CHUNK`` images from the stream, whatever the rows.
    """

    shape: tuple[int, int, int]
    chunk: Callable[[np.random.Generator, slice], Drawn]

    def draw(self, count: int, seed: int, *, start: int = 0) -> Drawn:
        """Draw images `start` .. `start + count` of the endless sequence of `seed`.

        Image i depends on `seed` and i alone, not on `start` or `count`: the factors
        of chunk c all come from ``SeedSequence(seed, spawn_key=(c,))``.

        Returns images (count, C, H, W) uint8 and a table of `count` rows, whose columns
        the docstring of the data set's module describes, indexed 0 .. count - 1.
        """
        if count < 0 or start < 0:
            raise ValueError(f"count and start must be >= 0, got {count} and {start}")
        stop = start + count
        images = np.empty((count, *self.shape), np.uint8)
        tables = [self._part(seed, 0, slice(0))[1]]  # no rows: dtypes if count is 0
        done = 0
        while done < count:
            chunk, low = divmod(start + done, CHUNK)
            rows = slice(low, min(CHUNK, stop - chunk * CHUNK))
            part, table = self._part(seed, chunk, rows)
            images[done : done + len(part)] = part
            tables.append(table)
            done += len(part)
        return images, pd.concat(tables, ignore_index=True)

    def chunks(self, count: int, seed: int, *, start: int = 0) -> Iterator[Drawn]:
        """Yield what ``draw(count, seed, start=start)`` returns, in parts."""
        for done in range(0, count, CHUNK):
            yield self.draw(min(CHUNK, count - done), seed, start=start + done)

    def splits(self, definition: dict[str, Any], raw: Path) -> list[Split]:
        """Train and test images of one seed; `raw` is not read: nothing is downloaded.

        The test images come after the train images in the sequence of the seed.
        """
        del raw
        train, test, seed = (definition[k] for k in ("train", "test", "seed"))
        return [
            Split("train", train, self.chunks(train, seed)),
            Split("test", test, self.chunks(test, seed, start=train)),
        ]

    def _part(self, seed: int, chunk: int, rows: slice) -> Drawn:
        stream = np.random.SeedSequence(seed, spawn_key=(chunk,))
        return self.chunk(np.random.default_rng(stream), rows)
