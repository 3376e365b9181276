"""Anybody's images: a zip archive, or a folder, of files that Pillow reads.

Any size and format, grey or colour; `shape` says what they become. They come in
natural order of their names (2 before 10). The largest centre part of the proportions
of `shape`, or the centre square of side `crop`, is resized to `shape`.

A table `labels.csv`, in the archive or as a file of its own, is optional. Its column
`file` names images by their path in the archive (a folder that holds everything may be
left out); images that it does not name are left out. Further columns:

`label`
    Whole numbers from 0 on, or text, which is numbered in sorted order; the card
    records the names.
`split`
    `train` or `test`. Without it `test` images are drawn at random with `seed`.
any other
    Numbers, kept in the table of the prepared data; columns of zeros and ones can be
    `attributes`.

Example::

    mine:
      module: images
      shape: [3, 64, 64]
      crop: null
      classes: 0
      test: 0.1            # a share below 1, or a number of images
      seed: 0
      files:
        images: {name: mine.zip, remote: mine.zip, checksum: null}
"""

import io
import re
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from vlae.data import image_decoding
from vlae.data.datasets._labels import drawn, held_out
from vlae.data.datasets.base import Stored
from vlae.data.image_decoding import MOST_NAMED, Framing
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError, closest

PARALLEL = True
TABLE = "labels.csv"
SPLITS = ("train", "test")


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Train and test images.

    Raises:
        UserError: if the archive or the table is broken, or they do not agree.
    """
    framing = Framing(tuple(definition["shape"]), definition["crop"])
    files = definition["files"]
    archive = Archive(raw / files["images"]["name"])
    members = _members(archive)
    if "labels" in files:
        found = _described(archive, members, *_own_table(raw / files["labels"]["name"]))
    elif own := {_top(archive) + TABLE} & {*archive.names()}:
        (name,) = own
        content = archive.read(name)
        found = _described(archive, members, content, f"{archive.path}: {name}")
    else:
        found = pd.DataFrame({"file": list(members), "member": members.values()}), []
    table, classes = found
    if "split" in table:
        parts, how = _parts(table["split"], archive.path), "splits of the table"
    else:
        parts, how = held_out(len(table), definition), drawn(definition)
    done = f"{framing}; {how}"
    if unnamed := len(members) - len(table):
        done += f"; {unnamed} images that the table does not name left out"
    facts = {"preprocessing": done, **({"class_names": classes} if classes else {})}
    kept = table.drop(columns=["split", "member"], errors="ignore")
    return [
        Stored(
            name,
            kept.loc[rows].reset_index(drop=True),
            partial(
                image_decoding.stream, archive, table["member"][rows].tolist(), framing
            ),
            facts,
        )
        for name, rows in parts.items()
    ]


def _own_table(path: Path) -> tuple[bytes, str]:
    try:
        return path.read_bytes(), str(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error}).") from None


def _parts(split: "pd.Series[str]", path: Path) -> dict[str, pd.Index]:
    parts = {name: split.index[split == name] for name in SPLITS}
    for name, rows in parts.items():
        if rows.empty:
            raise UserError(f"{path}: no image has '{name}' in the column 'split'.")
    return parts


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Key that sorts numbers in names by their value."""
    parts = re.split(r"(\d+)", name)
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts], name


def _described(
    archive: Archive, members: dict[str, str], content: bytes, where: str
) -> tuple[pd.DataFrame, list[str]]:
    """A row per image that a table names, with its `member`; names of classes."""
    table, classes = _table(content, where)
    known = {member: member for member in members.values()} | members
    missing = [file for file in table["file"] if file not in known]
    if missing:
        raise UserError(
            f"{where}: {len(missing)} files are no images in {archive.path}: "
            f"{_some(missing)}. Expected paths as in the archive, e.g. "
            f"{next(iter(members))}."
        )
    table["member"] = table["file"].map(known)
    _refuse_repeated(table["member"], where)
    order = sorted(range(len(table)), key=[*map(natural, table["file"])].__getitem__)
    return table.iloc[order].reset_index(drop=True), classes


def _members(archive: Archive) -> dict[str, str]:
    """Images of the archive by their name in its one folder, in natural order."""
    endings = tuple(image_decoding.endings())
    names = [
        name
        for name in archive.names()
        if name.lower().endswith(endings) and not name.split("/")[-1].startswith(".")
    ]
    if not names:
        raise UserError(f"{archive.path}: holds no image of a format that is known.")
    _refuse_repeated(pd.Series(names, dtype=str), str(archive.path))
    top = _top(archive)
    found = {name.removeprefix(top): name for name in names}
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))


def _top(archive: Archive) -> str:
    """The folder that holds everything, with a slash; empty if there is none."""
    tops = {name.split("/")[0] + "/" for name in archive.names() if "/" in name}
    plain = any("/" not in name for name in archive.names())
    return tops.pop() if len(tops) == 1 and not plain else ""


def _table(content: bytes, where: str) -> tuple[pd.DataFrame, list[str]]:
    """The checked table, and the names of its classes if they are text."""
    try:
        table = pd.read_csv(io.BytesIO(content), dtype={"file": str, "split": str})
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError("rows with more fields than columns")
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: not a table with commas ({error}).") from None
    if "file" not in table:
        raise UserError(
            f"{where}: no column 'file'; {closest('file', map(str, table.columns))}"
        )
    if "member" in table:
        raise UserError(f"{where}: rename the column 'member', which has a meaning.")
    if table.empty:
        raise UserError(f"{where}: has no rows.")
    empty = table["file"].isna()
    if empty.any():
        raise UserError(f"{where}: {empty.sum()} rows name no file.")
    _refuse_repeated(table["file"], where)
    if "split" in table and not table["split"].isin(SPLITS).all():
        wrong = table["split"][~table["split"].isin(SPLITS)]
        raise UserError(
            f"{where}: column 'split': {_some(wrong.unique())}; expected train or test."
        )
    names: list[str] = []
    if "label" in table:
        table["label"], names = _labels(table["label"], where)
    for column in table.columns.difference(["file", "label", "split"]):
        if table[column].dtype == bool:
            table[column] = table[column].astype("int8")
        if table[column].dtype.kind not in "iuf":
            raise UserError(
                f"{where}: column '{column}': expected numbers. Number its values, or "
                "leave it out."
            )
    return table, names


def _labels(labels: pd.Series, where: str) -> tuple[pd.Series, list[str]]:
    if labels.isna().any():
        raise UserError(f"{where}: {labels.isna().sum()} rows have no label.")
    if labels.dtype.kind in "iu":
        if labels.min() < 0:
            raise UserError(f"{where}: label {labels.min()}; expected 0 or more.")
        return labels.astype("int64"), []
    if labels.dtype.kind == "f":
        raise UserError(
            f"{where}: labels with fractions; expected whole numbers or text."
        )
    names = sorted(labels.astype(str).unique())
    numbers = {name: number for number, name in enumerate(names)}
    return labels.astype(str).map(numbers).astype("int64"), names


def _refuse_repeated(names: pd.Series, where: str) -> None:
    repeated = names[names.duplicated()].unique()
    if len(repeated):
        raise UserError(f"{where}: named more than once: {_some(repeated)}.")


def _some(names: Any) -> str:
    shown = ", ".join(map(str, list(names)[:MOST_NAMED]))
    return f"{shown}, ..." if len(names) > MOST_NAMED else shown
