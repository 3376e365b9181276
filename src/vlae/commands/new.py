"""Look at images of your own, and write a configuration that trains a VLAE on them."""

import argparse
import os
import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

import yaml

from vlae.config import configuration, resources, study
from vlae.config.paths import ResultsFolder
from vlae.config.selection import RunName
from vlae.data import sighting
from vlae.data.datasets.base import FilesLeftOut
from vlae.data.sighting import Sighting
from vlae.system import registry
from vlae.system.errors import UserError
from vlae.system.files import atomic
from vlae.system.progress import say

GROUP = "people"
LABELS_HINT = (
    " If they mean nothing, remove the lines `classes` and `classifier` "
    "under `datasets`."
)
FEW_IMAGES = 1000
"""Images for training below which the proposed VLAE sees each very often."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "name", metavar="NAME", help="name of the data set: photos, say"
    )
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="a folder or zip archive of images, an .npz or .npy file, or IDX files",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="YAML to write (default: NAME.yaml)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a key of the data set, such as levels='[0, 16]'; may be repeated",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the overlay, after all files have been read as a preparation would.

    Raises:
        UserError: if the files cannot be prepared, or if the overlay exists already.
    """
    name = arguments.name
    out = arguments.out or Path(f"{name}.yaml")
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UserError(
            f"NAME: expected letters, digits, '.', '_' and '-', got '{name}'."
        )
    if out.exists():
        raise UserError(
            f"{out} is there already; choose another NAME, or remove it to replace it."
        )
    networks = configuration.load().content["networks"]
    keys = dict(map(_key, arguments.set))
    with tempfile.TemporaryDirectory(prefix=".vlae-new-", dir=_folder(out)) as name_of:
        work = Path(name_of)
        try:
            found = sighting.sighted(arguments.paths, work)
            found.definition.update(keys)
            proposed = _tried(name, found, arguments.paths, work, networks)
        except UserError as error:
            said = _explained(str(error), name, arguments.paths, work)
            raise UserError(said) from error
    for file in found.definition["files"].values():
        file["path"] = _seen_from(out.parent, file["path"])
    text = study.overlay(proposed, networks, os.fspath(out))
    with atomic(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
        found_again = configuration.load([temporary])  # It must be right as it stands.
    for line in proposed.found:
        say(line)
    least, most = resources.minutes_on_one_thread(
        found_again.specs.run_spec(RunName(name, "vlae"), seed=1)
    )
    say(f"\nWritten: {out}. Look at it, and run here:")
    say(f"  {study.command(os.fspath(out))}")
    say(f"Training takes {least} to {most} minutes on one processor core.")
    if ResultsFolder().data(name).card.exists():
        say(
            f"\nNote: a data set '{name}' was prepared here before. Its results will "
            "be replaced, unless you choose another NAME."
        )


def _explained(message: str, name: str, paths: list[Path], work: Path) -> str:
    """Return a message of a preparation for somebody who has no overlay yet."""
    given = str(paths[0]) if len(paths) == 1 else "the file"
    message = re.sub(rf"{re.escape(str(work))}/\w+", lambda _: given, message)
    key = rf"datasets\.{re.escape(name)}\.(\w+)(?:: (\[[^]]*\]|[\d.]*\d))?"
    found = re.search(key, message)
    if found is None or found[1] == "files":
        return message
    setting = shlex.quote(f"{found[1]}={found[2] or 'VALUE'}")
    return f"{message} Here: vlae new {name} PATH --set {setting}"


def _folder(out: Path) -> Path:
    if not out.parent.is_dir():
        raise UserError(f"--out: no folder {out.parent}.")
    return out.parent


def _seen_from(folder: Path, path: str) -> str:
    """Return a path as an overlay in `folder` names it."""
    return path if Path(path).is_absolute() else os.path.relpath(path, folder)


def _key(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set: expected KEY=VALUE, got '{text}'.")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError:
        raise UserError(f"--set: {key}: '{value}' is not YAML.") from None


def _tried(
    name: str,
    found: Sighting,
    paths: list[Path],
    work: Path,
    networks: dict[str, Any],
) -> study.Study:
    """Return what the overlay says; files that cannot be read are left out once."""
    try:
        return _proposed(name, found, work, networks)
    except FilesLeftOut as unreadable:
        say(_explained(str(unreadable), name, paths, work))
        return _proposed(name, found, work, networks)


def _proposed(
    name: str, found: Sighting, work: Path, networks: dict[str, Any]
) -> study.Study:
    """Return what the overlay says, after a preparation has been tried."""
    height, width = found.typical
    classes, labels = found.classes()
    channels = found.channels
    network = study.nearest_network(networks, "vlae", channels, height, width)
    shape = networks[network]["input"]
    differs = [channels, *next(iter(found.sizes))] != shape or len(found.sizes) > 1
    if found.definition["module"] != "images" and differs:
        found.definition["resize"] = True
    definition = sighting.defined(found, name=name, shape=shape, classes=classes)
    module = registry.load("datasets", definition["module"])
    splits = {split.name: split for split in module.splits(definition, work)}
    for split in splits.values():
        next(iter(split.chunks(0, 1)))
    counts = {split: part.count for split, part in splits.items()}
    facts = splits["train"].facts
    lines = [
        f"{name}: {counts['train']} images for training, {counts['test']} held out.",
        f"Sizes: {_sizes(found)}. {'Colour' if channels == 3 else 'Grey'}.",
        f"Labels: {labels}.{LABELS_HINT if classes else ''}",
        f"Levels: {facts['levels']}.",
        f"Preparation: {facts['preprocessing']}.",
        *(f"Left out: {why}: {number:,}." for why, number in _left_out(facts)),
        *found.notes,
        *_few(counts["train"]),
        " ".join(study.about_size(network, shape, channels, height, width)),
    ]
    return study.Study(
        name,
        found.definition,
        classes,
        counts["train"],
        channels,
        height,
        width,
        tuple(lines),
    )


def _few(count: int) -> list[str]:
    """Return a warning if the VLAE will see each image very often."""
    if count >= FEW_IMAGES:
        return []
    times = study.STEPS * min(study.BATCH_IMAGES, count) // count
    return [
        f"{count} images are few: each is seen {times:,} times, so the VLAE may learn "
        "them by heart. Some thousand are better."
    ]


def _left_out(facts: dict[str, Any]) -> list[tuple[str, int]]:
    return sorted(facts.get("left_out", {}).items())


def _sizes(found: Sighting) -> str:
    """Return widths and heights in words, such as '640x480 to 4000x3000'."""
    sizes = sorted(found.sizes, key=lambda size: size[0] * size[1])
    smallest, largest = (f"{width}x{height}" for height, width in (sizes[0], sizes[-1]))
    return smallest if smallest == largest else f"{smallest} to {largest}"
