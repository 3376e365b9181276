"""Files that say how far a training is, for those who watch it.

They lie in the checkpoint folder of the training. No result depends on them: they are
not outputs of a rule, and a training goes on if they cannot be written.
"""

import json
import math
from pathlib import Path
from typing import Any

from vlae.system.errors import UserError
from vlae.system.files import atomic, read_json, write_json

TRAINING, STOPPED, FINISHED = "training", "stopped", "finished"
"""Values of `state` in the file of the progress."""


class LiveFiles:
    """Paths of the files, and how they are written and read.

    Args:
        folder: checkpoint folder of one training.
    """

    def __init__(self, folder: Path) -> None:
        self.progress = folder / "progress.json"
        """Whose folder it is, and the last step that was seen."""
        self.history = folder / "history.jsonl"
        """One line per evaluation."""

    def write_progress(self, progress: dict[str, Any]) -> None:
        """Write the progress, whole or not at all."""
        write_json(self.progress, progress)

    def read_progress(self) -> dict[str, Any] | None:
        """Return the progress; None if there is none, or it cannot be read."""
        try:
            found = read_json(self.progress, "progress")
        except (UserError, OSError):
            return None
        expected = {"name": str, "step": int, "steps": int, "state": str}
        right = all(isinstance(found.get(k), kind) for k, kind in expected.items())
        return found if right else None

    def seen(self) -> float | None:
        """Return when the progress was written, in seconds since 1970, or None."""
        try:
            return self.progress.stat().st_mtime
        except OSError:
            return None

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Replace the file by one line for each step of a history, whole or not at all.

        Args:
            rows: each with `step`, `split`, `term` and `value`.
        """
        steps = dict.fromkeys(row["step"] for row in rows)
        lines = [_line([r for r in rows if r["step"] == step]) for step in steps]
        with atomic(self.history) as temporary:
            temporary.write_text("".join(lines), encoding="utf-8")

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Append one line: the rows of the history at one step, if there are any."""
        with self.history.open("a", encoding="utf-8") as file:
            file.write(_line(rows) if rows else "")

    def read_history(self) -> list[dict[str, Any]]:
        """Return the rows of all lines; values that are not finite are nan.

        Reading ends before the first line that is not whole, which a kill leaves.
        """
        rows: list[dict[str, Any]] = []
        try:
            lines = self.history.read_bytes().splitlines(keepends=True)
        except OSError:
            return []
        for line in lines:
            try:
                rows += _rows(line)
            except (ValueError, TypeError, AttributeError, KeyError):
                break
        return rows


def _line(rows: list[dict[str, Any]]) -> str:
    """Return the line of one step: its number, then terms and values by split."""
    content: dict[str, Any] = {"step": rows[0]["step"]}
    for row in rows:
        finite = row["value"] if math.isfinite(row["value"]) else None
        content.setdefault(row["split"], {})[row["term"]] = finite
    return json.dumps(content) + "\n"


def _rows(line: bytes) -> list[dict[str, Any]]:
    """Return what `_line` made a line of; raise an error if the line is not whole."""
    if not line.endswith(b"\n"):
        raise ValueError("half a line")
    content = json.loads(line)
    step = int(content.pop("step"))
    return [
        {"step": step, "split": split, "term": term, "value": _value(value)}
        for split, terms in content.items()
        for term, value in terms.items()
    ]


def _value(number: float | None) -> float:
    return math.nan if number is None else float(number)
