"""The one exception that means: the user can mend this."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. The message names the key or file, what was expected, what to do."""


def closest(name: str, known: Iterable[str]) -> str:
    """A sentence fragment that lists `known` and, where there is one, the near miss."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"known: {', '.join(known) or 'none'}.{hint}"
