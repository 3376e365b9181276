"""Downloading one file: sources in turn, and the checksum of the content.

The checksum is that of the decompressed file, since mirrors compress differently. A
file appears under its name only when it is complete and correct. Files fetched over
HTTP, copied from a disk and packed from a folder all go through `download`.
"""

import hashlib
import html
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any

from vlae.data.compression import gunzip, pack
from vlae.data.download.http import Part, fetch
from vlae.data.download.sources import (
    MIRROR_VARIABLE,
    by_hand,
    is_address,
    on_disk,
    public,
    sources,
)
from vlae.data.download.unverified import PARTIAL, remember
from vlae.system.disk import DiskFull, guarded, size
from vlae.system.errors import UserError
from vlae.system.locks import alone
from vlae.system.progress import say

DEFAULT_ALGORITHM = "sha256"
# These are matched one after the other at a moving position. A single pattern for all
# of it backtracks without end on comments that no page follows.
_BEFORE_PAGE = re.compile(rb"\s+|<!--.*?-->|<\?xml.*?\?>", re.I | re.S)
_PAGE = re.compile(rb"<(!doctype\s+html|html|head)\b", re.I)
_TITLE = re.compile(rb"<title[^>]{0,99}>([^<]{0,300})", re.I)


def download(
    dataset: str,
    file: dict[str, Any],
    mirrors: list[str],
    out: Path,
    mirror: str | None = None,
) -> None:
    """Fetch one file from the first source that has the right content.

    Args:
        dataset: name of the data set, which is its folder in a user's mirror.
        file: `path` is where it lies on this machine, or None; else `remote` is its
            name at the mirrors. `.gz` is decompressed. `checksum` is that of the
            decompressed content or None, and `addresses` are URLs of this file alone.
        mirrors: URLs or folders that hold `remote`, best first.
        out: where the decompressed file goes.
        mirror: the user's own mirror, in addition to that of `VLAE_MIRROR`.

    Raises:
        UserError: if no source has the right content, with a list of every attempt; or
            if the folder of `out` cannot be used.
        DiskFull: if there is no room for the file.
    """
    name = f"{dataset}/{out.name}"
    attempts = []
    folder = out.parent
    with _usable(folder), guarded(folder), alone(_partial(out, "lock"), name) as held:
        if _is_there(out, file["checksum"], held.waited):
            say(f"[{name}] is already there")
            _tidy(out)
            return
        _forget(out)  # an earlier run has named these files
        for source in sources(dataset, file, mirrors, mirror):
            get = _from_address if is_address(source) else _from_disk
            try:
                with guarded(folder):
                    outcome = get(source, file, out, name)
            except DiskFull as error:
                raise DiskFull(f"{name}: {error}") from None
            except (UserError, OSError) as error:
                attempts.append(f"  {source}: {error}")
                say(f"[{name}] {attempts[-1].strip()}")
                continue
            finally:
                for half in ("content", "packed"):
                    _partial(out, half).unlink(missing_ok=True)
            say(f"[{name}] {outcome}, from {source}")
            if not file["checksum"]:
                remember(dataset, file, mirrors, mirror, out)
            _tidy(out)
            return
    raise UserError(_failure(dataset, file, mirrors, attempts))


def checksum(path: Path, like: str | None = None) -> str:
    """Return the checksum of a file as `ALGORITHM:HEXADECIMAL`.

    Args:
        path: the file.
        like: another checksum, whose algorithm is used; None for SHA-256.
    """
    algorithm = like.split(":")[0] if like else DEFAULT_ALGORITHM
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: cannot write downloads here ({error}). Expected a folder, and "
            "files in it, that you may read and write: remove what is in the way, "
            "change permissions (or make results/ a link to a folder of yours) and run "
            "again."
        ) from None


def _is_there(out: Path, expected: str | None, waited: bool) -> bool:
    """Return whether another process, now or earlier, has fetched the file."""
    if not out.is_file():
        return False
    return waited if expected is None else checksum(out, expected) == expected


def _from_address(address: str, file: dict[str, Any], out: Path, name: str) -> str:
    if file["remote"].endswith("/"):
        raise UserError(
            f"'{file['remote']}' is a folder, which can be packed from a disk, but not "
            "fetched over HTTP; give the file's name"
        )
    mark = hashlib.sha256(address.encode()).hexdigest()[:12]
    part = Part(_partial(out, mark))
    whole = not fetch(address, part, name)
    while True:
        try:
            return _place(part.path, file, out, ours=True, keep=whole)
        except DiskFull:
            raise
        except UserError as error:
            part.discard()
            if whole:
                raise
            say(
                f"[{name}] {error}; it was put together from parts, so it is fetched "
                "again from the start"
            )
        fetch(address, part, name)
        whole = True


def _from_disk(source: str, file: dict[str, Any], out: Path, name: str) -> str:
    found = on_disk(source)
    if found is None:
        raise UserError("no such file")
    if found.is_file():
        return _place(found, file, out)
    packed = _partial(out, "packed")
    say(f"[{name}] packing the folder {found}")
    pack(found, packed)
    _publish(packed, out)
    return "packed from a folder, so its checksum cannot be checked"


def _place(
    fetched: Path,
    file: dict[str, Any],
    out: Path,
    ours: bool = False,
    keep: bool = False,
) -> str:
    """Put the content of `fetched` at `out` if it is right.

    Args:
        fetched: the file as it came, perhaps compressed.
        file: see `download`.
        out: see `download`.
        ours: whether `fetched` may be moved; otherwise it is left as it is.
        keep: whether content with the wrong checksum is kept under another name.

    Returns:
        what to log: how the content was checked.
    """
    expected = file["checksum"]
    _refuse_page(fetched)
    content = fetched
    if _compressed(fetched, file["path"] or file["remote"]):
        content = _partial(out, "content")
        gunzip(fetched, content)
    elif not ours:
        content = _partial(out, "content")
        with guarded(out.parent, size(fetched.stat().st_size)):
            shutil.copyfile(fetched, content)
    found = checksum(content, expected)
    if expected and found != expected:
        kept = f"; kept as {content.replace(_aside(out))}" if keep else ""
        raise UserError(f"wrong checksum: {found}, expected {expected}{kept}")
    _publish(content, out)
    return "checksum right" if expected else f"not checked (checksum: null), {found}"


def _publish(content: Path, out: Path) -> None:
    """Give `content` its name once it is on the disk, so that no crash halves it."""
    with content.open("rb") as file:
        os.fsync(file.fileno())
    content.replace(out)


def _compressed(path: Path, name: str) -> bool:
    """Return whether a `.gz` is still compressed; some servers decompress it."""
    with path.open("rb") as file:
        return name.endswith(".gz") and file.read(2) == b"\x1f\x8b"


def _refuse_page(path: Path) -> None:
    """Raise UserError if a file is a web page.

    Sites that share files answer 200 and send a page when they refuse a file.
    """
    with path.open("rb") as file:
        start = file.read(1 << 16)
    at = 3 if start.startswith(b"\xef\xbb\xbf") else 0
    while before := _BEFORE_PAGE.match(start, at):
        at = before.end()
    if _PAGE.match(start, at):
        found = _TITLE.search(start)
        title = html.unescape(found[1].decode(errors="replace")) if found else ""
        title = " ".join(title.split()) or "without a title"
        raise UserError(f"a web page instead of the file: '{title}'")


def _partial(out: Path, what: str) -> Path:
    """Return the path of an unfinished file that belongs to `out`."""
    return out.parent / PARTIAL / out.name / what


def _aside(out: Path) -> Path:
    """Return an unused name for content with the wrong checksum."""
    first = out.with_name(f"{out.name}.wrong-checksum")
    others = (first.with_name(f"{first.name}-{n}") for n in count(2))
    return next(path for path in chain([first], others) if not path.exists())


def _tidy(out: Path) -> None:
    """Remove all unfinished files, but not the lock, for which others may wait."""
    for path in (out.parent / PARTIAL / out.name).iterdir():
        if path.name != "lock":
            path.unlink()
    _forget(out)


def _forget(out: Path) -> None:
    """Remove content with the wrong checksum that was kept."""
    name = re.escape(f"{out.name}.wrong-checksum")
    for path in out.parent.iterdir():
        if re.fullmatch(rf"{name}(-\d+)?", path.name):
            path.unlink()


def _failure(
    dataset: str, file: dict[str, Any], mirrors: list[str], attempts: list[str]
) -> str:
    """Return the message for a file that no source has."""
    if file["path"]:
        return f"{dataset}: could not get a file from your own disk.\n" + "\n".join(
            attempts
        )
    remote, place = file["remote"], by_hand(dataset, file["remote"])[0]
    address = next((p for p in public(file, mirrors) if is_address(p)), None)
    fetch_it = f"Fetch the file by hand:\n  {address}\n" if address else ""
    unpacked = " or its unpacked folder" if place.endswith(".zip") else ""
    return (
        f"{dataset}: could not get {remote} ({file['checksum'] or 'any checksum'}, of "
        "the decompressed content). Tried:\n"
        + "\n".join(attempts or ["  nothing: no mirrors, no addresses"])
        + f"\n{fetch_it}Put the file{unpacked} at\n  {place}\nand run again; or have "
        f"FOLDER/{dataset}/{remote} and set 'mirror: FOLDER' in the configuration or "
        f"{MIRROR_VARIABLE}=FOLDER."
    )
