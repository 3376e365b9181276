"""Where the files of a data set are sought."""

import os
from pathlib import Path
from typing import Any

from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

MIRROR_VARIABLE = "VLAE_MIRROR"
BY_HAND = ROOT / "by-hand"


def is_address(source: str) -> bool:
    """Whether `source` is fetched over HTTP; otherwise it is a folder or file."""
    return source.startswith(("http://", "https://"))


def check_mirror(mirror: str | None, key: str) -> None:
    """Raise `UserError` naming `key` unless `mirror` is unset or can be one."""
    if mirror and not is_address(mirror) and not Path(mirror).is_dir():
        raise UserError(
            f"{key}: no folder '{mirror}'; expected a folder, or an http(s) address, "
            "that holds a folder for each data set."
        )


def check_mirrors(mirror: str | None) -> None:
    """Raise `UserError` unless the user's own mirrors can be some.

    Args:
        mirror: that of the configuration; the environment may have another.
    """
    check_mirror(mirror, "mirror")
    check_mirror(os.environ.get(MIRROR_VARIABLE), MIRROR_VARIABLE)


def sources(
    dataset: str, file: dict[str, Any], mirrors: list[str], mirror: str | None
) -> list[str]:
    """Addresses and paths where `file` may be, best first: the user's own, the public.

    Args:
        mirror: the user's own, from the configuration; that of the environment
            comes before it.

    Raises:
        UserError: if either is none.
    """
    own = os.environ.get(MIRROR_VARIABLE)
    check_mirrors(mirror)
    remote = file["remote"]
    fetched = by_hand(dataset, remote)
    return [
        *(_join(m, dataset, remote) for m in (own, mirror) if m),
        *([fetched] if on_disk(fetched) else []),
        *public(file, mirrors),
    ]


def by_hand(dataset: str, remote: str) -> str:
    """Where a file is put that was fetched by hand."""
    return _join(str(BY_HAND), dataset, remote)


def public(file: dict[str, Any], mirrors: list[str]) -> list[str]:
    """Where anyone may find `file`: its own addresses, then the mirrors."""
    return [*file["addresses"], *(_join(m, file["remote"]) for m in mirrors)]


def on_disk(source: str) -> Path | None:
    """The file or folder that `source` means, packed or unpacked; None if neither."""
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
