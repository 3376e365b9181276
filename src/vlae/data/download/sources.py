"""Sources of the files of a data set: mirrors, addresses and folders."""

import os
from pathlib import Path
from typing import Any

from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

MIRROR_VARIABLE = "VLAE_MIRROR"
"""Environment variable with the user's own mirror."""
BY_HAND = "by-hand"
"""Folder for files that the user has downloaded with a browser. It is in the folder in
which the user works; one beside the code serves all who share a clone."""


def is_address(source: str) -> bool:
    """Return whether a source is fetched over HTTP, and is not a folder or file."""
    return source.startswith(("http://", "https://"))


def check_mirror(mirror: str | None, key: str) -> None:
    """Raise UserError, naming `key`, if a mirror is neither a folder nor a URL."""
    if mirror and not is_address(mirror) and not Path(mirror).is_dir():
        raise UserError(
            f"{key}: no folder '{mirror}'; expected a folder, or an http(s) address, "
            "that holds a folder for each data set."
        )


def check_mirrors(mirror: str | None) -> None:
    """Raise UserError if a mirror of the user is neither a folder nor a URL.

    Args:
        mirror: the mirror in the configuration; the environment may name another.
    """
    check_mirror(mirror, "mirror")
    check_mirror(os.environ.get(MIRROR_VARIABLE), MIRROR_VARIABLE)


def sources(
    dataset: str, file: dict[str, Any], mirrors: list[str], mirror: str | None
) -> list[str]:
    """Return addresses and paths where a file may be, the user's own first.

    A file with a `path` is there and nowhere else.

    Args:
        dataset: name of the data set, which is its folder in a user's mirror.
        file: see `vlae.data.download.fetch.download`.
        mirrors: public addresses or folders that hold the file, best first.
        mirror: the user's mirror in the configuration; the one in the environment
            comes before it.

    Raises:
        UserError: if a mirror of the user is neither a folder nor a URL.
    """
    if file["path"]:
        return [file["path"] + "/" if Path(file["path"]).is_dir() else file["path"]]
    first = os.environ.get(MIRROR_VARIABLE)
    check_mirrors(mirror)
    remote = file["remote"]
    return [
        *(_join(m, dataset, remote) for m in (first, mirror) if m),
        *filter(on_disk, by_hand(dataset, remote)),
        *public(file, mirrors),
    ]


def by_hand(dataset: str, remote: str) -> list[str]:
    """Return the paths for a file that the user has downloaded with a browser.

    Returns:
        the path in the working folder, which messages name, and the one in the clone.
    """
    folders = dict.fromkeys([Path.cwd(), ROOT.resolve()])
    return [_join(str(folder / BY_HAND), dataset, remote) for folder in folders]


def public(file: dict[str, Any], mirrors: list[str]) -> list[str]:
    """Return the public sources of a file: its own addresses, then the mirrors."""
    if file["path"]:
        return []
    return [*file["addresses"], *(_join(m, file["remote"]) for m in mirrors)]


def on_disk(source: str) -> Path | None:
    """Return the file or folder of a source, packed or unpacked, or None."""
    path = Path(source)
    if source.endswith("/"):
        return path if path.is_dir() else None
    if path.is_file():
        return path
    unpacked = path.with_suffix("")
    if path.suffix == ".gz" and unpacked.is_file():
        return unpacked
    if path.suffix == ".zip" and unpacked.is_dir():
        return unpacked
    return None


def _join(mirror: str, *steps: str) -> str:
    return "/".join([mirror.rstrip("/"), *steps])
