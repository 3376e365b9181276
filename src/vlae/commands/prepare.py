"""Turn raw files, or a drawing program, into memory-mapped images and a table."""

import argparse
import os
from pathlib import Path
from typing import Any

from vlae.data import prepared
from vlae.data.datasets.base import FilesLeftOut
from vlae.data.reading import Reading
from vlae.results.data_card import remarks
from vlae.system import registry
from vlae.system.code_hash import code_hash
from vlae.system.disk import guarded
from vlae.system.errors import UserError
from vlae.system.files import digest, read_json
from vlae.system.progress import Progress, say

CARD_KEYS = ("title", "source", "licence", "shape", "classes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--spec", type=Path, required=True, help="spec.json of the data set"
    )
    parser.add_argument("--raw", type=Path, required=True, help="folder of raw files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
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
    reading = Reading(name, _paths(spec, arguments.raw))
    with reading.explained("open the data"):
        found = registry.load("datasets", spec["module"]).splits(spec, arguments.raw)
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
    with guarded(arguments.out):
        card = prepared.write(
            arguments.out,
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


def _key(spec: dict[str, Any], raw: Path) -> str:
    """Return a hash of what determines the images: settings, raw files and code."""
    stats = [path.stat() for path in _paths(spec, raw) if path.exists()]
    files = [[stat.st_size, stat.st_mtime_ns] for stat in stats]
    code = code_hash("commands.prepare", registry.module("datasets", spec["module"]))
    return digest({"spec": spec, "files": files, "code": code})


def _paths(spec: dict[str, Any], raw: Path) -> list[Path]:
    return [raw / file["name"] for file in spec.get("files", {}).values()]
