"""Fetch one file of a data set from the first source that has it intact."""

import argparse
from pathlib import Path

from vlae.data.download.fetch import download
from vlae.system.errors import UserError, closest
from vlae.system.files import read_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--sources", type=Path, required=True, help="sources.json of the data set"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="file to write; its name says which"
    )


def run(arguments: argparse.Namespace) -> None:
    """Fetch the file that is named by where it is to be written."""
    sources = read_json(arguments.sources, "sources")
    name = arguments.out.name
    if name not in sources["files"]:
        raise UserError(
            f"--out: '{name}' is not a file of {sources['dataset']}; "
            + closest(name, sources["files"])
        )
    download(
        sources["dataset"],
        sources["files"][name],
        sources["mirrors"],
        arguments.out,
        sources["mirror"],
    )
