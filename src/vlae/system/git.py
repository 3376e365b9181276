"""The history of the clone, or git's own reason why it cannot be read, and the cure.

All questions are about the folder of the code, wherever results lie: that folder may be
in another repository, or in none.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path

from vlae.system.checkout import ROOT

TRACKED = "Snakefile"
"""A file that every commit of this project has."""
_CLONE = "`git clone` brings the history; results may stay where they are"
_CURE = re.compile(r"^\s*(git config --global --add safe\.directory .+)$", re.MULTILINE)


class NoHistory(Exception):
    """The history cannot be read: why, and what to do, in words."""


def git(*words: str, folder: Path = ROOT) -> str:
    """Return what `git WORDS` prints about a folder.

    Raises:
        NoHistory: if there is no git, or it fails; with the reason that it gives.
    """
    # English, since its words are searched; and nothing is written, not even an index.
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        finished = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            env=environment,
            check=False,
        )
    except OSError as error:
        raise NoHistory(
            f"git cannot be started here ({error.strerror}); install it, or add its "
            "folder to PATH"
        ) from None
    if finished.returncode:
        raise NoHistory(_reason(os.fsdecode(finished.stderr), folder))
    return finished.stdout.decode("utf-8", errors="replace").strip()


def no_history(folder: Path = ROOT) -> str:
    """Return why the commit of the code in a folder is unknown; empty if it is known.

    The files of a folder that is not a clone may lie inside somebody else's repository,
    which then knows nothing of them.
    """
    try:
        if not git("ls-files", "--", TRACKED, folder=folder):
            around = git("rev-parse", "--show-toplevel", folder=folder)
            return (
                f"{folder} is not a clone of its own: it lies in the git repository "
                f"{around}, which does not know its files. {_CLONE}"
            )
        git("rev-parse", "--verify", "HEAD", folder=folder)
    except NoHistory as why:
        return str(why)
    return ""


def warning() -> str:
    """Return what to say at the start if the commit of the code is unknown, or ""."""
    if why := no_history():
        return (
            "The report cannot say of which commit the code and the criteria are: "
            f"{why}."
        )
    return ""


def shallow(folder: Path = ROOT) -> bool:
    """Return whether the clone has only the last part of the history."""
    return git("rev-parse", "--is-shallow-repository", folder=folder) == "true"


def _reason(said: str, folder: Path) -> str:
    """Return git's own reason, and what to do about it.

    Args:
        said: what git printed when it failed.
        folder: the folder that it was asked about.
    """
    if "not a git repository" in said and not (folder / ".git").exists():
        return (
            f"{folder} is not a git clone, as after a download of a zip file. {_CLONE}"
        )
    lines = said.strip().splitlines() or ["no reason given"]
    reason = f"git says: {lines[0].removeprefix('fatal: ')}"
    if "dubious ownership" not in said:
        return reason
    proposed = _CURE.search(said)
    cure = f"git config --global --add safe.directory {shlex.quote(str(folder))}"
    return (
        f"{reason}, which is a folder of another user. If you trust that user: "
        f"`{proposed[1] if proposed else cure}`"
    )
