"""Describe a results folder as an RO-Crate, for archives."""

import argparse
from pathlib import Path

from vlae.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="results folder with a report (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    from vlae import crate

    trainings = crate.write(arguments.results)
    say(f"[crate] {arguments.results / crate.NAME}: {trainings} trainings")
