"""Writing whole files or none, and reading JSON."""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vlae.system.errors import UserError

ABANDONED_AFTER_S = 86_400.0
"""Age in seconds of temporary files that a killed process must have left."""


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success it replaces `path`.

    The data reach the disk before the name does, so a crash leaves either the old file
    or the new one. Temporary files of killed processes are removed after a day.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tidy(path, ABANDONED_AFTER_S)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def tidy(path: Path, age: float) -> None:
    """Remove temporary files of `atomic(path)` that are at least `age` seconds old."""
    for left in path.parent.glob(f".{path.stem}-????????{path.suffix}"):
        with suppress(FileNotFoundError):  # another process may tidy as well
            if time.time() - left.stat().st_mtime >= age:
                left.unlink()


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file with sorted keys, whole or not at all."""
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Return the content of a file that holds a JSON object.

    Args:
        path: the file.
        what: what messages call it, e.g. 'run spec'.

    Raises:
        UserError: if the file is missing, truncated or not an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{what} {path}: no such file.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{what} {path}: not valid JSON ({error}). Delete it and run again."
        ) from None
    if not isinstance(content, dict):
        raise UserError(
            f"{what} {path}: expected a JSON object. Delete it and run again."
        )
    return content


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(content: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
