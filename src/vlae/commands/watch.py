"""Show the trainings that are running or have finished, with their curves."""

import argparse
import locale
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vlae.system import signals
from vlae.system.errors import UserError
from vlae.system.progress import say

if TYPE_CHECKING:
    from vlae.results.watched import Trainings

GROUP = "people"
EVERY_S = 5.0
"""Seconds between two looks, in a terminal."""
CLEAR = "\x1b[H\x1b[2J"
"""What makes a terminal empty."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "results",
        type=Path,
        nargs="?",
        default=Path("results"),
        metavar="RESULTS",
        help="results folder (default: %(default)s)",
    )
    parser.add_argument(
        "--run",
        default="",
        metavar="DATASET/RUN[/SEED]",
        help="show this run alone, or one of its seeds",
    )
    parser.add_argument(
        "--every",
        type=float,
        metavar="SECONDS",
        help="look again after so long, until Ctrl-C (default: 5 in a terminal; once "
        "elsewhere, and with --out or --tensorboard)",
    )
    parser.add_argument("--once", action="store_true", help="look once and end")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.png", help="draw the curves to this file"
    )
    parser.add_argument(
        "--tensorboard",
        type=Path,
        metavar="FOLDER",
        help="write TensorBoard's event files; needs the library tensorboard",
    )


def run(arguments: argparse.Namespace) -> None:
    """Show, draw or write the trainings, once or again and again."""
    from vlae.results import watched

    every = _seconds(arguments)
    shows = _outputs(arguments, repeated=every is not None)
    try:
        while True:
            found = watched.trainings(arguments.results, arguments.run, time.time())
            for show in shows:
                show(found)
            if every is None:
                return
            time.sleep(every)
    except signals.Stopped as stopped:
        if every is None or stopped.number != signal.SIGINT:
            raise
        # Ctrl-C is how a person ends what would go on.


def shows_blocks(characters: str) -> bool:
    """Return whether the locale and the encoding of the output have `characters`.

    Both are asked, since Python writes UTF-8 in the locale C.
    """
    try:
        for encoding in (locale.getencoding(), sys.stdout.encoding):
            characters.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _seconds(arguments: argparse.Namespace) -> float | None:
    """Return the seconds between two looks; None to look once."""
    every: float | None = arguments.every
    if every is not None and not every > 0:
        raise UserError(f"--every: expected more than 0 seconds, got {every:g}.")
    if arguments.once:
        return None
    writes = arguments.out or arguments.tensorboard
    return EVERY_S if every is None and not writes and sys.stdout.isatty() else every


def _outputs(
    arguments: argparse.Namespace, repeated: bool
) -> "list[Callable[[Trainings], None]]":
    """Return what is done with the trainings that are found at each look."""
    chosen: list[Callable[[Trainings], None]] = []
    if arguments.out:
        chosen.append(_drawing(arguments.out, repeated))
    if arguments.tensorboard:
        chosen.append(_writing_events(arguments.tensorboard))
    return chosen or [_printing(repeated)]


def _printing(repeated: bool) -> "Callable[[Trainings], None]":
    from vlae.report import watch_text

    blocks = shows_blocks(watch_text.BLOCKS)
    screen = repeated and sys.stdout.isatty()

    def show(found: "Trainings") -> None:
        lines = shutil.get_terminal_size().lines - 1 if screen else None
        text = watch_text.text(found, time.time(), blocks, lines)
        say(f"{CLEAR}{text}" if screen else text + "\n" * repeated)

    return show


def _drawing(path: Path, repeated: bool) -> "Callable[[Trainings], None]":
    from vlae.report import watch_figure

    def show(found: "Trainings") -> None:
        if repeated and not watch_figure.by_run(found.shown):
            say("[watch] no evaluation so far; waiting for the first")
            return
        watch_figure.save(found.shown, path)
        say(f"[watch] {path}: {len(found.shown)} trainings")

    return show


def _writing_events(folder: Path) -> "Callable[[Trainings], None]":
    from vlae.commands._tensorboard import Events

    events = Events(folder)

    def show(found: "Trainings") -> None:
        count = events.write(found.shown)
        say(
            f"[watch] {count} new values of {len(found.shown)} trainings; look at "
            f"them with: tensorboard --logdir {folder}"
        )

    return show
