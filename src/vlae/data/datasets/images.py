"""Your own images: a zip archive, or a folder, of files that Pillow reads.

Images may have any size and format and may be grey or in colour; `shape` says what they
become. They are sorted by name in natural order (2 before 10). The largest centre part
with the proportions of `shape`, or the centre square of side `crop`, is resized to
`shape`. For example::

    mine:
      module: images
      shape: [3, 64, 64]
      files:
        images: {path: mine.zip}

A table `labels.csv` is optional; it lies anywhere in the archive or is a separate file,
`files.labels`. Its text is UTF-8 with commas, semicolons or tabs between columns. Its
column `file` names images by their path in the archive, below the folder of the table,
or below a folder that holds all images. Images that it does not name are left out.
Further columns:

`label`
    Class of the image: a number or any word. Labels other than 0, 1, ... are numbered
    in their order, and the card records them. With `classes: 0` they are not used.
`split`
    `train` or `test`. Without this column `test` images are drawn at random by `seed`.
any other
    Numbers that are kept in the table of the prepared data. Columns of zeros and ones
    can be `attributes`.

Without a table, folders mean the same: if all images lie in folders `train` and `test`,
these are the splits, and with `classes` above 0 the next folder is the label.

Numbers in the files become levels from black to white. The range of all files decides
what is white, if it leaves one meaning (for masks of 0 and 1, the 1); otherwise the key
`levels` must state black and white. Files that cannot be used are left out and counted
on the card, and too many of them are an error (`max_left_out`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vlae.data import image_formats, image_numbers
from vlae.data.datasets import _image_files, _image_rows, _unreadable
from vlae.data.datasets._classes import numbered
from vlae.data.datasets._image_files import ImageFiles
from vlae.data.datasets._image_rows import Rows
from vlae.data.datasets._label_table import SPLITS, as_labels
from vlae.data.datasets._labels import drawn, held_out
from vlae.data.datasets.base import Stored
from vlae.data.image_decoding import Framing
from vlae.data.image_numbers import Meanings
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError
from vlae.system.files import digest
from vlae.system.progress import Progress, say

PARALLEL = True


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Return train and test images.

    Args:
        definition: the data set's settings, see above.
        raw: folder with the files.

    Raises:
        UserError: if the archive or the table is broken, if they do not agree, if
            labels are not those of `classes`, or if too many files cannot be used.
    """
    name = definition.get("name", "")
    archive = Archive(raw / definition["files"]["images"]["name"])
    files = _image_files.inspected(archive)
    rows = _image_rows.wanted(definition, files, raw)
    framing = Framing(tuple(definition["shape"]), definition.get("crop"))
    allowance = _unreadable.Allowance.of(definition, archive.path)
    rows = _readable(rows, files, _unreadable.known(archive, framing))
    allowance.require(rows.lost, len(rows.table) + len(rows.lost))
    left_out = _image_files.hidden(archive) + rows.left_out
    if rows.table.empty:
        others = ", ".join(f"{number} {why}" for why, number in left_out.items())
        raise UserError(
            f"{archive.path}: holds no images of a known format, but "
            f"{others or 'nothing'}."
        )
    facts = _label(definition, rows)
    if "split" in rows.table:
        parts, how = _parts(rows), rows.splits
    else:
        parts = held_out(len(rows.table), definition)
        how = drawn(definition)
    unused = facts.pop("unused labels", "")
    members = rows.table.pop("member").map(files.member)
    meanings, levels = _meanings(definition, archive, members.tolist())
    framing = replace(framing, meanings=meanings)
    facts |= {"preprocessing": f"{framing}; {how}{unused}", "levels": levels}
    if left_out:
        facts["left_out"] = dict(sorted(left_out.items()))
    reader = _unreadable.Reader(
        archive, framing, members.tolist(), rows.lost, allowance, name
    )
    return [
        _split(part, rows.table.loc[index], members[index].tolist(), reader, facts)
        for part, index in parts.items()
    ]


def labels(definition: dict[str, Any], raw: Path) -> np.ndarray | None:
    """Return the label of each image, words (n,), or None if there are none.

    Args:
        definition: the data set's settings; its `classes` do not matter.
        raw: folder with the files.

    Raises:
        UserError: if the archive or the table is broken, or if they do not agree.
    """
    with Archive(raw / definition["files"]["images"]["name"]) as archive:
        files = _image_files.inspected(archive)
        rows = _image_rows.found({**definition, "classes": 1}, files, raw)
    return rows.table["label"].to_numpy(str) if "label" in rows.table else None


def sizes(
    definition: dict[str, Any], raw: Path, most: int
) -> Iterator[tuple[int, int, bool]]:
    """Yield height, width and whether there is colour, of some images.

    They are spread evenly over all; those that cannot be read are skipped.

    Args:
        definition: the data set's settings.
        raw: folder with the files.
        most: number of images that are opened, at most.
    """
    with Archive(raw / definition["files"]["images"]["name"]) as archive:
        names = _image_files.inspected(archive).images
        for name in names[:: max(1, len(names) // most)]:
            if size := image_formats.header(archive.read(name)):
                yield size


def _split(
    name: str,
    table: pd.DataFrame,
    members: list[str],
    reader: _unreadable.Reader,
    facts: dict[str, Any],
) -> Stored:
    rows = table.drop(columns="split", errors="ignore").reset_index(drop=True)
    rows["file"] = rows["file"].astype(str)
    identity = digest([members, repr(reader.framing)])
    return Stored(name, rows, partial(reader.chunks, members), facts, identity)


def _meanings(
    definition: dict[str, Any], archive: Archive, members: list[str]
) -> tuple[Meanings, str]:
    """Return what the numbers of the images mean, and a sentence about it."""
    name = definition.get("name", "")
    bar = Progress(f"{name} levels", len(members), "image")

    def contents() -> Iterator[tuple[str, bytes]]:
        for done, member in enumerate(members, start=1):
            yield member, archive.read(member)
            bar.update(done)

    return image_numbers.meanings(
        contents(),
        definition.get("levels"),
        str(archive.path),
        f"datasets.{name}.levels",
    )


def _readable(rows: Rows, files: ImageFiles, unreadable: dict[str, str]) -> Rows:
    """Return rows without the images that an earlier check has found unreadable."""
    stored = rows.table["member"].map(files.member)
    lost = [(name, unreadable[name]) for name in stored if name in unreadable]
    small = sum("smaller than crop" in why for _, why in lost)
    left_out = Counter(
        {
            "images smaller than the crop": small,
            "images that cannot be read": len(lost) - small,
        }
    )
    return replace(
        rows,
        table=rows.table[~stored.isin([*unreadable])].reset_index(drop=True),
        left_out=rows.left_out + left_out,
        lost=[*rows.lost, *lost],
    )


def _label(definition: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """Turn labels into numbers of classes, or drop them; return facts about them."""
    name, classes = definition.get("name", ""), definition["classes"]
    if "label" not in rows.table:
        return {}
    words = rows.table.pop("label")
    if not classes:
        said = "labels are not used (classes: 0)"
        say(f"[{name}] {rows.where}: {said}")
        return {"unused labels": f"; {said}"}
    where, key = f"{rows.where}, column 'label'", f"datasets.{name}.classes"
    found = numbered(as_labels(words.tolist()), classes, where, key)
    rows.table.insert(1, "label", found.numbers)
    return dict(found.facts)


def _parts(rows: Rows) -> dict[str, pd.Index]:
    split = rows.table["split"]
    parts = {name: split.index[split == name] for name in SPLITS}
    for name, index in parts.items():
        if index.empty:
            raise UserError(
                f"{rows.where}: no image that can be read has '{name}' as its 'split'."
            )
    return parts
