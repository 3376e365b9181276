"""Unpacking files that come compressed, and packing folders into one archive."""

import gzip
import shutil
import zipfile
import zlib
from pathlib import Path

from vlae.data import zip_archive
from vlae.system.disk import size
from vlae.system.errors import UserError

_CHUNK_BYTES = 1 << 20


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
        raise UserError(f"damaged gzip file ({error})") from None


def pack(folder: Path, out: Path) -> None:
    """Store the files below `folder` in a zip archive; equal files give equal bytes.

    Names of members begin with the name of the folder. Hidden files are left out.

    Raises:
        UserError: if there are no files in the folder.
    """
    names = [path.relative_to(folder).as_posix() for path in members(folder)]
    if not names:
        raise UserError("no files in this folder")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
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
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("[!.]*")
        if path.is_file()
    )
    return [folder / name for name in names if "/." not in f"/{name}"]


def _large(path: Path) -> bool:
    return path.stat().st_size >= zipfile.ZIP64_LIMIT
