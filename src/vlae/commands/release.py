"""Pack finished results for a release: pages, weights, model cards, RO-Crate."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.system.disk import size
from vlae.system.progress import say

GROUP = "people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "results",
        type=Path,
        nargs="?",
        default=Path("results"),
        metavar="RESULTS",
        help="results folder with a report (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write; it must not exist"
    )


def run(arguments: argparse.Namespace) -> None:
    """Pack a release, and say what was left out of it."""
    from vlae.report import release

    remarks = release.pack(ResultsFolder(arguments.results), arguments.out)
    for remark in remarks:
        say(f"[release] {remark}")
    files = sorted(arguments.out.iterdir())
    total = size(sum(path.stat().st_size for path in files))
    count = f"{len(files)} files, {total}"
    word = "remark" if len(remarks) == 1 else "remarks"
    say(f"[release] {arguments.out}: {count}, {len(remarks)} {word}")
