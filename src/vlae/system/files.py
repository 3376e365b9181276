"""Writing files so that a reader never sees half of one."""

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

LEFT_OVER = 86_400.0
"""Seconds after which a temporary file is a killed process's: none writes so long."""


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`.

    The data reach the disk before the name does, so a crash leaves either the
    old file or the new one. What killed processes left beside it is removed a day
    later.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tidy(path, LEFT_OVER)
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
    """Remove temporary files of `atomic(path)` untouched for `age` seconds."""
    for left in path.parent.glob(f".{path.stem}-????????{path.suffix}"):
        with suppress(FileNotFoundError):  # another process may tidy as well
            if time.time() - left.stat().st_mtime >= age:
                left.unlink()


def write_json(path: Path, content: Any) -> None:
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON object; `what` names it in the error, e.g. 'run spec'.

    Raises:
        UserError: if the file is missing, truncated or not an object.
    """
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{what} {path}: no such file.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{what} {path}: not valid JSON ({error}). Delete it and run again."
        ) from None
    if not isinstance(content, dict):
        raise UserError(f"{what} {path}: expected a JSON object.")
    return content


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(content: Any) -> str:
    """Hash of a JSON-like value, independent of key order."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
