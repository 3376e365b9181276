"""Class labels as they come: numbers from any start, sparse numbers, or words."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlae.system.errors import UserError

MAX_NAMED_LABELS = 12
MAX_WHOLE_FLOAT = 2.0**53
"""Size from which floating-point numbers are not exact any more."""


@dataclass(frozen=True)
class Classes:
    """Labels of all images of a data set, turned into the numbers of their classes.

    Args:
        numbers: class of each image, int64 (n,), from 0 on.
        names: label of each class, in order; empty if the labels are its numbers.
    """

    numbers: np.ndarray
    names: list[str]

    @property
    def facts(self) -> dict[str, Any]:
        """Entries for the data card; empty if the labels are the classes' numbers."""
        return {"class_names": self.names} if self.names else {}


def numbered(labels: np.ndarray, classes: int, where: str, key: str) -> Classes:
    """Return the class of each image.

    Numbers from 0 to `classes` - 1 are taken as they are. Other labels are numbered in
    their order (2 before 10) if there are as many different ones as classes.

    Args:
        labels: whole numbers, or words, of all images of the data set (n,), n > 0.
        classes: number of classes, more than 0.
        where: file and column or array, for messages.
        key: the data set's key of `classes`, for messages.

    Raises:
        UserError: if labels are missing or have fractions, or if there are not as many
            different ones as classes.
    """
    labels = _tidy(labels, where)
    found, which, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if labels.dtype.kind in "iu" and found[0] >= 0 and found[-1] < classes:
        return Classes(labels.astype("int64"), [])
    order = sorted(range(len(found)), key=[*map(natural, found)].__getitem__)
    if len(found) != classes:
        shown = ", ".join(
            f"{found[i]} ({counts[i]}x)" for i in order[:MAX_NAMED_LABELS]
        )
        more = len(found) - MAX_NAMED_LABELS
        rest = f" and {more} more" if more > 0 else ""
        raise UserError(
            f"{key}: {classes}, but {where} has {len(found)} different labels: "
            f"{shown}{rest}. Set classes: {len(found)}, or correct the labels."
        )
    return Classes(np.argsort(order)[which], [str(found[i]) for i in order])


def _tidy(labels: np.ndarray, where: str) -> np.ndarray:
    """Return whole numbers, or words in one Unicode form without blanks around them."""
    if labels.dtype.kind == "f":
        # Larger numbers have no fractions. Comparisons with NaN are false.
        if not (np.abs(labels) < MAX_WHOLE_FLOAT).all() or (labels % 1).any():
            raise UserError(
                f"{where}: labels have fractions or are missing; expected one whole "
                "number or word per image."
            )
        return labels.astype("int64")
    if labels.dtype.kind in "biu":
        return labels.astype("uint8") if labels.dtype.kind == "b" else labels
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise UserError(
                f"{where}: labels are not text in UTF-8 ({error})."
            ) from error
    words = [unicodedata.normalize("NFC", str(label)).strip() for label in labels]
    if missing := sum(not word for word in words):
        raise UserError(f"{where}: {missing} images have no label.")
    return np.asarray(words, dtype=np.str_)


def natural(label: Any) -> tuple[list[tuple[int, str]], str]:
    """Return a key that sorts words with numbers in them by the numbers' values."""
    if not isinstance(label, str):
        return [(int(label), "")], ""
    parts = re.split(r"(\d+)", label)
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts], label
