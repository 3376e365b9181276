"""Turn raw files, or a drawing program, into memory-mapped images and a table."""

import argparse
from pathlib import Path

from vlae import prepared, registry
from vlae.errors import UserError
from vlae.files import digest, read_json
from vlae.progress import Progress, say

CARD_KEYS = ("title", "source", "licence")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--spec", type=Path, required=True, help="data spec.json")
    parser.add_argument("--raw", type=Path, required=True, help="folder of raw files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(arguments: argparse.Namespace) -> None:
    spec = read_json(arguments.spec, "data spec")
    name = spec["name"]
    splits = registry.load("datasets", spec["module"]).splits(spec, arguments.raw)
    bars: dict[str, Progress] = {}

    def progress(split: str, done: int, total: int) -> None:
        bar = bars.setdefault(split, Progress(f"{name} {split}", total, "image"))
        bar.update(done)

    facts = {
        **{key: spec[key] for key in CARD_KEYS},
        "name": name,
        "shape": spec["shape"],
        "preprocessing": "none: grey or colour levels 0-255 as they come",
        "spec_sha256": digest(spec),
    }
    card = prepared.write(arguments.out, splits, facts, progress)
    if card["classes"] != spec["classes"]:
        raise UserError(
            f"datasets.{name}.classes: {spec['classes']}, but labels run from 0 to "
            f"{card['classes'] - 1}. Correct the number."
        )
    say(f"[{name}] {card['counts']} images of shape {card['shape']}")
