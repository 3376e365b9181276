"""What a training tells those who watch it; it never stops the training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vlae.system.live_files import FINISHED, STOPPED, TRAINING, LiveFiles
from vlae.system.progress import say

History = list[dict[str, Any]]
"""Rows with `step`, `split`, `term` and `value`."""


class Live:
    """The live files of one training, written as it goes.

    A file that cannot be written costs the training nothing: that is said once, and the
    next evaluation tries again.

    Args:
        folder: checkpoint folder of the training.
        name: `dataset/run/seed`.
        steps: number of steps in all.
    """

    def __init__(self, folder: Path, name: str, steps: int) -> None:
        self._files = LiveFiles(folder)
        self._name, self._steps = name, steps
        self._whole = self._said = False

    def begin(self, step: int, history: History) -> None:
        """Make the files those of a training at `step` with that `history`.

        Lines of later steps, which a killed training left, go; those that are missing
        come back.
        """
        self._whole = self._tried(lambda: self._files.write_history(history))
        self.seen(step)

    def evaluated(self, history: History) -> None:
        """Append the last evaluation of a `history`, by which it has grown."""
        if self._whole:
            rows = [row for row in history if row["step"] == history[-1]["step"]]
            self._whole = self._tried(lambda: self._files.append(rows))
        else:
            self._whole = self._tried(lambda: self._files.write_history(history))

    def seen(self, step: int, rate: float | None = None, state: str = TRAINING) -> None:
        """Note the steps that are done, and those per second if they are known."""
        progress = {"name": self._name, "step": step, "steps": self._steps}
        progress |= {"rate": rate, "state": state}
        self._tried(lambda: self._files.write_progress(progress))

    @contextmanager
    def noted(self, step: Callable[[], int]) -> Iterator[None]:
        """Note the step that is done when whatever stops the work within does so."""
        try:
            yield
        except BaseException:
            self.seen(step(), state=STOPPED)
            raise

    def finished(self) -> None:
        """Note that the training has done all steps and is saved."""
        self.seen(self._steps, state=FINISHED)

    def _tried(self, write: Callable[[], None]) -> bool:
        """Return whether a file could be written."""
        try:
            write()
        except OSError as error:
            if not self._said:
                say(
                    f"[{self._name}] cannot write what `vlae watch` reads ({error}); "
                    "the training goes on"
                )
            self._said = True
            return False
        return True
