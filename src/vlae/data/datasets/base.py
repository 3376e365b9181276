"""What a data set module offers: splits of images and rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

Chunk = tuple[np.ndarray, pd.DataFrame]


@dataclass(frozen=True)
class Split:
    """What a dataset module offers: `chunks` of images (n, C, H, W) and rows.

    `facts` go into the card, `preprocessing` among them.
    """

    name: str
    count: int
    chunks: Iterator[Chunk]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A split whose table is known at once, but whose images cost time.

    Its preparation can be interrupted and continued. `images(start, threads)` yields
    chunks (n, C, H, W) from image `start` on, the work done by so many threads.
    """

    name: str
    table: pd.DataFrame
    images: Callable[[int, int], Iterator[np.ndarray]]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.table)
