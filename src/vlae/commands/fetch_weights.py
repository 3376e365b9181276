"""Fetch released weights by address and checksum; without names, list what there is."""

import argparse
from pathlib import Path

from vlae.system.progress import say

GROUP = "people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="what to fetch: DATASET/RUN (all its seeds), DATASET/RUN/SEED, or a file "
        "such as explorer.html",
    )
    parser.add_argument("--all", action="store_true", help="fetch all runs and files")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="ADDRESS",
        help="folder or http(s) address of a release (default: the environment "
        "variable VLAE_WEIGHTS)",
    )
    parser.add_argument(
        "--checksum",
        metavar="SHA256",
        help="refuse the release unless this is the SHA-256 of its weights.json",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("released"),
        help="folder to fetch into, laid out as a results folder (default: "
        "%(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Fetch what is asked for, or list what there is."""
    from vlae.results import released

    source = released.where(arguments.source)
    release = released.opened(source, arguments.checksum)
    manifest = release.manifest
    names = arguments.names
    if arguments.all:
        names = [run.name for run in manifest.runs] + [f.path for f in manifest.files]
    if not names:
        say(f"{manifest.title}: {len(manifest.runs)} trained models of {manifest.date}")
        for line in released.listing(manifest):
            say(line)
        say("Fetch one with: vlae fetch-weights DATASET/RUN/SEED")
        return
    for path in released.fetch_into(release, names, arguments.out):
        say(f"[fetch-weights] {path}")
