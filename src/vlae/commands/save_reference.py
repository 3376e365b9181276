"""Keep small tables and pictures of a finished run as a reference for others."""

import argparse
from pathlib import Path

from vlae.system.progress import say

GROUP = "maintainers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
        help="folder to write, such as reference/NAME; replaced if it is one",
    )


def run(arguments: argparse.Namespace) -> None:
    from vlae.report import reference

    for remark in reference.keep(arguments.results, arguments.out):
        say(f"[save-reference] {remark}")
    files = [path for path in arguments.out.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    say(f"[save-reference] {arguments.out}: {len(files)} files, {size / 1e3:.0f} kB")
