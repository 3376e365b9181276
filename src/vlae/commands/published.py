"""Measure the authors' published pictures, or panels of a run as if they were one."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vlae.config.published_pictures import (
    FOLDER,
    NUMBERS_FILE,
    PICTURES,
    PICTURES_FILE,
)
from vlae.system.checkout import of_repository
from vlae.system.errors import UserError
from vlae.system.files import atomic
from vlae.system.progress import say

if TYPE_CHECKING:
    import pandas as pd

GROUP = "maintainers"

DIGITS = "%.4g"
"""Format of the numbers in tables."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help=f"folder with the authors' pictures {', '.join(PICTURES)} (.png); see "
        f"{'/'.join((*FOLDER, PICTURES_FILE))}",
    )
    source.add_argument(
        "--arrays",
        type=Path,
        metavar="FILE",
        help="generation.npz of a run, whose panels are drawn as in a picture",
    )
    parser.add_argument(
        "--like", choices=PICTURES, help="the picture, if --arrays is given"
    )
    parser.add_argument(
        "--classifier",
        type=Path,
        metavar="RUN",
        help="folder of a classifier's run, for the classes in arrays, or in the "
        "pictures of its data set",
    )
    parser.add_argument(
        "--extent",
        type=float,
        help="codes of a grid run from -EXTENT to EXTENT (default: as in the picture)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help=f"folder for {NUMBERS_FILE} and {PICTURES_FILE} of the pictures (default: "
        f"{'/'.join(FOLDER)}), or the CSV file for --arrays",
    )


def run(arguments: argparse.Namespace) -> None:
    """Measure pictures or arrays, and write tables."""
    import pandas as pd

    from vlae.experiments import published
    from vlae.training.trained_run import load_classifier

    _check(arguments)
    classifier = arguments.classifier and load_classifier(arguments.classifier)
    if arguments.arrays:
        pictures = [PICTURES[arguments.like]]
        panels = [published.our_panels(pictures[0], arguments.arrays)]
        numbers = arguments.out
    else:
        folder = arguments.pictures
        pictures = [*PICTURES.values()]
        panels = [
            published.published_panels(picture, folder / f"{picture.name}.png")
            for picture in pictures
        ]
        out = arguments.out or of_repository(*FOLDER)
        numbers = out / NUMBERS_FILE
        _write(published.pictures_table(arguments.extent), out / PICTURES_FILE)
    tables, without = [], []
    for picture, images in zip(pictures, panels, strict=True):
        fits = classifier and (
            arguments.arrays or classifier.spec.dataset == picture.dataset
        )
        chosen = classifier if fits else None
        tables.append(published.measured(picture, images, chosen, arguments.extent))
        if chosen is None:
            without.append(picture.name)
    _write(pd.concat(tables, ignore_index=True), numbers)
    if without:
        say(f"[published] classes were not measured in {', '.join(without)}.")


def _check(arguments: argparse.Namespace) -> None:
    """Raise UserError if options are missing that belong together."""
    if arguments.arrays and not (arguments.like and arguments.out):
        raise UserError(
            "--arrays needs --like, the picture that is imitated, and --out, the CSV "
            "file to write."
        )
    if arguments.extent is not None and not arguments.extent > 0:
        raise UserError(f"--extent: {arguments.extent} is not above 0.")


def _write(table: "pd.DataFrame", path: Path) -> None:
    """Write a table as CSV, with numbers that git shows the changes of."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, float_format=DIGITS)
    say(f"[published] {path}: {len(table)} rows")
