"""Where Snakemake keeps the files of a results folder: on this disk, or in a store."""

from collections.abc import Callable
from pathlib import Path


class Store:
    """The disk, or the store that `--default-storage-provider` names.

    In a store every file has a local path too, below a folder with the same layout. A
    file lies there only while a job of this machine needs it; what commands leave
    beside it, such as notes about a download, stays.

    Args:
        placed: Snakemake's function that turns a path of a rule into its local path,
            with an attribute `flags` in which the object of the store is found.
    """

    def __init__(self, placed: Callable[[str], str] = str) -> None:
        self._placed = placed

    def local(self, path: Path) -> Path:
        """Return where a job of this machine writes or reads a file."""
        return Path(self._placed(str(path)))

    def has(self, path: Path) -> bool:
        """Return whether a file is there; a store is asked."""
        stored = getattr(self._placed(str(path)), "flags", {}).get("storage_object")
        return bool(stored.exists()) if stored else path.is_file()
