"""One code path for every download: sources in turn, checksum of the content.

The checksum is of the decompressed file, since mirrors compress differently. A
file appears under its name only when it is complete and right.
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

Map = dict[str, Any]
# Each is tried at one place only: one pattern for all of it takes time without end on
# comments that no page follows.
_BEFORE_PAGE = re.compile(rb"\s+|<!--.*?-->|<\?xml.*?\?>", re.I | re.S)
_PAGE = re.compile(rb"<(!doctype\s+html|html|head)\b", re.I)
_TITLE = re.compile(rb"<title[^>]{0,99}>([^<]{0,300})", re.I)


def download(
    dataset: str,
    file: Map,
    mirrors: list[str],
    out: Path,
    mirror: str | None = None,
) -> None:
    """Fetch one file from the first source that has it right.

    Args:
        dataset: folder below the root of a user's mirror.
        file: its `remote` name (`.gz` is decompressed), the `checksum` of the
            decompressed content or None, `addresses` of its own.
        mirrors: addresses or folders that hold `remote`, best first.
        out: where the decompressed file goes.
        mirror: the user's own, besides that of `VLAE_MIRROR`.

    Raises:
        UserError: if no source serves the right content; it lists every attempt. Or
            if the folder of `out` cannot be used; `DiskFull` if it has no room.
    """
    name = f"{dataset}/{out.name}"
    attempts = []
    folder = out.parent
    with _usable(folder), guarded(folder), alone(_partial(out, "lock"), name) as held:
        if _is_there(out, file["checksum"], held.waited):
            say(f"[{name}] is already there")
            _tidy(out)
            return
        _forget(out)  # of an earlier run, which named these files
        for source in sources(dataset, file, mirrors, mirror):
            get = _from_address if is_address(source) else _from_disk
            try:
                with guarded(folder):
                    said = get(source, file, out, name)
            except DiskFull as error:
                raise DiskFull(f"{name}: {error}") from None
            except (UserError, OSError) as error:
                attempts.append(f"  {source}: {error}")
                say(f"[{name}] {attempts[-1].strip()}")
                continue
            finally:
                for half in ("content", "packed"):
                    _partial(out, half).unlink(missing_ok=True)
            say(f"[{name}] {said}, from {source}")
            if not file["checksum"]:
                remember(dataset, file, mirrors, mirror, out)
            _tidy(out)
            return
    raise UserError(_failure(dataset, file, mirrors, attempts))


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be fetched to ({error}). Expected a folder, and files "
            "in it, that you may read and write: remove what is in the way, change "
            "permissions (or make results/ a link to a folder of yours) and run again."
        ) from None


def _is_there(out: Path, expected: str | None, waited: bool) -> bool:
    """Whether another process, now or before, has done the work."""
    if not out.is_file():
        return False
    return waited if expected is None else checksum(out, expected) == expected


def _from_address(address: str, file: Map, out: Path, name: str) -> str:
    if file["remote"].endswith("/"):
        raise UserError(
            f"'{file['remote']}' is a folder: one can be packed from a disk, not "
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
            say(f"[{name}] {error}; from the start, as it was put together from parts")
        fetch(address, part, name)
        whole = True


def _from_disk(source: str, file: Map, out: Path, name: str) -> str:
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
    fetched: Path, file: Map, out: Path, ours: bool = False, keep: bool = False
) -> str:
    """Put the content of `fetched` at `out` if it is right; what to say then.

    Args:
        ours: whether `fetched` may be moved; otherwise it is left as it is.
        keep: whether content with the wrong checksum is kept aside.
    """
    expected = file["checksum"]
    _refuse_page(fetched)
    content = fetched
    if _compressed(fetched, file["remote"]):
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
    """Give `content` its name once it is on the disk, so no crash leaves half of it."""
    with content.open("rb") as file:
        os.fsync(file.fileno())
    content.replace(out)


def _compressed(path: Path, remote: str) -> bool:
    """By its first bytes, as some servers decompress a .gz on the way."""
    with path.open("rb") as file:
        return remote.endswith(".gz") and file.read(2) == b"\x1f\x8b"


def _refuse_page(path: Path) -> None:
    """Sites that share files answer 200 and a page to say that they refuse."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
    at = 3 if start.startswith(b"\xef\xbb\xbf") else 0
    while before := _BEFORE_PAGE.match(start, at):
        at = before.end()
    if _PAGE.match(start, at):
        title = _TITLE.search(start)
        words = html.unescape(title[1].decode(errors="replace")) if title else ""
        words = " ".join(words.split()) or "without a title"
        raise UserError(f"a web page instead of the file: '{words}'")


def _partial(out: Path, what: str) -> Path:
    return out.parent / PARTIAL / out.name / what


def _aside(out: Path) -> Path:
    """A name for content with the wrong checksum: each source's is kept."""
    first = out.with_name(f"{out.name}.wrong-checksum")
    others = (first.with_name(f"{first.name}-{n}") for n in count(2))
    return next(path for path in chain([first], others) if not path.exists())


def _tidy(out: Path) -> None:
    """Remove what came of other sources; not the lock, for which others may wait."""
    for path in (out.parent / PARTIAL / out.name).iterdir():
        if path.name != "lock":
            path.unlink()
    _forget(out)


def _forget(out: Path) -> None:
    """Remove what was kept of wrong content."""
    name = re.escape(f"{out.name}.wrong-checksum")
    for path in out.parent.iterdir():
        if re.fullmatch(rf"{name}(-\d+)?", path.name):
            path.unlink()


def _failure(dataset: str, file: Map, mirrors: list[str], attempts: list[str]) -> str:
    """Every attempt, and how a person can do it instead."""
    remote, place = file["remote"], by_hand(dataset, file["remote"])
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


STANDARD = "sha256"


def checksum(path: Path, like: str | None = None) -> str:
    """The checksum of a file, of the kind of `like`."""
    kind = like.split(":")[0] if like else STANDARD
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"
