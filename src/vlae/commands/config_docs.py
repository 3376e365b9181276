"""Write config/README.md: what every configuration key means, from the schemas."""

import argparse
from pathlib import Path

from vlae.config.documentation import text
from vlae.system.checkout import of_repository
from vlae.system.files import atomic

GROUP = "maintainers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--out", type=Path, help="Markdown to write (default: config/README.md)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the page from the schemas."""
    out = arguments.out or of_repository("config") / "README.md"
    with atomic(out) as temporary:
        temporary.write_text(text(), encoding="utf-8")
