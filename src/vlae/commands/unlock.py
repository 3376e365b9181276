"""Clear the lock that a killed Snakemake left, unless its owner is still at work."""

import argparse
import socket
from pathlib import Path

from vlae.system import snakemake_state
from vlae.system.errors import UserError
from vlae.system.progress import say

GROUP = "people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        help="folder that Snakemake runs in (default: this one)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Clear the lock of a folder if nothing that holds it is alive."""
    folder = arguments.folder.resolve()
    lock = snakemake_state.found(folder)
    if lock is None:
        return
    if lock.owners:
        raise UserError(
            f"{folder} has been locked since {lock.since} by what is still at work: "
            f"{', '.join(lock.owners)}. Wait until all have ended, or end them (`kill "
            "PID` or `scancel JOB`; trainings save first). Then run the same command "
            "again."
        )
    if lock.elsewhere:
        raise UserError(
            f"{folder} has been locked since {lock.since} by {lock.elsewhere}, which "
            f"cannot be seen from {socket.gethostname()}. Look there; if it has ended, "
            "run: snakemake --unlock"
        )
    snakemake_state.clear(folder)
    say(
        f"Cleared the lock of {lock.since}: neither a Snakemake nor one of its jobs is "
        f"alive in {folder} on {socket.gethostname()}"
    )
