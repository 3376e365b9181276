"""Text that comes from a command line or goes to a terminal, in any locale."""

import io
import os
from typing import Any, TextIO


def accept_any_text(*streams: TextIO) -> None:
    """Let streams take any text: a title with a dash must not end a job.

    What the encoding of the terminal does not have becomes an escape.
    """
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):  # and not one that captures
            stream.reconfigure(errors="backslashreplace")


def readable(value: Any) -> Any:
    """Return a value of the command line whose texts UTF-8 can hold.

    A word is bytes, and Python decodes it by the locale. Bytes that the locale does not
    have, such as those of a file name from another one, become surrogates, which no
    file in UTF-8 can hold. Such texts are decoded as UTF-8, and what is not UTF-8
    either becomes question marks.

    Args:
        value: a text, a map or a list of such values, or anything else.
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return os.fsencode(value).decode(errors="replace").replace("\ufffd", "?")
        return value
    if isinstance(value, dict):
        return {readable(key): readable(content) for key, content in value.items()}
    return [readable(item) for item in value] if isinstance(value, list) else value
