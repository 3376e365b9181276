"""Reading zip archives in place: nothing is extracted, and nothing is trusted.

The directory of an archive is read and checked once. Members are then read at their
offsets, so that threads can share an `Archive` without waiting for each other.
"""

import json
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from vlae.system.errors import UserError

MAX_MEMBER_BYTES = 1 << 28
"""Largest image or table that is read; several are in memory at once."""
MAX_EXPANSION = 200
"""Largest ratio of expanded to compressed bytes.

A deflated stream can expand up to 1032 times. Data sets do not come near that, but a
decompression bomb must.
"""
HARMLESS_BYTES = 1 << 28
"""Expanded size that does no harm, whatever the ratio."""

HIDDEN_FILES = "hidden files"
"""How files are called that a file manager hides or makes for itself."""
DEAD_LINKS = "links that lead nowhere"
"""How symbolic links are called that packing leaves out."""

_UTF8_FLAG = 1 << 11
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_BROKEN = (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError)


def max_expanded_bytes(packed: int) -> int:
    """Return the size in bytes that `packed` compressed bytes may expand to."""
    return max(HARMLESS_BYTES, MAX_EXPANSION * packed)


class Archive:
    """A zip archive that is open for reading by any number of threads.

    Args:
        path: the archive; it must not change while it is open.

    Attributes:
        left_out: numbers of files, by reason, that were left out when a folder was
            packed, or that macOS has added.

    Raises:
        UserError: if the file is missing, is not a complete zip archive, is encrypted,
            or has members that an honest archive of files does not have.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as directory:
                members = directory.infolist()
                self.left_out = _noted(directory.comment)
            self._file = os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise UserError(f"{path}: no such file.") from error
        except _BROKEN as error:
            raise self._broken(f"not a complete zip archive ({error})") from error
        try:
            self._members = dict(self._checked(members))
        except BaseException:
            self.close()
            raise

    def names(self) -> list[str]:
        """Return the names of the files, but not of folders, in the archive's order."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises:
            UserError: if there is no such member, or it is damaged, larger than
                `MAX_MEMBER_BYTES`, or not of the size that the directory says.
        """
        if name not in self._members:
            raise UserError(f"{self.path}: holds no '{name}'.")
        member = self._members[name]
        if member.file_size > MAX_MEMBER_BYTES:
            raise UserError(
                f"{self.path}: '{name}' has {member.file_size} bytes; expected at most "
                f"{MAX_MEMBER_BYTES}. Make it smaller or leave it out."
            )
        try:
            content = self._content(member)
        except (OSError, EOFError, struct.error, zlib.error) as error:
            raise self._broken(f"'{name}' is damaged ({error})") from error
        if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
            raise self._broken(f"'{name}' is not what the archive's directory says")
        return content

    def close(self) -> None:
        """Close the file; nothing can be read afterwards."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _content(self, member: zipfile.ZipInfo) -> bytes:
        """Return at most one byte more than the member claims to have."""
        header = self._read_at(member.header_offset, _LOCAL_HEADER.size)
        mark, name, extra = _LOCAL_HEADER.unpack(header)
        if mark != b"PK\3\4":
            raise EOFError("no member where the directory says")
        start = member.header_offset + _LOCAL_HEADER.size + name + extra
        packed = self._read_at(start, member.compress_size)
        if member.compress_type == zipfile.ZIP_STORED:
            return packed
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(
            packed, member.file_size + 1
        )

    def _read_at(self, offset: int, size: int) -> bytes:
        parts = []
        while size:
            parts.append(os.pread(self._file, size, offset))
            if not parts[-1]:
                raise EOFError("the archive ends before")
            offset, size = offset + len(parts[-1]), size - len(parts[-1])
        return b"".join(parts)

    def _checked(
        self, members: list[zipfile.ZipInfo]
    ) -> Iterator[tuple[str, zipfile.ZipInfo]]:
        """Yield the members that are files, each name once."""
        size = os.fstat(self._file).st_size
        total, limit = 0, max_expanded_bytes(size)
        seen = set()
        for member in members:
            name = _name(member)
            problem = "occurs twice" if name in seen else _problem(member, size)
            if problem:
                raise UserError(
                    f"{self.path}: member '{name}' {problem}. The archive was refused "
                    "for safety; create it again."
                )
            seen.add(name)
            total += member.file_size
            if total > limit:
                raise UserError(
                    f"{self.path}: its members claim more than {limit} bytes, but the "
                    f"archive has only {size}. Archives of real files expand less than "
                    f"{MAX_EXPANSION} times, so this one was refused for safety."
                )
            if member.is_dir():
                continue
            # macOS adds members about the files to every archive.
            if name.startswith("__MACOSX/"):
                self.left_out[HIDDEN_FILES] = self.left_out.get(HIDDEN_FILES, 0) + 1
            else:
                yield name, member

    def _broken(self, problem: str) -> UserError:
        return UserError(f"{self.path}: {problem}. Delete it and run again.")


def note(left_out: dict[str, int]) -> bytes:
    """Return the comment for an archive that says what packing has left out."""
    return json.dumps({"left_out": left_out}).encode() if left_out else b""


def _noted(comment: bytes) -> dict[str, int]:
    """Return what `note` has written; empty if it is the comment of another program."""
    try:
        found = json.loads(comment)["left_out"]
        return {str(reason): int(number) for reason, number in found.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member; some programs write UTF-8 without saying so."""
    if member.flag_bits & _UTF8_FLAG:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _problem(member: zipfile.ZipInfo, archive_size: int) -> str | None:
    """Return what is wrong with a member, as the rest of a sentence, or None."""
    steps = re.split(r"[/\\]", member.filename)
    if ".." in steps or not steps[0] or re.match("[A-Za-z]:", member.filename):
        return "leads out of the folder"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    if member.flag_bits & 1:
        return "is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "uses a compression other than deflate"
    if member.compress_size > archive_size:
        return "claims to be larger than the archive"
    if member.compress_type == zipfile.ZIP_STORED:
        honest = member.compress_size == member.file_size
        return None if honest else "claims two sizes"
    return None
