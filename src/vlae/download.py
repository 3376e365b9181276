"""One code path for every download: mirrors in turn, checksum of the content.

The checksum is of the decompressed file, since mirrors compress differently. A
file appears under its name only when it is complete and right.
"""

import gzip
import os
import shutil
import tempfile
import zlib
from pathlib import Path

import pooch

from vlae.errors import UserError
from vlae.files import atomic, sha256
from vlae.mirrors import MIRROR_VARIABLE, check_mirror, is_address
from vlae.progress import say

TIMEOUT_SECONDS = 30
RETRIES = 2


def download(
    dataset: str, remote: str, checksum: str, mirrors: list[str], out: Path
) -> None:
    """Fetch one file from the first source that has it right.

    Args:
        dataset: folder below the root of a user's mirror (`VLAE_MIRROR`).
        remote: file name there; `.gz` is decompressed.
        checksum: sha256 of the decompressed content.
        mirrors: addresses or folders that hold `remote`, best first.
        out: where the decompressed file goes.

    Raises:
        UserError: if no source serves the right content; it lists every attempt.
    """
    attempts = []
    for source in sources(dataset, mirrors):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".part-") as part:
            try:
                fetched = _fetch(source, remote, Path(part))
                with atomic(out) as temporary:
                    _decompress(fetched, temporary)
                    found = sha256(temporary)
                    if found != checksum:
                        raise UserError(f"wrong checksum: sha256 {found}")
            except (UserError, OSError, EOFError, ValueError, zlib.error) as error:
                attempts.append(f"  {source}/{remote}: {error}")
                say(f"[{dataset}] {attempts[-1].strip()}")
                continue
        say(f"[{dataset}] {out.name}: checksum right, from {source}")
        return
    tried = "\n".join(attempts)
    raise UserError(
        f"{dataset}: could not get {remote} (expected sha256 {checksum} of the "
        f"decompressed content). Tried:\n{tried}\n"
        f"Fetch the file by hand, put it at FOLDER/{dataset}/{remote}, and set "
        f"'mirror: FOLDER' in the configuration or {MIRROR_VARIABLE}=FOLDER."
    )


def sources(dataset: str, mirrors: list[str]) -> list[str]:
    """The user's own mirror first, where one is set, then the public ones."""
    own = os.environ.get(MIRROR_VARIABLE)
    if not own:
        return mirrors
    check_mirror(own, MIRROR_VARIABLE)
    return [f"{own.rstrip('/')}/{dataset}", *mirrors]


def _fetch(source: str, remote: str, folder: Path) -> Path:
    if not is_address(source):
        path = Path(source, remote)
        if not path.is_file():
            raise UserError("no such file")
        return path
    catalogue = pooch.create(
        path=folder,
        base_url=f"{source.rstrip('/')}/",
        registry={remote: None},
        retry_if_failed=RETRIES,
    )
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT_SECONDS)
    return Path(catalogue.fetch(remote, downloader=downloader))


def _decompress(source: Path, out: Path) -> None:
    # Some servers decompress a .gz on the way: its first bytes decide.
    with source.open("rb") as file:
        packed_content = source.suffix == ".gz" and file.read(2) == b"\x1f\x8b"
    opener = gzip.open if packed_content else Path.open
    with opener(source, "rb") as packed, out.open("wb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)
