"""Describe a results folder as an RO-Crate, for archives."""

import argparse
from pathlib import Path

from vlae.system.progress import say

GROUP = "people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="results folder with a report (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    from vlae.report import ro_crate

    trainings = ro_crate.write(arguments.results)
    say(f"[crate] {arguments.results / ro_crate.NAME}: {trainings} trainings")
