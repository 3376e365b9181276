"""The repository around the package: its root, and what only lies there."""

from pathlib import Path

from vlae.system.errors import UserError

ROOT = Path(__file__).parents[3]
"""Root of the repository; some other folder where the package was installed alone."""


def of_repository(*parts: str) -> Path:
    """Return the path of a file or folder of the repository.

    Raises:
        UserError: if it is not there, as where the package was installed alone.
    """
    path = ROOT.joinpath(*parts)
    if not path.exists():
        raise UserError(
            f"{path}: not found. This needs the repository (config/, workflow/, "
            "report/), not the installed package alone: run it with the package that "
            "`make env` installs in a clone."
        )
    return path
