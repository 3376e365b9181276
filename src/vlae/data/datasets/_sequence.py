"""Endless sequences of drawn images: image i depends only on the seed and on i."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlae.data.datasets.base import Streamed

CHUNK = 2_000
"""Number of images that share one random stream."""

Drawn = tuple[NDArray[np.uint8], pd.DataFrame]
"""Images, uint8 (n, C, H, W), and a table of n rows with what is known of them."""


@dataclass(frozen=True)
class Sequence:
    """An endless sequence of images that are drawn in chunks of ``CHUNK``.

    Args:
        shape: channels, height and width of an image.
        chunk: function of a fresh random stream and of the rows of the chunk that are
            wanted. It draws the factors of all ``CHUNK`` images from the stream,
            whichever rows are wanted, and returns images and table of those rows.
        factors: columns of the table that are drawn independently of one another.
    """

    shape: tuple[int, int, int]
    chunk: Callable[[np.random.Generator, slice], Drawn]
    factors: tuple[str, ...] = ()

    def draw(self, count: int, seed: int, *, start: int = 0) -> Drawn:
        """Draw images `start` to `start + count - 1` of the sequence of `seed`.

        Image i depends only on `seed` and i, not on `start` or `count`: the factors of
        chunk c all come from ``SeedSequence(seed, spawn_key=(c,))``.

        Args:
            count: number of images.
            seed: seed of the sequence.
            start: number of the first image.

        Returns:
            images (count, C, H, W), uint8, and a table of `count` rows, indexed from
            0, whose columns the data set's module describes.

        Raises:
            ValueError: if `count` or `start` is negative.
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

    def splits(self, definition: dict[str, Any], raw: Path) -> list[Streamed]:
        """Return train images and, after them in the sequence, test images.

        Args:
            definition: `train` and `test` are numbers of images; `seed` is that of the
                sequence.
            raw: not read, because nothing is downloaded.
        """
        del raw
        train, test, seed = (definition[k] for k in ("train", "test", "seed"))
        facts = {"factors": list(self.factors)}
        return [
            Streamed("train", train, self.chunks(train, seed), facts),
            Streamed("test", test, self.chunks(test, seed, start=train), facts),
        ]

    def _part(self, seed: int, chunk: int, rows: slice) -> Drawn:
        stream = np.random.SeedSequence(seed, spawn_key=(chunk,))
        return self.chunk(np.random.default_rng(stream), rows)
