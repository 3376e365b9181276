"""Faces of CelebA, aligned and cropped, with 40 binary attributes and no classes.

The files are the archive of JPEG files, the table of attributes and the official
partition, as the authors of the data distribute them. Partition 0 is the split `train`
and partition 2 is `test`; partition 1 (validation) is left out. The table has the
column `file` and, for each attribute, a column of zeros and ones with its official
name. For example::

    mine:
      module: celeba
      shape: [3, 64, 64]
      crop: 108        # centre square, px, before resizing
      attributes: [Smiling, Male]
      files:
        images: {path: img_align_celeba.zip}
        attributes: {path: list_attr_celeba.txt}
        partition: {path: list_eval_partition.txt}
"""

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from vlae.data import image_decoding
from vlae.data.datasets.base import Stored
from vlae.data.image_decoding import Framing
from vlae.data.zip_archive import Archive
from vlae.system.errors import UserError

PARALLEL = True
PARTITIONS = {"train": 0, "test": 2}
_UNREADABLE = (OSError, ValueError, IndexError)


def splits(definition: dict[str, Any], raw: Path) -> list[Stored]:
    """Return train and test images of the official partition.

    Args:
        definition: the data set's settings, see above.
        raw: folder with the files.

    Raises:
        UserError: if a file is broken, or if the three files do not agree.
    """
    paths = {role: raw / file["name"] for role, file in definition["files"].items()}
    framing = Framing(tuple(definition["shape"]), definition["crop"])
    attributes = _attributes(paths["attributes"])
    partition = _partition(paths["partition"])
    archive = Archive(paths["images"])
    members = _members(archive)
    for path, files in (
        (paths["partition"], partition.index),
        (paths["images"], pd.Index(members)),
    ):
        _require_same_files(paths["attributes"], attributes.index, path, files)
    facts = {
        "preprocessing": f"{framing}; train is the official partition 0, test "
        "partition 2; partition 1 (validation) is left out"
    }
    found = []
    for split, number in PARTITIONS.items():
        files = partition.index[partition == number]
        if files.empty:
            raise UserError(
                f"{paths['partition']}: no image in partition {number}, which is the "
                f"split '{split}'."
            )
        names = [members[file] for file in files]
        table = attributes.loc[files].reset_index()
        read = partial(image_decoding.stream, archive, names, framing)
        found.append(Stored(split, table, read, facts))
    return found


def _members(archive: Archive) -> dict[str, str]:
    """Return the names of the members, by the file name that the tables use."""
    found: dict[str, str] = {}
    for member in archive.names():
        other = found.setdefault(PurePosixPath(member).name, member)
        if other != member:
            raise UserError(
                f"{archive.path}: '{other}' and '{member}' have the same file name, "
                "and the tables do not name folders. Leave one of the two out."
            )
    return found


def _attributes(path: Path) -> pd.DataFrame:
    """Return the attributes as 0 and 1, one row per file.

    The file has the number of rows, the names of the columns, and then values -1 and 1.
    """
    try:
        with path.open(encoding="utf-8") as file:
            count, names = int(file.readline()), file.readline().split()
        table = _blanks(path, skiprows=2, names=["file", *names])
    except _UNREADABLE as error:
        raise _broken(path, str(error)) from error
    table = table.set_index("file")
    if len(table) != count or table.index.has_duplicates:
        raise _broken(
            path,
            f"its first line says {count} files, but {table.index.nunique()} follow",
        )
    wrong = ~table.isin([-1, 1]).all(axis=1)
    if wrong.any():
        raise _broken(path, f"{table.index[wrong][0]}: expected values 1 and -1")
    return (table == 1).astype("int8")


def _partition(path: Path) -> "pd.Series[int]":
    """Return the number of the partition of each file."""
    try:
        table = _blanks(path, names=["file", "partition"]).set_index("file")
    except _UNREADABLE as error:
        raise _broken(path, str(error)) from error
    wrong = ~table["partition"].isin([0, 1, 2]) | table.index.duplicated()
    if wrong.any():
        raise _broken(
            path,
            f"{table.index[wrong][0]}: expected once, with the number 0, 1 or 2",
        )
    return table["partition"]


def _blanks(path: Path, **settings: Any) -> pd.DataFrame:
    """Return a table whose columns are separated by blanks.

    Raises:
        ValueError: if the file is not such a table.
    """
    table = pd.read_csv(
        path,
        sep=r"\s+",
        header=None,
        dtype={"file": str},
        na_filter=False,
        **settings,
    )
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError("rows with more fields than columns")
    return table


def _require_same_files(
    first: Path, ours: pd.Index, second: Path, theirs: pd.Index
) -> None:
    only = ours.symmetric_difference(theirs)
    if len(only):
        shown = ", ".join(map(str, only[:10]))
        raise UserError(
            f"{first} and {second} are not about the same files: {len(only)} are in "
            f"only one of them ({shown}{', ...' if len(only) > 10 else ''}). Use files "
            "of one release."
        )


def _broken(path: Path, why: str) -> UserError:
    return UserError(
        f"{path}: not a complete table of CelebA ({why}). Delete it and run again."
    )
