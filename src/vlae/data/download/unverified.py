"""Files without a checksum: how it is seen that their source is another one now.

A file whose checksum is known is fetched once. Of others there is a description of
where they come from, which Snakemake keeps with the download: of addresses the
addresses, of what lies on a disk how many files, how large and how old.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

from vlae.data.compression import members
from vlae.data.download.sources import is_address, on_disk, public, sources
from vlae.system.errors import UserError
from vlae.system.files import write_json

Map = dict[str, Any]
PARTIAL = ".partial"
"""Beside fetched files: locks, what has come of them, notes of where from."""


def description(
    dataset: str, file: Map, mirrors: list[str], mirror: str | None, out: Path
) -> Map:
    """Where an unchecked file comes from, so far as that can be seen without fetching.

    What lay on a disk and is gone (a shell without `VLAE_MIRROR`, an emptied folder) is
    described as it was when `out` came of it: there is nothing newer to fetch.

    Args:
        dataset, file, mirrors, mirror, out: see `vlae.data.download.fetch.download`.
    """
    seen = _on_disk(dataset, file, mirrors, mirror)
    if seen is None and out.is_file():
        seen = _remembered(out)
    return {"addresses": _addresses(file, mirrors), "on disk": seen}


def remember(
    dataset: str, file: Map, mirrors: list[str], mirror: str | None, out: Path
) -> None:
    """Leave beside the fetched file `out` what it came of, for `description`."""
    write_json(_note(out), _on_disk(dataset, file, mirrors, mirror))


def _addresses(file: Map, mirrors: list[str]) -> list[str]:
    return [source for source in public(file, mirrors) if is_address(source)]


def _on_disk(
    dataset: str, file: Map, mirrors: list[str], mirror: str | None
) -> Map | None:
    """Of the first source that is there: files, bytes, last change in ns; or None."""
    try:
        places = sources(dataset, file, mirrors, mirror)
    except UserError:  # the download says it, where there is one
        return None
    for place in places:
        found = None if is_address(place) else on_disk(place)
        if found is not None:
            paths = [found] if found.is_file() else members(found)
            stats = [path.stat() for path in paths]
            return {
                "files": len(stats),
                "bytes": sum(stat.st_size for stat in stats),
                "changed": max((stat.st_mtime_ns for stat in stats), default=0),
            }
    return None


def _remembered(out: Path) -> Map | None:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(_note(out).read_text())
        return found if isinstance(found, dict) else None
    return None


def _note(out: Path) -> Path:
    return out.parent / PARTIAL / f"{out.name}.source.json"
