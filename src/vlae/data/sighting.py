"""A look at files of the user's own: what kind of data set they are, what they hold.

Nothing is decided here that the modules of data sets decide: a definition is proposed,
and then their own code reads the files with it.
"""

import gzip
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vlae.data.compression import gunzip, pack
from vlae.data.datasets import arrays, idx, images
from vlae.system.errors import UserError
from vlae.system.progress import say

MAX_OPENED_IMAGES = 2000
"""Number of image files whose size is looked at."""
MAX_CLASSES, MAX_CLASSES_PER_IMAGE = 1000, 0.5
"""Numbers of different labels above which they are not taken for classes."""
MAX_SHOWN = 6
"""Number of labels that are shown."""
CHANNELS = (1, 3)
IMAGE_ARRAYS = ("images", "imgs", "image", "x", "data")
LABEL_ARRAYS = ("labels", "label", "y", "targets", "target", "classes", "class")
"""Usual names of arrays, the most certain first."""
GZIP, NPY = b"\x1f\x8b", b"\x93NUMPY"


@dataclass
class Sighting:
    """What a look at somebody's files has found.

    Args:
        definition: `module`, `files` with their paths, and keys that they need.
        channels: 1 for grey, 3 for colour.
        sizes: heights and widths of images in pixels, with how many have each.
        labels: label of each image as it comes; None if there are none.
        notes: what else a person should know, one sentence each.
    """

    definition: dict[str, Any]
    channels: int
    sizes: Counter[tuple[int, int]]
    labels: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def typical(self) -> tuple[int, int]:
        """Median height and median width."""
        sizes = np.array([*self.sizes.elements()])
        height, width = np.median(sizes, axis=0)
        return int(height), int(width)

    def classes(self) -> tuple[int, str]:
        """Return the number of classes, 0 for none, and a sentence about the labels."""
        if self.labels is None:
            return 0, "no labels"
        different = np.unique(self.labels)
        shown = ", ".join(map(str, different[:MAX_SHOWN]))
        shown += " and others" if len(different) > MAX_SHOWN else ""
        if len(different) < 2:
            return 0, f"all images have one label, {shown}, which is not used"
        if len(different) > min(MAX_CLASSES, MAX_CLASSES_PER_IMAGE * len(self.labels)):
            return 0, (
                f"{len(different)} different labels of {len(self.labels)} images "
                f"({shown}), which are not taken for classes"
            )
        return len(different), f"{len(different)} classes: {shown}"


def sighted(paths: list[Path], work: Path) -> Sighting:
    """Return what files or folders hold, and stage them for a trial preparation.

    Args:
        paths: a folder, a zip archive, an `.npz` or `.npy` file, or IDX files.
        work: an empty folder. Afterwards it holds the files as downloads would lie in
            it: under their key, and not compressed.

    Raises:
        UserError: if there is nothing that can be read, or more than one thing.
    """
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder.")
    found = [file for path in paths for file in _data_files(path)]
    if found and all(map(_is_idx, found)):
        return _sighted_idx(found, work)
    if len(paths) > 1:
        raise UserError(
            "Several paths are taken for the IDX files of one data set, which these "
            f"are not: {', '.join(map(str, paths))}. Give one folder or file."
        )
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise UserError(
            f"{paths[0]}: holds several files of arrays ({names}); give one."
        )
    if found:
        return _sighted_arrays(found[0], work)
    if paths[0].is_file() and not zipfile.is_zipfile(paths[0]):
        raise UserError(
            f"{paths[0]}: not a folder, a zip archive, an .npz or .npy file, or an IDX "
            "file. Give the folder or archive that holds the images."
        )
    return _sighted_images(paths[0], work)


def defined(found: Sighting, **keys: Any) -> dict[str, Any]:
    """Return the definition as a preparation of the staged files gets it.

    Args:
        found: what was found.
        keys: keys of the definition that are not yet known, such as `shape`.
    """
    files = {role: {"name": role} for role in found.definition["files"]}
    return {"classes": 0, **found.definition, **keys, "files": files}


def _data_files(path: Path) -> list[Path]:
    """Return the files of arrays at a path, or directly in a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [p for p in files if p.is_file() and (_is_idx(p) or _is_array(p))]


def _starts(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _is_idx(path: Path) -> bool:
    """Return whether a file, perhaps compressed, begins as IDX files do."""
    packed = _starts(path, GZIP)
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            start = file.read(4)
    except (OSError, EOFError):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in idx.TYPES


def _is_array(path: Path) -> bool:
    """Return whether a file is an `.npy` file, or an archive of nothing else."""
    if _starts(path, NPY):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _staged(files: dict[str, Path], work: Path) -> dict[str, dict[str, str]]:
    """Put files into a folder as downloads are; return them as keys of a definition."""
    for role, path in files.items():
        if path.is_dir():
            say(f"{path}: reading the folder ...")
            try:
                pack(path.absolute(), work / role)
            except UserError as error:
                raise UserError(f"{path}: {error}.") from error
        elif _starts(path, GZIP):
            gunzip(path, work / role)
        else:
            (work / role).symlink_to(path.absolute())
    return {role: {"path": str(path)} for role, path in files.items()}


# IDX files


def _sighted_idx(paths: list[Path], work: Path) -> Sighting:
    roles = _roles(paths)
    definition: dict[str, Any] = {"module": "idx", "files": _staged(roles, work)}
    notes = []
    if any("emnist" in path.name.lower() for path in paths):
        definition["transposed"] = True
        notes.append("EMNIST stores its images with rows and columns swapped.")
    stored = {role: idx.stored(work / role) for role in roles}
    first = next(role for role in roles if role.endswith("images"))
    channels, size = _channels_and_size(stored[first].shape)
    if definition.get("transposed"):
        size = size[::-1]
    labels = [stored[role] for role in roles if role.endswith("labels")]
    flat = [part if part.ndim == 1 else part[:, 0] for part in labels]
    count = sum(len(stored[role]) for role in roles if role.endswith("images"))
    return Sighting(
        definition,
        channels,
        Counter({size: count}),
        np.concatenate(flat) if flat else None,
        notes,
    )


def _roles(paths: list[Path]) -> dict[str, Path]:
    """Return the files of one data set by their key.

    Raises:
        UserError: if two files have the same part, as in a folder of several data sets.
    """
    roles: dict[str, Path] = {}
    for path in paths:
        kind = "labels" if _dimensions(path) < 3 else "images"
        name = path.name.lower()
        test = "test_" if "t10k" in name or "test" in name else ""
        split = test or ("train_" if "train" in name else "")
        other = roles.setdefault(split + kind, path)
        if other != path:
            raise UserError(
                f"{other} and {path}: both are {split}{kind}. Give the files of one "
                "data set: vlae new NAME FILE FILE ..."
            )
    whole = {role.removeprefix("train_"): path for role, path in roles.items()}
    if "images" not in whole:
        raise UserError(f"{paths[0].parent}: the IDX files hold no images to train on.")
    return roles if "test_images" in roles else whole


def _dimensions(path: Path) -> int:
    packed = _starts(path, GZIP)
    with gzip.open(path) if packed else path.open("rb") as file:
        return file.read(4)[3]


def _channels_and_size(shape: tuple[int, ...]) -> tuple[int, tuple[int, int]]:
    """Return channels, and height and width, of stored images (N, ...)."""
    if len(shape) == 3:
        return 1, (shape[1], shape[2])
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        return 1, (side, side)
    if len(shape) == 4 and shape[1] in CHANNELS:
        return shape[1], (shape[2], shape[3])
    if len(shape) == 4 and shape[3] in CHANNELS:
        return shape[3], (shape[1], shape[2])
    raise UserError(
        f"An array of shape {shape} does not hold images; expected (N, height, width), "
        "(N, 3, height, width) or (N, height, width, 3)."
    )


# Arrays


def _sighted_arrays(path: Path, work: Path) -> Sighting:
    definition = {"module": "arrays", "files": _staged({"arrays": path}, work)}
    if _starts(path, NPY):
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
        channels, size = _channels_and_size(stored.shape)
        return Sighting(definition, channels, Counter({size: len(stored)}))
    shapes = arrays.shapes(path)
    names = _named_arrays(shapes)
    held = [shapes[name] for role, name in names.items() if role.endswith("images")]
    channels, size = _channels_and_size(held[0])
    with np.load(path, allow_pickle=False) as opened:
        read = [opened[n] for role, n in names.items() if role.endswith("labels")]
    labels = [part for part in map(_one_per_image, read) if part is not None]
    if len(labels) < len(read):
        labels = []
        names = {role: n for role, n in names.items() if role.endswith("images")}
    if renamed := {role: name for role, name in names.items() if role != name}:
        definition["arrays"] = renamed
    return Sighting(
        definition,
        channels,
        Counter({size: sum(shape[0] for shape in held)}),
        np.concatenate(labels) if labels else None,
    )


def _one_per_image(stored: np.ndarray) -> np.ndarray | None:
    """Return one label per image, or None if it is not certain which number it is."""
    rows = stored.reshape(len(stored), -1)
    if rows.shape[1] == 1:
        return rows[:, 0]
    one_hot = np.isin(rows, (0, 1)).all() and (rows.sum(1) == 1).all()
    return rows.argmax(1) if one_hot else None


def _named_arrays(shapes: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the names of the arrays of images and labels, by their role.

    Raises:
        UserError: if no array can hold images.
    """
    found: dict[str, str] = {}
    for split in ("train", "test", ""):
        of_split = {n: s for n, s in shapes.items() if split in ("", *_words(n))}
        held = {name: shape for name, shape in of_split.items() if len(shape) in (3, 4)}
        if not held:
            continue
        usual = _usual(held, IMAGE_ARRAYS)
        images = usual or max(held, key=lambda name: math.prod(held[name]))
        prefix = f"{split}_" if split else ""
        found[f"{prefix}images"] = images
        count = held[images][0]
        flat = [n for n, s in of_split.items() if len(s) in (1, 2) and s[0] == count]
        if labels := _usual(flat, LABEL_ARRAYS):
            found[f"{prefix}labels"] = labels
    if {"train_images", "test_images"} <= {*found}:
        return {role: name for role, name in found.items() if "_" in role}
    whole = {role: name for role, name in found.items() if "_" not in role}
    if "images" in whole:
        return whole
    listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    raise UserError(
        f"None of the arrays holds images (N, height, width, ...): {listed}."
    )


def _usual(names: Iterable[str], usual: tuple[str, ...]) -> str | None:
    """Return the name with the first of the usual words in it, or None."""
    names = list(names)
    return next((n for word in usual for n in names if word in _words(n)), None)


def _words(name: str) -> list[str]:
    return re.split("[^a-z]+", name.lower())


# Image files


def _sighted_images(path: Path, work: Path) -> Sighting:
    definition = {"module": "images", "files": _staged({"images": path}, work)}
    staged = {"files": {"images": {"name": "images"}}}
    headers = [*images.sizes(staged, work, MAX_OPENED_IMAGES)]
    if not headers:
        raise UserError(
            f"{path}: holds no images, no .npz or .npy file and no IDX files that can "
            "be read."
        )
    channels = 3 if any(colour for _, _, colour in headers) else 1
    sizes = Counter((height, width) for height, width, _ in headers)
    return Sighting(definition, channels, sizes, images.labels(staged, work))
