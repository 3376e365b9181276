"""One file over HTTP: continued where it was cut, patient where that helps.

What has come is kept in a part, with a note of what it is a part of; so a later try,
in this process or another one, asks only for the rest.
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

CONNECT_SECONDS = 30.0
STALL_SECONDS = 60.0  # without a byte
FIRST_WAIT = 1.0  # doubled at each try
LONGEST_WAIT = 120.0
PATIENT, BRIEF = 6, 2  # tries: of what passes, of what hardly does
GAIN = 1 << 20  # bytes kept after which the tries are counted anew

_CHUNK = 1 << 20
# Ranges and lengths are of the file itself only if it is sent as it is.
_HEADERS = {"User-Agent": "vlae", "Accept-Encoding": "identity"}
_PASSING = (408, 425, 429)


class _Again(Exception):
    """Worth another try, at most `tries` in a row."""

    def __init__(self, problem: str, tries: int, wait: float | None = None) -> None:
        super().__init__(problem)
        self.tries, self.wait = tries, wait


@dataclass(frozen=True)
class _Version:
    """What tells whether two responses are of the same file."""

    etag: str | None
    modified: str | None
    length: int | None

    @classmethod
    def of(cls, response: requests.Response, length: int | None) -> Self:
        headers = response.headers
        return cls(headers.get("ETag"), headers.get("Last-Modified"), length)

    def continued_by(self, other: "_Version") -> bool:
        """Nothing differs that both know, and the length is known."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        same = all(a == b for a, b in pairs if a is not None and b is not None)
        return same and self.length == other.length


class Part:
    """What has come of the file at `address`, in `folder`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note = path.with_name(f"{path.name}.json")
        self.begun = 0  # how often its first byte came

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> _Version | None:
        """What it is a part of; None if that cannot be known, so it is of no use."""
        try:
            version = _Version(**json.loads(self.note.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        known = version.length is not None and self.size() <= version.length
        return version if known and self.size() else None

    def begin(self, version: _Version) -> None:
        self.discard()
        self.begun += 1
        self.note.write_text(json.dumps(asdict(version)))

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def fetch(address: str, part: Part, name: str) -> bool:
    """Download `address` to `part`, from where an earlier try ended.

    Args:
        name: what the progress is of.

    Returns:
        Whether it was put together from several responses.

    Raises:
        UserError: if `address` does not give a file, after as many tries as make
            sense; `DiskFull` if it cannot be written.
    """
    failures, most = 0, 0
    with requests.Session() as session:
        while True:
            begun = part.begun
            try:
                return _try(session, address, part, name)
            except _Again as fault:
                # What begins from zero, or again, is no progress however much comes.
                kept = part.begun == begun and part.size() >= most + GAIN
                failures = 1 if kept else failures + 1
                most = max(most, part.size())
                if failures >= fault.tries:
                    raise UserError(f"{fault} (tried {failures} times)") from None
                wait = FIRST_WAIT * 2 ** (failures - 1)
                wait = min(max(wait, fault.wait or 0), LONGEST_WAIT)
                say(f"[{name}] {fault}; again in {wait:.0f} s")
                time.sleep(wait)


def _try(session: requests.Session, address: str, part: Part, name: str) -> bool:
    """One request; whether it continued what was there."""
    version = part.version()
    start = part.size() if version else 0
    if version and start == version.length:
        return True
    with _ask(session, address, start) as response:
        _check_status(response)
        sent = response.headers.get("Content-Encoding", "identity")
        if sent != "identity" and not address.endswith(".gz"):
            raise UserError(f"sent compressed ({sent}), though asked for as it is")
        length: int | None
        if response.status_code == 206:
            first, whole = _range(response)
            current, length = _Version.of(response, whole), whole
            if not version or first != start or not version.continued_by(current):
                part.discard()
                raise _Again("the file has changed there since the last try", PATIENT)
            say(f"[{name}] continued at {size(start)} of {size(whole)}")
        elif response.status_code == 416:
            part.discard()
            raise _Again("the server does not continue there", PATIENT)
        else:
            start, length = 0, _length(response)
            part.begin(_Version.of(response, length))
        _write(response, part, start, length, name)
        return start > 0


def _ask(session: requests.Session, address: str, start: int) -> requests.Response:
    headers = {**_HEADERS, **({"Range": f"bytes={start}-"} if start else {})}
    seconds = CONNECT_SECONDS, STALL_SECONDS
    try:
        return session.get(address, headers=headers, stream=True, timeout=seconds)
    except requests.ConnectTimeout:
        raise _Again(f"no connection in {CONNECT_SECONDS:g} s", BRIEF) from None
    except requests.ReadTimeout:
        raise _Again(f"no answer in {STALL_SECONDS:g} s", BRIEF) from None
    except requests.ConnectionError as error:
        cut = isinstance(error.args[0], urllib3.exceptions.ProtocolError)
        raise _Again(str(_root(error)), PATIENT if cut else BRIEF) from None
    except requests.RequestException as error:
        raise UserError(str(error)) from None


def _check_status(response: requests.Response) -> None:
    """Raise unless the body is the file, a part of it, or 416 (no such part)."""
    status = response.status_code
    said = f"{status} {response.reason}"
    if status in (200, 206, 416):
        return
    if status == 404:
        raise _Again(said, BRIEF)
    if status < 500 and status not in _PASSING:
        raise UserError(said)
    try:
        asked = urllib3.Retry().get_retry_after(response.raw)
    except urllib3.exceptions.InvalidHeader:
        asked = None
    if asked and asked > LONGEST_WAIT:
        raise UserError(f"{said}; it asks to come back in {asked:.0f} s")
    raise _Again(said, PATIENT, asked)


def _range(response: requests.Response) -> tuple[int, int]:
    """First byte of a partial response, and the length of the whole file."""
    said = response.headers.get("Content-Range", "")
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (-1, 0)


def _length(response: requests.Response) -> int | None:
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
        raise _Again(f"cut after {size(done)} of {size(length)}", PATIENT)


def _next(response: requests.Response, done: int) -> bytes:
    try:
        return response.raw.read1(_CHUNK, decode_content=False)
    except urllib3.exceptions.ReadTimeoutError:
        problem = f"not a byte for {STALL_SECONDS:g} s"
    except (urllib3.exceptions.HTTPError, OSError) as error:
        problem = f"connection cut ({_root(error)})"
    raise _Again(f"{problem} after {size(done)}", PATIENT)


def _root(error: BaseException) -> BaseException:
    """The system's own words, below those of the libraries."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
