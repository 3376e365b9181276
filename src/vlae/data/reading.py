"""What a library says of a data file becomes a message that names the file."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.data.datasets.base import Split
from vlae.system import memory
from vlae.system.errors import UserError


@dataclass(frozen=True)
class Reading:
    """The files of a data set while they are read.

    Args:
        dataset: name of the data set.
        paths: its files; none if a program draws the images.
    """

    dataset: str
    paths: Sequence[Path]

    @contextmanager
    def explained(self, stage: str) -> Iterator[None]:
        """Turn any exception of a library into a UserError, which keeps it as cause.

        Args:
            stage: what is done, as the message says it: "cannot STAGE".
        """
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # libraries raise many kinds
            if memory.exhausted(error):
                raise
            files = f" of {', '.join(map(str, self.paths))}" if self.paths else ""
            raise UserError(
                f"datasets.{self.dataset}: cannot {stage}{files} "
                f"({type(error).__name__}: {error}). Set VLAE_DEBUG=1 to see where "
                "it failed."
            ) from error

    def split(self, split: Split) -> Split:
        """Return the same split, of which every exception is explained."""
        return _Explained(split, self)


@dataclass(frozen=True)
class _Explained:
    """A split whose exceptions are explained."""

    original: Split
    reading: Reading

    @property
    def name(self) -> str:
        return self.original.name

    @property
    def count(self) -> int:
        return self.original.count

    @property
    def facts(self) -> dict[str, Any]:
        return self.original.facts

    @property
    def resumable(self) -> bool:
        return self.original.resumable

    @property
    def identity(self) -> str:
        return self.original.identity

    def chunks(self, start: int, threads: int) -> Iterator[np.ndarray]:
        with self._explained_images():
            chunks = self.original.chunks(start, threads)
        return self._each(chunks)

    def _each(self, chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        with self._explained_images():
            yield from chunks

    def _explained_images(self) -> AbstractContextManager[None]:
        return self.reading.explained(f"read the images '{self.name}'")

    def table(self) -> pd.DataFrame:
        with self.reading.explained(f"read the table '{self.name}'"):
            return self.original.table()
