"""Copies of prepared data on a node's own disk, in a folder that the user names.

If `VLAE_STAGE` is set, a training first copies its images there, once for all trainings
on that machine, and reads the copy. A new copy is checked against the checksum on the
card, and a copy that is already there against the size of the original.
"""

import hashlib
import os
from pathlib import Path

from vlae.data.prepared import Prepared
from vlae.system.disk import DiskFull, guarded, require, size
from vlae.system.errors import UserError
from vlae.system.files import atomic, digest
from vlae.system.locks import alone
from vlae.system.progress import say

STAGE_VARIABLE = "VLAE_STAGE"
_CHUNK_BYTES = 1 << 24


def staged(data: Prepared) -> Prepared:
    """Return `data` as a copy in the folder of `VLAE_STAGE`, or unchanged without it.

    Variables in the folder's name, such as `$SLURM_JOB_ID`, are expanded on this
    machine. If the disk is full, this is logged and the original is returned.

    Raises:
        UserError: if `VLAE_STAGE` does not name a folder, or if a file of `data` is not
            the one that its card describes.
    """
    wish = os.environ.get(STAGE_VARIABLE)
    if not wish:
        return data
    root, name = Path(os.path.expandvars(wish)), data.folder.name
    if not root.is_dir():
        raise UserError(
            f"{STAGE_VARIABLE}: no folder '{root}' on this machine; expected one on "
            "its own disk. Correct it, or unset it to read the data where they are."
        )
    checksums = data.card["sha256"]
    folder = root / f"vlae-{os.getuid()}" / digest(checksums)[:16]
    with alone(folder.with_suffix(".lock"), name, "copies it"):
        missing = [file for file in checksums if not _same_size(data, folder, file)]
        needed = sum((data.folder / file).stat().st_size for file in missing)
        try:
            require(folder, needed)
            for file in missing:
                with guarded(folder, size(needed)):
                    _copy(data.folder / file, folder / file, checksums[file])
        except DiskFull:
            say(
                f"[{name}] no room for {size(needed)} in {root}; reading from "
                f"{data.folder} instead"
            )
            return data
        if missing:
            say(f"[{name}] {size(needed)} copied to {folder}")
    return Prepared(data.card, folder)


def _same_size(data: Prepared, folder: Path, file: str) -> bool:
    try:
        return (folder / file).stat().st_size == (data.folder / file).stat().st_size
    except FileNotFoundError:
        return False


def _copy(source: Path, target: Path, checksum: str) -> None:
    hashed = hashlib.sha256()
    with atomic(target) as temporary, source.open("rb") as read:
        with temporary.open("wb") as written:
            while chunk := read.read(_CHUNK_BYTES):
                hashed.update(chunk)
                written.write(chunk)
        if hashed.hexdigest() != checksum:
            raise UserError(
                f"{source}: not what its card.json says. Delete its folder and run "
                "again."
            )
