"""Write the latent explorer: trained decoders to play with, in one HTML file."""

import argparse
from pathlib import Path

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ExplorerSpec
from vlae.system.checkout import of_repository
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--spec",
        type=Path,
        required=True,
        help="explorer spec, in the results folder that is read",
    )
    parser.add_argument("--out", type=Path, required=True, help="HTML to write")


def run(arguments: argparse.Namespace) -> None:
    """Write the page of an explorer spec."""
    from vlae.report import explorer
    from vlae.report.html import write_page

    spec = ExplorerSpec.read(arguments.spec)
    results = ResultsFolder.holding(arguments.spec, lambda folder: folder.explorer_spec)
    page = explorer.render(spec, of_repository("report"), results)
    write_page(arguments.out, page)
    say(f"[explorer] {arguments.out} ({len(page) / 1e6:.1f} MB)")
