"""Compare two results folders: settings, versions, numbers and verdicts, as a page."""

import argparse
from pathlib import Path

from vlae.system.checkout import of_repository
from vlae.system.progress import say

GROUP = "people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("first", type=Path, metavar="A", help="a results folder")
    parser.add_argument("second", type=Path, metavar="B", help="another one")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("compare.html"),
        help="HTML to write (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the comparison of two results folders as a page, and a summary of it."""
    from vlae.report.comparison import compare, render
    from vlae.report.html import write_page
    from vlae.results.inventory import Inventory

    first, second = Inventory(arguments.first), Inventory(arguments.second)
    found = compare(first, second)
    page = render(found, first, second, of_repository("report"))
    write_page(arguments.out, page)
    for sentence in found.summary():
        say(sentence)
    say(f"[compare] {arguments.out}")
