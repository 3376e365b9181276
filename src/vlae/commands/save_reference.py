"""Save small tables and pictures of a finished run as a reference for others."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.system.progress import say

GROUP = "maintainers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="results folder with a report (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder to write, such as reference/NAME; an existing reference is "
        "replaced",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write a reference, and say what was left out of it."""
    from vlae.report import reference

    for remark in reference.save(ResultsFolder(arguments.results), arguments.out):
        say(f"[save-reference] {remark}")
    files = [path for path in arguments.out.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    say(f"[save-reference] {arguments.out}: {len(files)} files, {size / 1e3:.0f} kB")
