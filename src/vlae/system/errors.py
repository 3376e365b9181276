"""The exception for mistakes that the user can correct."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The message names the key or file, what was expected, what to do."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message: the known names, and the one nearest to `name`."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"known: {', '.join(known) or 'none'}.{hint}"
