"""Between the form in which a file comes and the form in which it is kept."""

import gzip
import shutil
import zipfile
import zlib
from pathlib import Path

from vlae.data import zip_archive
from vlae.system.disk import size
from vlae.system.errors import UserError

_CHUNK = 1 << 20


def gunzip(source: Path, out: Path) -> None:
    """Decompress `source` to `out`.

    Raises:
        UserError: if it is damaged, or expands as no data do.
    """
    packed = source.stat().st_size
    most = zip_archive.most(packed)
    with out.open("wb") as file, gzip.open(source) as stream:
        while chunk := _read(stream):
            if file.tell() + len(chunk) > most:
                raise UserError(
                    f"its {size(packed)} decompress to more than {size(most)}: "
                    "stopped, no data set does that"
                )
            file.write(chunk)


def _read(stream: gzip.GzipFile) -> bytes:
    try:
        return stream.read(_CHUNK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"damaged gzip file ({error})") from None


def pack(folder: Path, out: Path) -> None:
    """Store the files below `folder` in a zip archive, the same for the same files.

    Names begin with that of the folder; hidden files are left out.

    Raises:
        UserError: if there is no file in it.
    """
    names = [path.relative_to(folder).as_posix() for path in members(folder)]
    if not names:
        raise UserError("no files in this folder")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            member = zipfile.ZipInfo(f"{folder.name}/{name}")  # of 1980: no times
            with (
                (folder / name).open("rb") as file,
                archive.open(member, "w", force_zip64=_large(folder / name)) as packed,
            ):
                shutil.copyfileobj(file, packed, _CHUNK)


def members(folder: Path) -> list[Path]:
    """The files below `folder` that are packed, in the order of their names."""
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("[!.]*")
        if path.is_file()
    )
    return [folder / name for name in names if "/." not in f"/{name}"]


def _large(path: Path) -> bool:
    return path.stat().st_size >= zipfile.ZIP64_LIMIT
