"""A user's table about images: file, label, split and numbers, as text comes.

Words stay what they are: a class may be called NA, None, true, 007 or 1e5.
"""

import csv
import io
import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd

from vlae.data.image_decoding import MAX_NAMED_FILES
from vlae.system.errors import UserError, closest

SPLITS = ("train", "test")
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
FIXED = ("file", "label", "split")
"""Columns that are not numbers."""

_MISSING = ("", "na", "nan")
"""Words, in lower case, for a number that is not known."""
_WHOLE_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}")


def read(content: bytes, where: str) -> pd.DataFrame:
    """Return a table with one row per named file, in the order of the rows.

    Args:
        content: the file, UTF-8, with commas, semicolons or tabs between columns.
        where: its name, for messages.

    Returns:
        `file`, text as it is written; `label`, text, and `split`, `train` or `test`, if
        the table has them; and any other columns as numbers.

    Raises:
        UserError: if it is not such a table.
    """
    rows, lines = _rows(_text(content, where), where)
    header = [_column(name) for name in rows[0]]
    _check_header(header, where)
    if len(rows) == 1:
        raise UserError(f"{where}: has no rows.")
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if len(row) != len(header):
            raise UserError(
                f"{where}: line {line} has {len(row)} fields, but the first line has "
                f"{len(header)}. Put texts that hold a separator in double quotes."
            )
    table = pd.DataFrame(rows[1:], columns=header, dtype=object)
    for column in table.columns.intersection(FIXED):
        table[column] = table[column].map(str.strip)
    if empty := sum(not file for file in table["file"]):
        raise UserError(f"{where}: {empty} rows do not name a file.")
    refuse_repeated(table["file"], where)
    if "split" in table:
        table["split"] = _splits(table["split"], where)
    for column in table.columns.difference(FIXED):
        table[column] = _numbers(table[column], table["file"], lines[1:], where)
    return table


def as_labels(words: list[str]) -> np.ndarray:
    """Return labels (n,) as int64 if all are plain whole numbers, and else as words."""
    if all(_WHOLE_NUMBER.fullmatch(word) for word in words):
        return np.asarray(words, dtype=object).astype("int64")
    return np.asarray(words, dtype=np.str_)


def refuse_repeated(names: "pd.Series[str]", where: str) -> None:
    """Raise UserError if a name occurs twice."""
    repeated = names[names.duplicated()].unique()
    if len(repeated):
        raise UserError(f"{where}: named more than once: {some(repeated)}.")


def some(names: Any) -> str:
    """Return up to `MAX_NAMED_FILES` names, separated by commas."""
    shown = ", ".join(map(str, list(names)[:MAX_NAMED_FILES]))
    return f"{shown}, ..." if len(names) > MAX_NAMED_FILES else shown


def _text(content: bytes, where: str) -> str:
    if content.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0")):
        raise UserError(
            f"{where}: is a workbook of a spreadsheet program; expected plain text. "
            "Save it as 'CSV UTF-8'."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{where}: is not text in the encoding UTF-8 ({error}). Save it as 'CSV "
            "UTF-8', or convert it with iconv."
        ) from error


def _rows(text: str, where: str) -> tuple[list[list[str]], list[int]]:
    """Return the rows that are not empty, and the lines on which they end."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if any(field.strip() for field in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise UserError(
            f"{where}: line {reader.line_num}: not a table with "
            f"{SEPARATORS[separator]} between columns ({error})."
        ) from error
    if not rows:
        raise UserError(f"{where}: is empty; expected a first line with names.")
    return rows, lines


def _column(name: str) -> str:
    """Return the name of a column; case and blanks of the fixed ones do not matter."""
    tidy = unicodedata.normalize("NFC", name.strip())
    return tidy.lower() if tidy.lower() in FIXED else tidy


def _check_header(header: list[str], where: str) -> None:
    if "file" not in header:
        raise UserError(
            f"{where}: no column 'file' in its first line; expected names separated by "
            f"commas, semicolons or tabs; {closest('file', header)}"
        )
    if "member" in header:
        raise UserError(f"{where}: rename the column 'member': the name is reserved.")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise UserError(
            f"{where}: columns that come twice: {some(twice)}. Leave one of them out."
        )
    if "" in header:
        raise UserError(
            f"{where}: column {header.index('') + 1} has no name. Give it one, or "
            "leave it out."
        )


def _splits(words: "pd.Series[str]", where: str) -> "pd.Series[str]":
    lower = words.str.lower()
    wrong = words[~lower.isin(SPLITS)].unique()
    if len(wrong):
        shown = some([word or "(empty)" for word in wrong])
        raise UserError(f"{where}: column 'split': {shown}; expected train or test.")
    return lower


def _numbers(
    words: "pd.Series[str]", files: "pd.Series[str]", lines: list[int], where: str
) -> pd.Series:
    """Return a column as int64, float64, or int8 for true and false."""
    lower = words.str.strip().str.lower()
    if lower.isin(["true", "false"]).all():
        return (lower == "true").astype("int8")
    missing = lower.isin(_MISSING)
    found = pd.to_numeric(lower.mask(missing), errors="coerce")
    wrong = found.isna() & ~missing
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(
            f"{where}: column '{words.name}': expected numbers, but line {lines[row]} "
            f"({files.iloc[row]}) has '{words.iloc[row]}'. Replace it by a number, or "
            "leave the column out."
        )
    return found.astype("int64" if found.dtype.kind in "iu" else "float64")
