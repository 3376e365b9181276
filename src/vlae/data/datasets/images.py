"""Your own images: a zip archive, or a folder, of files that Pillow reads.

Images may have any size and format and may be grey or in colour; `shape` says what they
become. They are sorted by name in natural order (2 before 10). The largest centre part
with the proportions of `shape`, or the centre square of side `crop`, is resized to
`shape`.

A table `labels.csv` is optional; it is a member of the archive or a separate file. Its
column `file` names images by their path in the archive, without the folder if one
folder holds everything. Images that it does not name are left out. Further columns:

`label`
    Whole numbers from 0 on, or text. Text is numbered in sorted order, and the card
    records it.
`split`
    `train` or `test`. Without this column `test` images are drawn at random by `seed`.
any other
    Numbers that are kept in the table of the prepared data. Columns of zeros and ones
    can be `attributes`.

For example::

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
from vlae.data.image_decoding import MAX_NAMED_FILES, Framing
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError, closest

PARALLEL = True
TABLE = "labels.csv"
SPLITS = ("train", "test")


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Return train and test images.

    Args:
        definition: the data set's settings, see above.
        raw: folder with the files.

    Raises:
        UserError: if the archive or the table is broken, or if they do not agree.
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
    """Return a key that sorts names with numbers by the value of the numbers."""
    parts = re.split(r"(\d+)", name)
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts], name


def _described(
    archive: Archive, members: dict[str, str], content: bytes, where: str
) -> tuple[pd.DataFrame, list[str]]:
    """Return one row per image that a table names, with its member; class names."""
    table, classes = _table(content, where)
    known = {member: member for member in members.values()} | members
    missing = [file for file in table["file"] if file not in known]
    if missing:
        raise UserError(
            f"{where}: {len(missing)} files of the table are not images in "
            f"{archive.path}: {_some(missing)}. Expected paths as in the archive, e.g. "
            f"{next(iter(members))}."
        )
    table["member"] = table["file"].map(known)
    _refuse_repeated(table["member"], where)
    order = sorted(range(len(table)), key=[*map(natural, table["file"])].__getitem__)
    return table.iloc[order].reset_index(drop=True), classes


def _members(archive: Archive) -> dict[str, str]:
    """Return the members that are images, in natural order, by their short name.

    The short name leaves out the folder that holds everything, if there is one.
    """
    endings = tuple(image_decoding.endings())
    names = [
        name
        for name in archive.names()
        if name.lower().endswith(endings) and not name.split("/")[-1].startswith(".")
    ]
    if not names:
        raise UserError(f"{archive.path}: holds no images of a known format.")
    _refuse_repeated(pd.Series(names, dtype=str), str(archive.path))
    top = _top(archive)
    found = {name.removeprefix(top): name for name in names}
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))


def _top(archive: Archive) -> str:
    """Return the folder that holds everything, with a slash, or an empty string."""
    tops = {name.split("/")[0] + "/" for name in archive.names() if "/" in name}
    plain = any("/" not in name for name in archive.names())
    return tops.pop() if len(tops) == 1 and not plain else ""


def _table(content: bytes, where: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the checked table, and the names of its classes if they are text."""
    try:
        table = pd.read_csv(io.BytesIO(content), dtype={"file": str, "split": str})
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError("rows with more fields than columns")
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(
            f"{where}: not a table with commas between columns ({error})."
        ) from None
    if "file" not in table:
        raise UserError(
            f"{where}: no column 'file'; {closest('file', map(str, table.columns))}"
        )
    if "member" in table:
        raise UserError(f"{where}: rename the column 'member': the name is reserved.")
    if table.empty:
        raise UserError(f"{where}: has no rows.")
    empty = table["file"].isna()
    if empty.any():
        raise UserError(f"{where}: {empty.sum()} rows do not name a file.")
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
                f"{where}: column '{column}': expected numbers. Replace its values by "
                "numbers, or leave it out."
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
            f"{where}: labels have fractions; expected whole numbers or text."
        )
    names = sorted(labels.astype(str).unique())
    numbers = {name: number for number, name in enumerate(names)}
    return labels.astype(str).map(numbers).astype("int64"), names


def _refuse_repeated(names: pd.Series, where: str) -> None:
    repeated = names[names.duplicated()].unique()
    if len(repeated):
        raise UserError(f"{where}: named more than once: {_some(repeated)}.")


def _some(names: Any) -> str:
    shown = ", ".join(map(str, list(names)[:MAX_NAMED_FILES]))
    return f"{shown}, ..." if len(names) > MAX_NAMED_FILES else shown
