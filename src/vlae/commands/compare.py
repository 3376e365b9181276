"""Compare two results folders: settings, versions, numbers and verdicts, as a page."""

import argparse
from pathlib import Path

from vlae.report.html import TEMPLATES
from vlae.system.files import atomic
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, metavar="A", help="a results folder")
    parser.add_argument("second", type=Path, metavar="B", help="another one")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("compare.html"),
        help="HTML to write (default: %(default)s)",
    )
    parser.add_argument(
        "--template", type=Path, default=TEMPLATES, help="folder of templates"
    )


def run(arguments: argparse.Namespace) -> None:
    from vlae.report.comparison import compare
    from vlae.report.html import environment, style
    from vlae.results.inventory import Inventory
    from vlae.results.manifest import changed

    folders = [Inventory(arguments.first), Inventory(arguments.second)]
    found = compare(*folders)
    text = (
        environment(arguments.template)
        .get_template("compare.html.j2")
        .render(
            style=style(arguments.template),
            found=found,
            folders=[str(folder.root) for folder in folders],
            unfinished=[folder.unfinished() for folder in folders],
            changed=[changed(folder.folder) for folder in folders],
        )
    )
    with atomic(arguments.out) as temporary:
        temporary.write_text(text)
    for sentence in found.summary():
        say(sentence)
    say(f"[compare] {arguments.out}")
