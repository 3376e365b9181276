"""Prepared data on the node's own disk, where the user names a folder for it.

With `VLAE_STAGE` set, a training copies its images there first, once for all trainings
on that machine, and reads the copy. Every copy is checked against the card's
checksum; a copy that lies there already, against its size.
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
_CHUNK = 1 << 24  # bytes


def staged(data: Prepared) -> Prepared:
    """`data`, read from the folder of `VLAE_STAGE`; unchanged if that is not set.

    Variables in it, `$SLURM_JOB_ID` say, are those of this machine. Where it has no
    room, that is said and `data` is read where it is.

    Raises:
        UserError: if it names no folder, or if `data` is not what its card says.
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
    with alone(folder.with_suffix(".lock"), name):
        missing = [file for file in checksums if not _same_size(data, folder, file)]
        needed = sum((data.folder / file).stat().st_size for file in missing)
        try:
            require(folder, needed)
            for file in missing:
                with guarded(folder, size(needed)):
                    _copy(data.folder / file, folder / file, checksums[file])
        except DiskFull:
            missed = f"no room for {size(needed)} in {root}"
            say(f"[{name}] {missed}: read from {data.folder}")
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
            while chunk := read.read(_CHUNK):
                hashed.update(chunk)
                written.write(chunk)
        if hashed.hexdigest() != checksum:
            raise UserError(
                f"{source}: not what its card.json says. Delete its folder and run "
                "again."
            )
