"""Write the latent explorer: trained decoders to play with, in one HTML file."""

import argparse
from pathlib import Path

from vlae.system.files import atomic, read_json
from vlae.system.progress import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--spec", type=Path, required=True, help="explorer spec")
    parser.add_argument("--template", type=Path, required=True, help="report/ folder")
    parser.add_argument(
        "--decoders", type=Path, required=True, help="folder of all exported decoders"
    )
    parser.add_argument("--out", type=Path, required=True, help="HTML to write")


def run(arguments: argparse.Namespace) -> None:
    from vlae.report import explorer

    spec = read_json(arguments.spec, "explorer spec")
    page = explorer.render(spec, arguments.template, arguments.decoders)
    with atomic(arguments.out) as temporary:
        temporary.write_text(page)
    say(f"[explorer] {arguments.out} ({len(page) / 1e6:.1f} MB)")
