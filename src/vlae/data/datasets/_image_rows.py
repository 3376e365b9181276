"""Which of a user's images are wanted, and what is known of each: one row per image.

A table says so, or else the folders in which the images lie.
"""

import posixpath
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.data import image_formats
from vlae.data.datasets import _image_files, _label_table
from vlae.data.datasets._classes import natural
from vlae.data.datasets._image_files import TABLE, ImageFiles
from vlae.data.datasets._label_table import SPLITS, some
from vlae.data.zip_archive import DEAD_LINKS
from vlae.system.errors import UserError

_VALIDATION = {"val", "valid", "validation", "dev"}


@dataclass(frozen=True)
class Rows:
    """The wanted images.

    Args:
        table: one row per image: `file`, the name for the user; `member`, the name in
            the archive; and `label`, `split` and numbers, if they are known.
        left_out: numbers of files that are left out, by reason.
        lost: names of wanted files that cannot be used, with reasons; `left_out` has
            them, too.
        where: what describes the images, for messages.
        splits: description of the splits of the table, for the card.
    """

    table: pd.DataFrame
    left_out: Counter[str]
    lost: list[tuple[str, str]]
    where: str
    splits: str


def wanted(definition: dict[str, Any], files: ImageFiles, raw: Path) -> Rows:
    """Return the images that are wanted, with labels if there are classes.

    Args:
        definition: the settings of the data set.
        files: what the archive holds.
        raw: folder with the raw files.

    Raises:
        UserError: if there is more than one table, if the table is not right, or if
            labels are expected and there are none.
    """
    rows = found(definition, files, raw)
    if definition["classes"] and "label" not in rows.table:
        raise UserError(_unlabelled(definition, files, rows))
    return rows


def found(definition: dict[str, Any], files: ImageFiles, raw: Path) -> Rows:
    """Return the images that a table names, or else all, with labels if there are any.

    Raises:
        UserError: if there is more than one table, or if the table is not right.
    """
    archive = files.archive
    if "labels" in definition["files"]:
        path = raw / definition["files"]["labels"]["name"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error}).") from error
        rows = _described(files, content, str(path), None)
        unused = f"{TABLE} in the archive (files.labels is used)"
        rows.left_out.update({unused: len(files.tables)} if files.tables else {})
    elif name := _image_files.the_table(files):
        content = archive.read(files.member[name])
        rows = _described(files, content, f"{archive.path}: {name}", name)
    else:
        rows = _by_folder(definition, files)
    return rows


def _described(files: ImageFiles, content: bytes, where: str, name: str | None) -> Rows:
    """Return the images that a table names; `name` is its own in the archive."""
    table = _label_table.read(content, where)
    folder = posixpath.dirname(name) if name else ""
    table["member"] = _matched(files, table["file"], folder, where)
    _label_table.refuse_repeated(table["member"], where)
    order = sorted(range(len(table)), key=[*map(natural, table["file"])].__getitem__)
    table = table.iloc[order].reset_index(drop=True)
    # Other files that a table names are tried, whatever their ending.
    lacking = image_formats.LACKING
    unread = {m: w for m, w in files.others.items() if _ending(m) in lacking}
    lost = [(m, lacking[_ending(m)]) for m in table["member"] if m in unread]
    named = {*table["member"]}
    left_out = Counter(unread[member] for member, _ in lost)
    left_out.update(why for m, why in files.others.items() if m not in named)
    if unnamed := sum(member not in named for member in files.images):
        left_out[f"not named by {posixpath.basename(name or where)}"] = unnamed
    table = table[~table["member"].isin([*unread])].reset_index(drop=True)
    return Rows(table, left_out, lost, where, "splits of the table")


def _ending(name: str) -> str:
    return image_formats.ending(name)


def _matched(
    files: ImageFiles, names: "pd.Series[str]", folder: str, where: str
) -> list[str]:
    """Return the member that each name of a table means.

    Args:
        files: what the archive holds.
        names: paths in the archive, below `folder`, or below a folder of all images.
        folder: folder of the table.
        where: name of the table, for messages.
    """
    known = {*files.images, *files.others}
    places = ["", *files.folders, folder]
    found, missing, several = [], [], []
    for name in names:
        paths = (_image_files.normal(posixpath.join(p, name)) for p in places)
        fits = sorted(known & {*paths})
        found += fits[:1]
        missing += [] if fits else [name]
        several += [f"{name} ({' or '.join(fits)})"] if len(fits) > 1 else []
    if missing:
        raise UserError(
            f"{where}: {len(missing)} files of the table are not images in "
            f"{files.archive.path}: {some(missing)}. Expected paths as in the archive, "
            f"e.g. {files.short((files.images or ['?'])[0])}."
        )
    if several:
        raise UserError(
            f"{where}: {len(several)} names mean more than one image: {some(several)}. "
            "Write the whole path in the archive."
        )
    return found


def _by_folder(definition: dict[str, Any], files: ImageFiles) -> Rows:
    """Return all images, with labels and splits if their folders mean that."""
    lost = [(name, _why_lost(name)) for name in files.doubtful()]
    lost += [("a file", DEAD_LINKS)] * files.archive.left_out.get(DEAD_LINKS, 0)
    table = pd.DataFrame(
        {"file": [files.short(name) for name in files.images], "member": files.images},
        dtype=object,
    )
    inner = (files.folders or [""])[-1]
    steps = [name.removeprefix(inner).split("/")[:-1] for name in files.images]
    where = str(files.archive.path)
    if split := _split_folders(steps, files, where):
        table["split"] = split
        steps = [folders[1:] for folders in steps]
    if definition["classes"] and steps and all(steps):
        table["label"] = [folders[0] for folders in steps]
    left_out = Counter(files.others.values())
    return Rows(table, left_out, lost, where, "splits of the folders train and test")


def _split_folders(steps: list[list[str]], files: ImageFiles, where: str) -> list[str]:
    """Return the split of each image; empty if the folders do not say it."""
    first = [folders[0].lower() if folders else "" for folders in steps]
    parts = {*SPLITS} & {*first}
    if len(parts) < len(SPLITS) and not (parts and _VALIDATION & {*first}):
        return []
    outside = [
        name
        for name, part in zip(files.images, first, strict=True)
        if part not in SPLITS
    ]
    if outside:
        raise UserError(
            f"{where}: has the folder {' and '.join(sorted(parts))}, but "
            f"{len(outside)} images lie outside of train and test: {some(outside)}. "
            f"Move or remove them, or give a table {TABLE} with a column 'split'."
        )
    return first


def _why_lost(name: str) -> str:
    ending = _ending(name)
    unknown = f"an ending {ending} that is not of a known image format"
    return image_formats.LACKING.get(ending, unknown if ending else "not an image")


def _unlabelled(definition: dict[str, Any], files: ImageFiles, rows: Rows) -> str:
    key = f"datasets.{definition.get('name', '')}.classes: {definition['classes']}"
    if rows.where != str(files.archive.path):
        return (
            f"{key}, but {rows.where} has no column 'label'. Add it, or set classes: 0."
        )
    other = files.unused_tables
    found = f" To use {some(other)}, name it by files.labels." if other else ""
    inner = (files.folders or [""])[-1]
    loose = [name for name in files.images if "/" not in name.removeprefix(inner)]
    return (
        f"{key}, but {rows.where} has no labels: no table {TABLE}, and "
        f"{len(loose) or 'some'} images do not lie in a folder of their class"
        f"{f': {some(loose)}' if loose else ''}. Give a table with the columns 'file' "
        f"and 'label', sort the images into folders, or set classes: 0.{found}"
    )
