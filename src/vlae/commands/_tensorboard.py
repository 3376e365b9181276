"""Histories of trainings as TensorBoard's event files."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from vlae.results.watched import Watched
from vlae.system.errors import UserError

SUFFIX = ".vlae"
"""End of the names of our event files; others in the folder are left alone."""


class Events:
    """Event files that grow with the histories of trainings.

    There is one folder per training and split, `dataset/run/seed/split`, so that
    TensorBoard draws the splits of a term into one chart. Each value is written once;
    our files of an earlier call, and those of an earlier training of the same name, are
    replaced.

    Args:
        folder: what TensorBoard gets as `--logdir`.

    Raises:
        UserError: if the library `tensorboard` is not installed, or does not work.
    """

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise UserError(
                "--tensorboard needs the library 'tensorboard', which the environment "
                f"of {sys.executable} does not have. Install it there: pip install "
                "tensorboard"
            )
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError(
                f"--tensorboard: the library 'tensorboard' does not work ({error}). "
                "Install it again: pip install --upgrade tensorboard"
            ) from None
        self._new_writer: Any = SummaryWriter
        self._folder = folder
        self._writers: dict[tuple[str, str], Any] = {}
        self._sources: dict[str, Path] = {}
        self._written: dict[str, int] = {}

    def write(self, trainings: list[Watched]) -> int:
        """Write what is new in the histories; return the number of values."""
        count = 0
        for one in trainings:
            if self._sources.get(one.name) != one.folder:
                self._start(one)
            new = one.history[one.history["step"] > self._written[one.name]]
            for row in new.to_dict("records"):
                writer = self._writer(one.name, row["split"])
                writer.add_scalar(row["term"], row["value"], row["step"])
            if len(new):
                self._written[one.name] = int(new["step"].max())
            count += len(new)
        for writer in self._writers.values():
            writer.flush()
        return count

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()

    def _start(self, one: Watched) -> None:
        """Begin the files of a training."""
        for key in [key for key in self._writers if key[0] == one.name]:
            self._writers.pop(key).close()
        for path in (self._folder / one.name).glob(f"*/events.*{SUFFIX}"):
            path.unlink()
        self._sources[one.name], self._written[one.name] = one.folder, -1

    def _writer(self, name: str, split: str) -> Any:
        key = name, split
        if key not in self._writers:
            where = str(self._folder / name / split)
            self._writers[key] = self._new_writer(where, filename_suffix=SUFFIX)
        return self._writers[key]
