"""Where a user's own mirror is set, and whether it is one."""

from pathlib import Path

from vlae.errors import UserError

MIRROR_VARIABLE = "VLAE_MIRROR"


def is_address(source: str) -> bool:
    """Whether `source` is fetched over HTTP; otherwise it is a folder."""
    return source.startswith(("http://", "https://"))


def check_mirror(mirror: str | None, key: str) -> None:
    """Raise `UserError` naming `key` unless `mirror` is unset or can be one."""
    if mirror and not is_address(mirror) and not Path(mirror).is_dir():
        raise UserError(
            f"{key}: no folder '{mirror}'; expected a folder, or an http(s) address, "
            "that holds a folder for each data set."
        )
