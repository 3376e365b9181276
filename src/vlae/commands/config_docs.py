"""Write config/README.md: every configuration key, from the schemas."""

import argparse
from pathlib import Path

from vlae.config.documentation import CONFIG, text
from vlae.system.files import atomic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=CONFIG / "README.md", help="Markdown to write"
    )


def run(arguments: argparse.Namespace) -> None:
    with atomic(arguments.out) as temporary:
        temporary.write_text(text())
