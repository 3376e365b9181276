"""Base class of all specs: typed, immutable, read from JSON and turned into it."""

from pathlib import Path
from typing import Any, Self

import msgspec

from vlae.system.errors import UserError
from vlae.system.files import read_json


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An immutable spec with typed fields; unknown fields are refused."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the spec in a JSON file.

        Raises:
            UserError: if the file is missing or broken, or a field is missing, unknown
                or of another type; the message names it.
        """
        content = read_json(path, _title(cls))
        try:
            return msgspec.convert(content, cls)
        except msgspec.ValidationError as error:
            raise UserError(
                f"{_title(cls)} {path}: {error}. Delete the file and run again: it is "
                "written from the configuration."
            ) from None

    @classmethod
    def of(cls, content: dict[str, Any]) -> Self:
        """Return the spec that a dictionary of JSON values describes.

        Raises:
            UserError: if a field is missing, unknown or of another type; the message
                names it.
        """
        try:
            return msgspec.convert(content, cls)
        except msgspec.ValidationError as error:
            raise UserError(f"{_title(cls)}: {error}.") from None

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the spec's JSON file: maps, lists and plain values."""
        content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return content


def _title(spec: type[Spec]) -> str:
    """Return what messages call a spec, such as 'run spec' for `RunSpec`."""
    letters = (f" {c.lower()}" if c.isupper() else c for c in spec.__name__)
    return "".join(letters).strip()
