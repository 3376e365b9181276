"""The repository around the package: its root, and what lies only there."""

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
