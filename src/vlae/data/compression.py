"""Unpacking files that come compressed, and packing folders into one archive."""

import gzip
import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vlae.data import zip_archive
from vlae.system.disk import size
from vlae.system.errors import UserError

_CHUNK_BYTES = 1 << 20
_CLOSED = "folders that may not be read"


def gunzip(source: Path, out: Path) -> None:
    """Decompress the gzip file `source` to `out`.

    Raises:
        UserError: if it is damaged, or expands more than any data set does.
    """
    packed = source.stat().st_size
    limit = zip_archive.max_expanded_bytes(packed)
    with out.open("wb") as file, gzip.open(source) as stream:
        while chunk := _read(stream):
            if file.tell() + len(chunk) > limit:
                raise UserError(
                    f"its {size(packed)} decompress to more than {size(limit)}; no "
                    "data set expands like that, so it was stopped"
                )
            file.write(chunk)


def _read(stream: gzip.GzipFile) -> bytes:
    try:
        return stream.read(_CHUNK_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"damaged gzip file ({error})") from error


def pack(folder: Path, out: Path) -> None:
    """Store the files below `folder` in a zip archive; equal files give equal bytes.

    Names of members begin with the name of the folder. Links are followed. Hidden files
    and links that lead nowhere are left out, and the comment of the archive says how
    many (see `vlae.data.zip_archive.Archive.left_out`).

    Raises:
        UserError: if there are no files in the folder, or if a part may not be read.
    """
    names, left_out = _walked(folder)
    if not names:
        raise UserError("no files in this folder")
    if _CLOSED in left_out:
        raise UserError(f"{left_out[_CLOSED]} {_CLOSED}; change their permissions")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = zip_archive.note(left_out)
        for name in names:
            # ZipInfo dates every member 1980, so times do not reach the archive.
            member = zipfile.ZipInfo(f"{folder.name}/{name}")
            with (
                (folder / name).open("rb") as file,
                archive.open(member, "w", force_zip64=_large(folder / name)) as packed,
            ):
                shutil.copyfileobj(file, packed, _CHUNK_BYTES)


def members(folder: Path) -> list[Path]:
    """Return the files below `folder` that `pack` packs, sorted by name."""
    return [folder / name for name in _walked(folder)[0]]


def _walked(folder: Path) -> tuple[list[str], dict[str, int]]:
    """Return the names of the files below a folder, and numbers of others by reason."""
    found = list(_walk(folder, {folder.resolve()}))
    names = [path.relative_to(folder).as_posix() for path, why in found if not why]
    return sorted(names), dict(sorted(Counter(why for _, why in found if why).items()))


def _walk(folder: Path, above: set[Path]) -> Iterator[tuple[Path, str]]:
    """Yield all files below a folder, each with the reason why it is not packed.

    Args:
        folder: the folder.
        above: where it and the folders that lead to it really are.
    """
    try:
        content = list(folder.iterdir())
    except PermissionError:
        yield folder, _CLOSED
        return
    for path in content:
        if path.name.startswith("."):
            hidden = path.is_dir() and not path.is_symlink()
            files = [p for p in path.rglob("*") if p.is_file()] if hidden else [path]
            yield from ((file, zip_archive.HIDDEN_FILES) for file in files)
        elif path.is_dir():
            if path.resolve() in above:
                yield path, "links to a folder in which they lie"
            else:
                yield from _walk(path, above | {path.resolve()})
        elif path.is_file():
            yield path, ""
        else:
            link = path.is_symlink()
            yield path, zip_archive.DEAD_LINKS if link else "devices and pipes"


def _large(path: Path) -> bool:
    return path.stat().st_size >= zipfile.ZIP64_LIMIT
