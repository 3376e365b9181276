"""Files without a checksum: noticing that their source has changed.

A file with a known checksum is fetched once. For any other, Snakemake keeps a
description of its source with the download: for URLs, the URLs; for local files, their
number, size and age. A new description makes it fetch the file again.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

from vlae.data.compression import members
from vlae.data.download.sources import is_address, on_disk, public, sources
from vlae.system.errors import UserError
from vlae.system.files import write_json

PARTIAL = ".partial"
"""Folder next to downloads, for locks, unfinished files and notes of sources."""


def description(
    dataset: str,
    file: dict[str, Any],
    mirrors: list[str],
    mirror: str | None,
    fetched: Path | None,
) -> dict[str, Any]:
    """Describe the source of a file without a checksum, without fetching it.

    If a local source is gone (in a shell without `VLAE_MIRROR`, say), it is described
    as it was when the file was fetched, because there is nothing newer to fetch.

    Args:
        dataset, file, mirrors, mirror: see `vlae.data.download.fetch.download`.
        fetched: where the file was fetched to, or None if it is not there.
    """
    seen = _on_disk(dataset, file, mirrors, mirror)
    if seen is None and fetched:
        seen = _remembered(fetched)
    return {"addresses": _addresses(file, mirrors), "on disk": seen}


def remember(
    dataset: str,
    file: dict[str, Any],
    mirrors: list[str],
    mirror: str | None,
    out: Path,
) -> None:
    """Write down the local source of the fetched file `out`, for `description`."""
    write_json(_note(out), _on_disk(dataset, file, mirrors, mirror))


def _addresses(file: dict[str, Any], mirrors: list[str]) -> list[str]:
    return [source for source in public(file, mirrors) if is_address(source)]


def _on_disk(
    dataset: str, file: dict[str, Any], mirrors: list[str], mirror: str | None
) -> dict[str, Any] | None:
    """Return files, bytes and last change (ns) of the first local source, or None."""
    try:
        places = sources(dataset, file, mirrors, mirror)
    except UserError:  # a download, if there is one, reports it
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


def _remembered(out: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(_note(out).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None


def _note(out: Path) -> Path:
    return out.parent / PARTIAL / f"{out.name}.source.json"
