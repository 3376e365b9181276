"""Types that a data set module returns: splits, each with images and a table.

`vlae.data.prepared` takes anything that fits the protocol `Split`. Two kinds do:
`Stored` for files whose table is known before their images are read, and `Streamed`
for sources that give images and rows together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from vlae.system.errors import UserError


class FilesLeftOut(UserError):
    """Raised by `chunks` if files turn out to be unreadable, so that all splits change.

    They have been noted, and the next call of the module's `splits` leaves them out.
    """


Chunk = tuple[np.ndarray, pd.DataFrame]
"""Some images, uint8 (n, C, H, W), and the n rows of the table that belong to them."""


class Split(Protocol):
    """One part of a data set: images in order, and a table with one row per image."""

    @property
    def name(self) -> str:
        """Name of the split, `train` or `test`."""

    @property
    def count(self) -> int:
        """Number of images."""

    @property
    def facts(self) -> dict[str, Any]:
        """Entries for the card, for example `preprocessing`."""

    @property
    def resumable(self) -> bool:
        """Whether `chunks` can start at any image and `table` is known before."""

    @property
    def identity(self) -> str:
        """What determines the images beside settings, code and the raw files."""

    def chunks(self, start: int, threads: int) -> Iterator[np.ndarray]:
        """Yield the images from number `start` on, in order, as uint8 (n, C, H, W).

        Args:
            start: number of the first image; 0 unless the split is resumable.
            threads: number of threads that may do the work.
        """

    def table(self) -> pd.DataFrame:
        """Return the table; unless the split is resumable, only after all chunks."""


@dataclass(frozen=True)
class Stored:
    """A split whose table is known at once, but whose images take time to read.

    Its preparation can be interrupted and continued.

    Args:
        name: `train` or `test`.
        rows: the table, one row per image.
        images: function of `start` and `threads` that yields images as `chunks` does.
        facts: entries for the card.
        identity: what determines the images beside settings, code and the raw files.
    """

    name: str
    rows: pd.DataFrame
    images: Callable[[int, int], Iterator[np.ndarray]]
    facts: dict[str, Any] = field(default_factory=dict)
    identity: str = ""
    resumable = True

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.rows)

    def chunks(self, start: int, threads: int) -> Iterator[np.ndarray]:
        """Yield the images from number `start` on."""
        return self.images(start, threads)

    def table(self) -> pd.DataFrame:
        """Return the table."""
        return self.rows


@dataclass(frozen=True)
class Streamed:
    """A split whose images and rows come together, from front to back and only once.

    Its preparation starts again if it is interrupted.

    Args:
        name: `train` or `test`.
        count: number of images.
        source: images together with their rows.
        facts: entries for the card.
    """

    name: str
    count: int
    source: Iterator[Chunk]
    facts: dict[str, Any] = field(default_factory=dict)
    resumable = False
    identity = ""
    _parts: list[pd.DataFrame] = field(default_factory=list, init=False)

    def chunks(self, start: int, threads: int) -> Iterator[np.ndarray]:
        """Yield all images, and keep their rows for `table`.

        Raises:
            ValueError: if `start` is not 0.
        """
        del threads
        if start:
            raise ValueError(f"a streamed split starts at image 0, not at {start}")
        return self._images()

    def table(self) -> pd.DataFrame:
        """Return the rows of the images that `chunks` has yielded."""
        return pd.concat(self._parts, ignore_index=True)

    def _images(self) -> Iterator[np.ndarray]:
        for images, rows in self.source:
            self._parts.append(rows)
            yield images
