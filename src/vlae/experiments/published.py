"""What the authors' pictures show, by the measures and estimators of our own grids.

A panel belongs to one layer, and its images are measured by the data set's measures and
classifier. Panels of our own runs are measured the same way at the same resolution:
`our_panels` takes them through a drawing of the size of the picture.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from vlae.config.published_pictures import (
    FIRST_ORDER,
    PICTURES,
    SHARE_OF_CLASS,
    SHARE_OF_LARGEST,
    VARIANCE,
    PublishedPicture,
    Quantity,
)
from vlae.data import printed_panels
from vlae.data.printed_panels import Layout
from vlae.experiments._properties import Properties, within
from vlae.models.base import ImageClassifier
from vlae.statistics.panels import Grid, defined, panel_variances
from vlae.statistics.quotients import Quotients
from vlae.statistics.within_class import class_means, within_class
from vlae.system import registry
from vlae.system.errors import UserError
from vlae.system.files import sha256
from vlae.training.trained_run import TrainedRun, classify

NUMBERS = ["value", "low", "high", "lead", "lead_low", "lead_high"]
COLUMNS = [
    *("picture", "figure", "dataset", "panel", "layer", "property", "quantity"),
    *(*NUMBERS, "images"),
]

Images = NDArray[np.float64]


def published_panels(picture: PublishedPicture, path: Path) -> list[Images]:
    """Return the images of all panels of a picture, bottom layer first.

    Args:
        picture: what is in it.
        path: its file.

    Returns:
        (side * side, C, H, W) in [0, 1] per panel, row by row.

    Raises:
        UserError: if the file is missing, cannot be cut, or is not the published one.
    """
    panels = printed_panels.cut(path, _layout(picture, picture.side))
    if (found := sha256(path)) != picture.sha256:
        raise UserError(
            f"{path}: its SHA-256 is {found}; expected that of the published picture, "
            f"{picture.sha256}. Get the file from {picture.address}."
        )
    return panels


def our_panels(picture: PublishedPicture, path: Path) -> list[Images]:
    """Return grids or redrawn layers of a run as if they were in a published picture.

    They are drawn with images of the size of the picture's, and cut from it.

    Args:
        picture: what is imitated.
        path: arrays of the experiment `generation`. A layer that is redrawn may have
            any number of images; the largest square of them is taken.

    Returns:
        as `published_panels`, one array per layer of the run.

    Raises:
        UserError: if the file cannot be read or lacks the arrays, or if its images do
            not have the shape of the picture's.
    """
    prefix = "redrawn_" if picture.extent is None else "grid_"
    try:
        with np.load(path) as arrays:
            found = {k: arrays[k] for k in arrays.files if k.startswith(prefix)}
    except (OSError, EOFError, ValueError, BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as arrays ({error}).") from None
    if not found:
        raise UserError(
            f"{path}: no arrays {prefix}1, {prefix}2, ...; expected the file "
            "generation.npz of a run."
        )
    panels = []
    for name, images in found.items():
        if images.shape[1:] != picture.shape:
            raise UserError(
                f"{path}: {name} has images of shape {list(images.shape[1:])}; those "
                f"of {picture.name} have {list(picture.shape)}."
            )
        side = math.isqrt(len(images))
        pixels = round(side * picture.pixels)
        layout = _layout(picture, side)
        panels.append(printed_panels.reprint(images[: side**2], layout, pixels))
    return panels


def measured(
    picture: PublishedPicture,
    panels: Sequence[Images],
    classifier: TrainedRun[ImageClassifier] | None,
    extent: float | None = None,
) -> pd.DataFrame:
    """Return a table of `COLUMNS`, one row per panel, property and quantity.

    `panel`, `layer`:
        both from 1, the leftmost panel and the bottom layer.

    `property`:
        `pixels`, the measures of the data set, and with a classifier `class`, its
        probabilities, and the measures within the class, whose means are those of all
        panels together.

    `quantity`:
        `first-order effect` for a grid over the codes (`vlae.statistics.panels`).
        Else `variance`, `share of the largest` variance of all panels, and for the
        class `share of the class`: of the variance if all classes were equally frequent
        and certain.

    `value`, `low`, `high`; `lead`, `lead_low`, `lead_high`:
        the number, and by how much it is above that of any other panel, with 95 %
        intervals by a bootstrap of the images.

    `images`:
        those of the panel for which the property is defined.

    Args:
        picture: what is in it.
        panels: its images, (n, C, H, W) in [0, 1] per panel.
        classifier: of the data set's classes, if there is one.
        extent: of the codes; that of the picture unless given.

    Raises:
        UserError: if the classifier does not fit the images.
    """
    side = math.isqrt(len(panels[0]))
    grid = picture.extent and Grid.square(side, extent or picture.extent)
    weights = grid.weights if grid else np.ones(side**2)
    rows: list[tuple[object, ...]] = []
    for name, values in _properties(picture, panels, classifier, weights).items():
        quantities = (
            {FIRST_ORDER: grid.effects(values)} if grid else _variances(name, values)
        )
        for quantity, found in quantities.items():
            intervals, leads = found.intervals(), found.leads([name] * len(values))
            for layer, (interval, lead, panel) in enumerate(
                zip(intervals, leads, values, strict=True), 1
            ):
                place = (picture.name, picture.figure, picture.dataset, layer, layer)
                numbers = (*astuple(interval), *astuple(lead), defined(panel))
                rows.append((*place, name, quantity, *numbers))
    return pd.DataFrame(rows, columns=COLUMNS)


def pictures_table(extent: float | None = None) -> pd.DataFrame:
    """Return a table of all pictures, one row each, with address and SHA-256.

    Args:
        extent: of the codes of grids; that of each picture unless given.
    """
    return pd.DataFrame(
        {
            "picture": p.name,
            "figure": p.figure,
            "dataset": p.dataset,
            "panels": p.panels,
            "images": p.side**2,
            "extent": p.extent and (extent or p.extent),
            "address": p.address,
            "sha256": p.sha256,
        }
        for p in PICTURES.values()
    )


def _layout(picture: PublishedPicture, side: int) -> Layout:
    return Layout(picture.panels, side, picture.shape)


def _variances(name: str, panels: list[np.ndarray]) -> dict[Quantity, Quotients]:
    found = {
        VARIANCE: panel_variances(panels, 1.0),
        SHARE_OF_LARGEST: panel_variances(panels),
    }
    if name == "class":
        even = 1 - 1 / panels[0].shape[1]
        found[SHARE_OF_CLASS] = panel_variances(panels, even)
    return found


def _properties(
    picture: PublishedPicture,
    panels: Sequence[Images],
    classifier: TrainedRun[ImageClassifier] | None,
    weights: NDArray[np.float64],
) -> dict[str, list[np.ndarray]]:
    """Return the properties of the images of each panel, by name."""
    images = np.concatenate(panels).astype(np.float32)
    found: Properties = {"pixels": images}
    for module in picture.measures:
        found |= registry.load("measures", module).measure(images)
    if classifier is not None:
        found["class"] = classes = _classes(picture, classifier, images)
        masses = np.tile(weights, len(panels))[:, None]
        for module in picture.measures:
            for name in registry.constant("measures", module, "WITHIN_CLASS"):
                means = class_means(found[name], classes * masses)
                found[within(name)] = within_class(found[name], classes, means)
    return {name: np.split(values, len(panels)) for name, values in found.items()}


def _classes(
    picture: PublishedPicture,
    classifier: TrainedRun[ImageClassifier],
    images: NDArray[np.float32],
) -> np.ndarray:
    """Return the probabilities (N, classes) that a classifier gives to images.

    Raises:
        UserError: if it does not know classes of such images.
    """
    data = classifier.spec.data
    if not data.classes or tuple(data.shape) != picture.shape:
        raise UserError(
            f"classifier {classifier.spec.name}: it knows {data.classes} classes of "
            f"images of shape {list(data.shape)}; {picture.name} needs one for the "
            f"classes of images of shape {list(picture.shape)}."
        )
    return classify(classifier, torch.from_numpy(images))
