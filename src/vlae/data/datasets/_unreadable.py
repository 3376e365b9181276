"""Images that turn out to be unreadable while they are decoded.

Whether an image can be read shows only when it is decoded, which takes most of the time
of a preparation, so images are not tried before. The first failure starts one complete
check. What it finds is noted beside the archive, and the preparation starts again
without these images; if it is interrupted, it continues as any other.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from vlae.data import image_decoding, image_formats
from vlae.data.datasets.base import FilesLeftOut
from vlae.data.image_decoding import BrokenImages, Framing
from vlae.data.zip_archive import Archive
from vlae.system.code_hash import code_hash
from vlae.system.errors import UserError
from vlae.system.files import digest, read_json, write_json
from vlae.system.progress import Progress, say

DEFAULT_SHARE = 0.05
"""Largest share of files left out, unless `max_left_out` says another."""

Lost = list[tuple[str, str]]
"""Names of files that are left out, but may be images, each with the reason."""


@dataclass(frozen=True)
class Allowance:
    """The share of images that may be left out.

    Args:
        path: the archive, for messages.
        key: the data set's key of the share, for messages.
        share: largest number of images left out, by the number of all.
    """

    path: Path
    key: str
    share: float

    @classmethod
    def of(cls, definition: dict[str, Any], path: Path) -> "Allowance":
        """Return what a data set's settings allow."""
        key = f"datasets.{definition.get('name', '')}.max_left_out"
        share = definition.get("max_left_out")
        return cls(path, key, DEFAULT_SHARE if share is None else share)

    def require(self, lost: Lost, total: int, more: str = "") -> None:
        """Raise UserError if too many of `total` images are lost.

        Args:
            lost: the files.
            total: number of all images.
            more: what is said before the number.
        """
        if len(lost) <= self.share * total:
            return
        known = {*image_formats.LACKING.values()} & {why for _, why in lost}
        cure = "" if not known else "Install pillow-heif for photos of phones. "
        allowing = math.ceil(1000 * len(lost) / total) / 1000
        raise UserError(
            f"{self.path}: {more}{len(lost)} of {total} images cannot be used:\n"
            f"{image_decoding.listed(lost)}\n{cure}Repair or remove them, or allow for "
            f"them with {self.key}: {allowing:g} (now {self.share:g})."
        )


@dataclass(frozen=True)
class Reader:
    """A reader of images that checks all of them once one turns out to be unreadable.

    Args:
        archive: the archive.
        framing: how to crop and resize.
        members: all members that are prepared, in any split.
        lost: what is left out already.
        allowance: the share that may be left out.
        name: name of the data set, for the log.
    """

    archive: Archive
    framing: Framing
    members: list[str]
    lost: Lost
    allowance: Allowance
    name: str

    def chunks(
        self, members: list[str], start: int, threads: int
    ) -> Iterator[np.ndarray]:
        """Return an iterator over images, as `image_decoding.stream` does.

        Args:
            members: some of the archive's members.
            start: number of the first image.
            threads: number of threads that decode.

        Raises:
            FilesLeftOut: while iterating, if images cannot be read. They are noted, so
                that `known` returns them.
            UserError: while iterating, if there are too many of them.
        """
        image_decoding.load()
        return self._chunks(members, start, threads)

    def _chunks(
        self, members: list[str], start: int, threads: int
    ) -> Iterator[np.ndarray]:
        read = image_decoding.chunks
        try:
            yield from read(self.archive, members, self.framing, start, threads)
        except BrokenImages as error:
            name, why = error.found[0]
            say(f"[{self.name}] {name} cannot be read ({why}); checking all images")
            found = self._checked(threads)
            _note(self.archive, self.framing, known(self.archive, self.framing) | found)
            lines = image_decoding.listed([*found.items()])
            raise FilesLeftOut(
                f"{self.archive.path}: {len(found)} images cannot be read:\n{lines}\n"
                "From now on they are left out."
            ) from error

    def _checked(self, threads: int) -> dict[str, str]:
        """Return all images that cannot be read, with reasons."""
        total = len(self.members) + len(self.lost)
        bar = Progress(f"{self.name} check", len(self.members), "image")
        found: Lost = []
        read = image_decoding.broken
        for done, broken in read(self.archive, self.members, self.framing, threads):
            bar.update(done)
            found += broken
            more = "" if done == len(self.members) else "at least "
            self.allowance.require([*self.lost, *found], total, more)
        return dict(found)


def known(archive: Archive, framing: Framing) -> dict[str, str]:
    """Return the reasons for images that an earlier check has found to be unreadable.

    They are those of the same archive, framing and libraries; levels do not matter.
    """
    path = _path(archive)
    try:
        noted = read_json(path, "note of unreadable images") if path.exists() else {}
    except UserError:
        return {}
    fits = noted.get("identity") == _identity(archive, framing)
    return dict(noted["unreadable"]) if fits else {}


def _note(archive: Archive, framing: Framing, found: dict[str, str]) -> None:
    path = _path(archive)
    content = {"identity": _identity(archive, framing), "unreadable": found}
    try:
        write_json(path, content)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error}), but must note which images are left "
            f"out:\n{image_decoding.listed([*found.items()])}\nMake the folder "
            "writable, or repair or remove the images."
        ) from error


def _path(archive: Archive) -> Path:
    return archive.path.with_name(f".{archive.path.name}.unreadable.json")


def _identity(archive: Archive, framing: Framing) -> str:
    stat = archive.path.stat()
    heif = "HEIF" in image_formats.formats()
    facts = {
        "archive": [stat.st_size, stat.st_mtime_ns],
        "framing": str(framing),
        "libraries": [metadata.version("pillow"), heif],
        "code": code_hash("data.image_decoding"),
    }
    return digest(facts)
