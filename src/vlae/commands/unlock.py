"""Clear the lock that a killed Snakemake left, unless its owner lives."""

import argparse
import socket
from pathlib import Path

from vlae.system import snakemake_state
from vlae.system.errors import UserError
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        help="that Snakemake runs in (default: this one)",
    )


def run(arguments: argparse.Namespace) -> None:
    folder = arguments.folder.resolve()
    lock = snakemake_state.found(folder)
    if lock is None:
        return
    if lock.owners:
        raise UserError(
            f"{folder} is locked since {lock.since}, and here is still at work: "
            f"{', '.join(lock.owners)}. Wait until all have ended, or end them "
            "(`kill PID`: trainings save first); then run the same command again."
        )
    if lock.elsewhere:
        raise UserError(
            f"{folder} is locked since {lock.since} by {lock.elsewhere}, which cannot "
            f"be seen from {socket.gethostname()}. Look there; if it is gone: "
            "snakemake --unlock"
        )
    snakemake_state.clear(folder)
    say(
        f"Cleared the lock of {lock.since}: no Snakemake and no job of it is alive in "
        f"{folder} on {socket.gethostname()}"
    )
