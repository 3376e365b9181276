"""Checksums of files, in the notation `sha256:HEX` or `md5:HEX`."""

import hashlib
from pathlib import Path

STANDARD = "sha256"


def checksum(path: Path, like: str | None = None) -> str:
    """The checksum of a file, of the kind of `like`."""
    kind = like.split(":")[0] if like else STANDARD
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"
