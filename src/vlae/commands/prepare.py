"""Turn raw files, or a drawing program, into memory-mapped images and a table."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vlae.data import prepared
from vlae.data.datasets.base import FilesLeftOut
from vlae.data.reading import Reading
from vlae.results.data_card import remarks
from vlae.system import registry
from vlae.system.code_hash import code_hash
from vlae.system.disk import guarded
from vlae.system.errors import UserError, closest
from vlae.system.files import digest, read_json
from vlae.system.progress import Progress, say

CARD_KEYS = ("title", "source", "licence", "shape", "classes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--spec", type=Path, required=True, help="spec.json of the data set"
    )
    parser.add_argument(
        "--raw",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="raw files that the spec names, in one folder; none if a program draws",
    )
    parser.add_argument(
        "--card",
        type=Path,
        required=True,
        help="card.json to write; arrays and tables go beside it",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count() or 1,
        help="threads that decode images (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the prepared data of a spec."""
    try:
        _prepare(arguments)
    except FilesLeftOut as found:
        say(f"{found} The preparation starts again.")
        _prepare(arguments)


def _prepare(arguments: argparse.Namespace) -> None:
    spec = read_json(arguments.spec, "data spec")
    name = spec["name"]
    if arguments.threads < 1:
        raise UserError(f"--threads: expected 1 or more, got {arguments.threads}.")
    raw, folder = _folder(spec, arguments.raw), prepared.of_card(arguments.card)
    reading = Reading(name, arguments.raw)
    with reading.explained("open the data"):
        found = registry.load("datasets", spec["module"]).splits(spec, raw)
    splits = [reading.split(split) for split in found]
    bars: dict[str, Progress] = {}

    def progress(split: str, done: int, total: int) -> None:
        if split not in bars:
            bars[split] = Progress(f"{name} {split}", total, "images", start=done)
            if done:
                say(f"[{name} {split}] continues after {done} of {total} images")
        bars[split].update(done)

    facts = {
        **{key: spec[key] for key in CARD_KEYS},
        "name": name,
        "attributes": spec.get("attributes", []),
        "preprocessing": "none: grey or colour levels 0-255 as they come",
        "spec_sha256": digest(spec),
    }
    with guarded(folder):
        card = prepared.write(
            folder,
            splits,
            facts,
            progress,
            key=_key(spec, arguments.raw),
            threads=arguments.threads,
        )
    for remark in remarks(card):
        say(f"[{name}] {remark.title}: {remark.text}")
    say(f"[{name}] Preprocessing: {card['preprocessing']}")
    say(f"[{name}] {card['counts']} images of shape {card['shape']}")


def _folder(spec: dict[str, Any], files: Sequence[Path]) -> Path:
    """Return the folder of the raw files; that of the process if there are none.

    Raises:
        UserError: if the spec does not name one of them, or if they lie apart.
    """
    named = [file["name"] for file in spec.get("files", {}).values()]
    for path in files:
        if path.name not in named:
            raise UserError(
                f"--raw: '{path.name}' is not a file of {spec['name']}; "
                + closest(path.name, named)
            )
    folders = sorted({path.parent for path in files})
    if len(folders) > 1:
        raise UserError(
            f"--raw: expected files of one folder, got {folders[0]} and {folders[1]}."
        )
    return folders[0] if folders else Path()


def _key(spec: dict[str, Any], files: Sequence[Path]) -> str:
    """Return a hash of what determines the images: settings, raw files and code."""
    stats = [path.stat() for path in files if path.exists()]
    facts = [[stat.st_size, stat.st_mtime_ns] for stat in stats]
    code = code_hash("commands.prepare", registry.module("datasets", spec["module"]))
    return digest({"spec": spec, "files": facts, "code": code})
