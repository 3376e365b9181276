"""Reading zip archives in place: nothing is extracted, nothing is trusted.

The directory of the archive is read and checked once; members are then read at
their offsets, so that threads share an `Archive` without waiting for each other.
"""

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

MEMBER_LIMIT = 1 << 28  # bytes of an image, or a table; several are held at once

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_BROKEN = (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError)


class Archive:
    """A zip archive, open for reading by any number of threads.

    Args:
        path: the archive; it must not change while it is open.

    Raises:
        UserError: if it is missing, no complete zip archive, encrypted, or holds
            members that no honest archive of files holds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as directory:
                members = directory.infolist()
            self._file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            raise UserError(f"{path}: no such file.") from None
        except _BROKEN as error:
            raise self._broken(f"not a complete zip archive ({error})") from None
        try:
            self._members = dict(self._checked(members))
        except BaseException:
            self.close()
            raise

    def names(self) -> list[str]:
        """Names of the files in it, in the order of the archive; no directories."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """The content of one member.

        Raises:
            UserError: if there is no such member, it is larger than `MEMBER_LIMIT`
                or than it says itself, or damaged.
        """
        if name not in self._members:
            raise UserError(f"{self.path}: holds no '{name}'.")
        member = self._members[name]
        if member.file_size > MEMBER_LIMIT:
            raise UserError(
                f"{self.path}: '{name}' has {member.file_size} bytes; expected at most "
                f"{MEMBER_LIMIT}. Make it smaller or leave it out."
            )
        try:
            content = self._content(member)
        except (OSError, EOFError, struct.error, zlib.error) as error:
            raise self._broken(f"'{name}' is damaged ({error})") from None
        if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
            raise self._broken(f"'{name}' is not what the archive's directory says")
        return content

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _content(self, member: zipfile.ZipInfo) -> bytes:
        """At most one byte more than the member says that it has."""
        header = self._at(member.header_offset, _LOCAL_HEADER.size)
        mark, name, extra = _LOCAL_HEADER.unpack(header)
        if mark != b"PK\3\4":
            raise EOFError("no member where the directory says")
        start = member.header_offset + _LOCAL_HEADER.size + name + extra
        packed = self._at(start, member.compress_size)
        if member.compress_type == zipfile.ZIP_STORED:
            return packed
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(
            packed, member.file_size + 1
        )

    def _at(self, offset: int, size: int) -> bytes:
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
        """The members that are files, each name once."""
        size = os.fstat(self._file).st_size
        total, limit = 0, most(size)
        seen = set()
        for member in members:
            name = member.filename
            problem = _problem(member, size)
            if name in seen:
                problem = "is in it twice"
            if problem:
                raise UserError(
                    f"{self.path}: member '{name}' {problem}. Such an archive is not "
                    "read; pack the files anew."
                )
            seen.add(name)
            total += member.file_size
            if total > limit:
                raise UserError(
                    f"{self.path}: its members claim more than {limit} bytes, but the "
                    f"archive has only {size}; an archive of real files expands less "
                    f"than {MOST_EXPANSION} times. It is not read."
                )
            # What macOS adds to every archive is about files, not one of them.
            if not member.is_dir() and not name.startswith("__MACOSX/"):
                yield name, member

    def _broken(self, problem: str) -> UserError:
        return UserError(f"{self.path}: {problem}. Delete it and run again.")


def _problem(member: zipfile.ZipInfo, archive_size: int) -> str | None:
    """What is wrong with a member, as the rest of a sentence; None if nothing."""
    steps = re.split(r"[/\\]", member.filename)
    if ".." in steps or not steps[0] or re.match("[A-Za-z]:", member.filename):
        return "leads out of the folder"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    if member.flag_bits & 1:
        return "is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed otherwise than by deflate"
    if member.compress_size > archive_size:
        return "claims to be larger than the archive"
    if member.compress_type == zipfile.ZIP_STORED:
        honest = member.compress_size == member.file_size
        return None if honest else "claims two sizes"
    return None


# A deflated stream expands up to 1032 times. Data sets hardly do; a bomb must.
MOST_EXPANSION = 200
SMALL = 1 << 28  # bytes that are no danger, however little they came from


def most(packed: int) -> int:
    """Most bytes that so many compressed bytes may become."""
    return max(SMALL, MOST_EXPANSION * packed)
