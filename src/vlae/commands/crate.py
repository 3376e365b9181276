"""Describe a results folder as an RO-Crate, for archives."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.system.progress import say

GROUP = "people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="results folder with a report (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the metadata of a crate into the results folder."""
    from vlae.report import ro_crate

    results = ResultsFolder(arguments.results)
    trainings = ro_crate.write(results)
    say(f"[crate] {results.crate}: {trainings} trainings")
