"""Splits from stored arrays of images and labels, whatever file they lie in."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from vlae.data.datasets import _image_array
from vlae.data.datasets._classes import numbered
from vlae.data.datasets._image_array import Images, RawArray
from vlae.data.datasets._labels import StoredLabels, drawn, held_out
from vlae.data.datasets.base import Stored
from vlae.system.errors import UserError

SPLITS = ("train", "test")
WHOLE = "whole"
"""Name of the part whose test images are held out at random."""


@dataclass(frozen=True)
class Part:
    """Images that are stored together, with their labels if there are any."""

    images: RawArray
    labels: StoredLabels | None


@dataclass(frozen=True)
class _Labelled:
    """Class of each image by part, and what belongs on the card."""

    numbers: dict[str, np.ndarray]
    facts: dict[str, Any]
    notes: list[str]


def stored_splits(
    definition: dict[str, Any], parts: dict[str, Part], notes: list[str], index: bool
) -> list[Stored]:
    """Return train and test images.

    Args:
        definition: the data set's settings.
        parts: `train` and `test`; or `WHOLE`, of which test images are held out.
        notes: what else the card must say about the preparation.
        index: whether the tables have a column `index`, the position in the array. They
            always have it if there is no other column.

    Raises:
        UserError: if images or labels are not what the settings say.
    """
    images = dict(
        zip(
            parts,
            _image_array.opened([part.images for part in parts.values()], definition),
            strict=True,
        )
    )
    labels = _classes(definition, parts)
    if WHOLE in parts:
        rows = held_out(parts[WHOLE].images.shape[0], definition)
        how, source = drawn(definition), dict.fromkeys(SPLITS, WHOLE)
    else:
        rows = {name: np.arange(part.images.shape[0]) for name, part in parts.items()}
        how, source = "splits as they come", {name: name for name in SPLITS}
    facts = {
        "preprocessing": "; ".join(
            [*_done(images, definition), how, *labels.notes, *notes]
        ),
        "levels": _levels(images),
        **labels.facts,
    }
    return [
        Stored(
            name,
            _table(labels.numbers.get(source[name]), rows[name], index),
            partial(images[source[name]].chosen, rows[name]),
            facts,
        )
        for name in SPLITS
    ]


def _classes(definition: dict[str, Any], parts: dict[str, Part]) -> _Labelled:
    """Return the class of each image of the parts that have labels."""
    there = {n: p.labels for n, p in parts.items() if p.labels is not None}
    if not there:
        return _Labelled({}, {}, [])
    found, notes = [], []
    for name, labels in there.items():
        images = parts[name].images
        values, note = labels.one_per_image(images.shape[0], str(images), definition)
        found.append(values)
        notes += [note] if note else []
    where = " with ".join(labels.place for labels in there.values())
    words = {values.dtype.kind in "US" for values in found}
    if len(words) > 1:
        raise UserError(f"{where}: words in one and numbers in the other.")
    key = f"datasets.{definition.get('name', '')}.classes"
    classes = numbered(np.concatenate(found), definition["classes"], where, key)
    ends = np.cumsum([len(values) for values in found])[:-1]
    numbers = dict(zip(there, np.split(classes.numbers, ends), strict=True))
    return _Labelled(numbers, classes.facts, list(dict.fromkeys(notes)))


def _done(images: dict[str, Images], definition: dict[str, Any]) -> list[str]:
    """Return what is done to the images, in words; "none" if nothing is."""
    done = []
    if definition.get("transposed", False):
        done.append("rows and columns swapped")
    if not all(i.levels.as_they_come for i in images.values()):
        done.append("levels scaled")
    done += {str(i.framing): "" for i in images.values() if i.framing}
    return done or ["none"]


def _levels(images: dict[str, Images]) -> str:
    """Return what was found and made of it, once if it is the same for all."""
    found = {name: str(i.levels) for name, i in images.items()}
    if len({*found.values()}) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{name}: {text}" for name, text in found.items())


def _table(labels: np.ndarray | None, rows: np.ndarray, index: bool) -> pd.DataFrame:
    labelled = {} if labels is None else {"label": labels[rows]}
    return pd.DataFrame(
        {**labelled, **({"index": rows} if index or not labelled else {})}
    )
