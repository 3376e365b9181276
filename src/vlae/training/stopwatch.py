"""How long a training has worked, and how much of it a kill would cost."""

import time


class Stopwatch:
    """Seconds of work of one training, over all its attempts.

    Args:
        earlier: seconds of earlier attempts, from their last checkpoint.
    """

    def __init__(self, earlier: float = 0.0) -> None:
        self._earlier = earlier
        self._started = self._saved = time.monotonic()

    @property
    def total(self) -> float:
        """Seconds of work until now, those of earlier attempts included."""
        return self._earlier + time.monotonic() - self._started

    @property
    def unsaved(self) -> float:
        """Seconds of work since the last checkpoint of this attempt, or its start."""
        return time.monotonic() - self._saved

    def saved(self) -> None:
        """Note that a checkpoint has just been written."""
        self._saved = time.monotonic()
