"""Fetching one file over HTTP, with retries, and continued where it was cut.

The bytes that have arrived are kept as a `Part`, with a note of the version of the file
that they belong to. A later attempt, in this process or another one, asks only for the
rest.
"""

import json
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import requests
import urllib3

from vlae.system.disk import guarded, require, size
from vlae.system.errors import UserError
from vlae.system.progress import Progress, say

CONNECT_TIMEOUT_S = 30.0
STALL_TIMEOUT_S = 60.0
"""Seconds without a byte after which a transfer is given up."""
FIRST_WAIT_S = 1.0
"""Seconds before the second attempt; they double with each attempt."""
MAX_WAIT_S = 120.0
TRANSIENT_ATTEMPTS = 6
"""Attempts in a row for errors that usually pass."""
PERSISTENT_ATTEMPTS = 2
"""Attempts in a row for errors that are likely to stay."""
PROGRESS_BYTES = 1 << 20
"""Bytes that must be kept for the attempts to be counted from one again."""

_CHUNK_BYTES = 1 << 20
# Ranges and lengths are those of the file only if it is sent without compression.
_HEADERS = {"User-Agent": "vlae", "Accept-Encoding": "identity"}
_TRANSIENT_STATUS = (408, 425, 429)


class _Again(Exception):
    """Raised for an error after which another attempt makes sense.

    Args:
        problem: what went wrong.
        attempts: number of attempts in a row that make sense.
        wait: seconds that the server asks to wait, if it does.
    """

    def __init__(self, problem: str, attempts: int, wait: float | None = None) -> None:
        super().__init__(problem)
        self.attempts, self.wait = attempts, wait


@dataclass(frozen=True)
class _Version:
    """What a server says about the version of a file that it sends."""

    etag: str | None
    modified: str | None
    length: int | None

    @classmethod
    def of(cls, response: requests.Response, length: int | None) -> Self:
        """Return the version that a response belongs to; `length` is in bytes."""
        headers = response.headers
        return cls(headers.get("ETag"), headers.get("Last-Modified"), length)

    def continued_by(self, other: "_Version") -> bool:
        """Whether the length is the same, and nothing differs that both know."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        same = all(a == b for a, b in pairs if a is not None and b is not None)
        return same and self.length == other.length


class Part:
    """The bytes of a file that have arrived so far.

    Args:
        path: where they are; a note with their version lies next to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note = path.with_name(f"{path.name}.json")
        self.begun = 0  # how often the transfer began at the first byte

    def size(self) -> int:
        """Return the number of bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> _Version | None:
        """Return the version they belong to, or None if they cannot be continued."""
        try:
            version = _Version(**json.loads(self.note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        known = version.length is not None and self.size() <= version.length
        return version if known and self.size() else None

    def begin(self, version: _Version) -> None:
        """Start again with the first byte of this version."""
        self.discard()
        self.begun += 1
        self.note.write_text(json.dumps(asdict(version)), encoding="utf-8")

    def discard(self) -> None:
        """Remove the bytes and the note."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def fetch(address: str, part: Part, name: str) -> bool:
    """Download a file to `part`, continuing after the bytes that are there.

    Args:
        address: URL of the file.
        part: where the bytes go.
        name: name of the file in log lines.

    Returns:
        whether the file was put together from several responses.

    Raises:
        UserError: if the address does not give a file after as many attempts as make
            sense.
        DiskFull: if there is no room for the file.
    """
    failures, largest = 0, 0
    with requests.Session() as session:
        while True:
            begun = part.begun
            try:
                return _try(session, address, part, name)
            except _Again as fault:
                # A transfer that began again from zero has not got any further.
                progress = part.size() >= largest + PROGRESS_BYTES
                kept = part.begun == begun and progress
                failures = 1 if kept else failures + 1
                largest = max(largest, part.size())
                if failures >= fault.attempts:
                    raise UserError(f"{fault} (tried {failures} times)") from None
                wait = FIRST_WAIT_S * 2 ** (failures - 1)
                wait = min(max(wait, fault.wait or 0), MAX_WAIT_S)
                say(f"[{name}] {fault}; trying again in {wait:.0f} s")
                time.sleep(wait)


def _try(session: requests.Session, address: str, part: Part, name: str) -> bool:
    """Make one request, and return whether it continued bytes that were there."""
    version = part.version()
    start = part.size() if version else 0
    if version and start == version.length:
        return True
    with _ask(session, address, start) as response:
        _check_status(response)
        sent = response.headers.get("Content-Encoding", "identity")
        if sent != "identity" and not address.endswith(".gz"):
            raise UserError(
                f"sent compressed ({sent}), although this was not asked for"
            )
        length: int | None
        if response.status_code == 206:
            first, whole = _range(response)
            current, length = _Version.of(response, whole), whole
            if not version or first != start or not version.continued_by(current):
                part.discard()
                raise _Again(
                    "the file has changed since the last attempt", TRANSIENT_ATTEMPTS
                )
            say(f"[{name}] continued at {size(start)} of {size(whole)}")
        elif response.status_code == 416:
            part.discard()
            raise _Again("the server cannot continue the file", TRANSIENT_ATTEMPTS)
        else:
            start, length = 0, _length(response)
            part.begin(_Version.of(response, length))
        _write(response, part, start, length, name)
        return start > 0


def _ask(session: requests.Session, address: str, start: int) -> requests.Response:
    headers = {**_HEADERS, **({"Range": f"bytes={start}-"} if start else {})}
    seconds = CONNECT_TIMEOUT_S, STALL_TIMEOUT_S
    try:
        return session.get(address, headers=headers, stream=True, timeout=seconds)
    except requests.ConnectTimeout:
        problem = f"no connection in {CONNECT_TIMEOUT_S:g} s"
        raise _Again(problem, PERSISTENT_ATTEMPTS) from None
    except requests.ReadTimeout:
        problem = f"no answer in {STALL_TIMEOUT_S:g} s"
        raise _Again(problem, PERSISTENT_ATTEMPTS) from None
    except requests.ConnectionError as error:
        cut = isinstance(error.args[0], urllib3.exceptions.ProtocolError)
        attempts = TRANSIENT_ATTEMPTS if cut else PERSISTENT_ATTEMPTS
        raise _Again(str(_root(error)), attempts) from None
    except requests.RequestException as error:
        raise UserError(str(error)) from None


def _check_status(response: requests.Response) -> None:
    """Raise an error unless the status is 200, 206 (a part) or 416 (no such part)."""
    status = response.status_code
    said = f"{status} {response.reason}"
    if status in (200, 206, 416):
        return
    if status == 404:
        raise _Again(said, PERSISTENT_ATTEMPTS)
    if status < 500 and status not in _TRANSIENT_STATUS:
        raise UserError(said)
    try:
        asked = urllib3.Retry().get_retry_after(response.raw)
    except urllib3.exceptions.InvalidHeader:
        asked = None
    if asked and asked > MAX_WAIT_S:
        raise UserError(f"{said}; it asks to come back in {asked:.0f} s")
    raise _Again(said, TRANSIENT_ATTEMPTS, asked)


def _range(response: requests.Response) -> tuple[int, int]:
    """Return the first byte of a partial response, and the length of the file."""
    said = response.headers.get("Content-Range", "")
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (-1, 0)


def _length(response: requests.Response) -> int | None:
    """Return the length in bytes that a response announces, if it does."""
    said = response.headers.get("Content-Length", "")
    return int(said) if said.isdecimal() else None


def _write(
    response: requests.Response, part: Part, start: int, length: int | None, name: str
) -> None:
    folder = part.path.parent
    require(folder, (length or 0) - start)
    needed = size(length) if length else "an amount that the server does not say"
    done, shown = start, Progress(name, -(-(length or 0) // 1000), "kB", start // 1000)
    with guarded(folder, needed), part.path.open("ab" if start else "wb") as file:
        while chunk := _next(response, done):
            file.write(chunk)
            done += len(chunk)
            if length:
                shown.update(done // 1000 if done < length else shown.total)
    if length is not None and done < length:
        problem = f"cut after {size(done)} of {size(length)}"
        raise _Again(problem, TRANSIENT_ATTEMPTS)


def _next(response: requests.Response, done: int) -> bytes:
    """Return the next bytes of a response; empty at its end."""
    try:
        return response.raw.read1(_CHUNK_BYTES, decode_content=False)
    except urllib3.exceptions.ReadTimeoutError:
        problem = f"no bytes for {STALL_TIMEOUT_S:g} s"
    except (urllib3.exceptions.HTTPError, OSError) as error:
        problem = f"connection cut ({_root(error)})"
    raise _Again(f"{problem} after {size(done)}", TRANSIENT_ATTEMPTS)


def _root(error: BaseException) -> BaseException:
    """Return the system's error below those of the libraries."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
