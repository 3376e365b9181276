"""The repository around the package: its root, and what lies only there."""

import hashlib
import os
from pathlib import Path

from vlae.system.errors import UserError

ROOT = Path(__file__).parents[3]
"""Root of the repository, or some other folder if only the package is installed."""


def of_repository(*parts: str) -> Path:
    """Return the path of a file or folder of the repository.

    Args:
        parts: steps of the path from the root, e.g. "report", "page".

    Raises:
        UserError: if it does not exist, as where only the package is installed.
    """
    path = ROOT.joinpath(*parts)
    if not path.exists():
        raise UserError(
            f"{path}: not found. This needs the repository (config/, workflow/, "
            "report/), not only the installed package: run it with the package that "
            "`make env` installs in a clone."
        )
    return path


def check_path(folder: Path = ROOT) -> None:
    """Raise UserError if Snakemake cannot run code that lies in a folder."""
    if set("{}") & set(str(folder)):
        raise UserError(
            f"{folder}: Snakemake takes braces in the path of the code for wildcards. "
            "Rename the folder, or give another one a link to it."
        )


def snakefile_elsewhere() -> str:
    """Return the path of the Snakefile from here; "" if it is in the working folder.

    It is empty as well where only the package is installed.
    """
    here, there = Path("Snakefile"), ROOT / "Snakefile"
    apart = there.is_file() and not (here.is_file() and here.samefile(there))
    return os.path.relpath(there) if apart else ""


def files_hash(*folders: Path) -> str:
    """Return a hash of every file below some folders, 16 hexadecimal digits.

    It depends on names below the folders and on contents, and not on where the folders
    lie or on the age of files. Hidden files, which systems and editors leave, are
    ignored.
    """
    found = [
        (path.relative_to(folder), path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    ]
    total = hashlib.sha256()
    for name, path in sorted(found):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name.as_posix()}\0{content}\n".encode())
    return total.hexdigest()[:16]
