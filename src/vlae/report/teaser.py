"""The picture on the report's first screen: what each layer of a model changes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import FigureSpec
from vlae.figures.plotting import layer_name, mosaic, mostly_black, thinned
from vlae.report.images import Picture, file, pixels
from vlae.results.run_results import RunResults

SIDE = 5
"""Images along a side of a panel."""
SOURCES = (
    (
        ("figure3",),
        "redrawn",
        "HVAE: each panel redraws the noise of one layer",
    ),
    (("figure5",), "grid", "VLAE: each panel is a grid over the code of one layer"),
    (
        ("figure6", "figure7"),
        "redrawn",
        "VLAE: each panel redraws the code of one layer",
    ),
    (("layers",), "redrawn", "Each panel redraws one layer"),
)
"""Figures that show layers: their names, the beginning of the names of arrays of the
experiment `generation`, and a title for those images."""
MAX_LINES = 2


@dataclass(frozen=True)
class TeaserLine:
    """One line of the picture, which links to its figure."""

    figure: str
    title: str
    panels: list[Picture]


def teaser(figures: Sequence[FigureSpec], results: ResultsFolder) -> list[TeaserLine]:
    """Return the lines of the picture, each of the first run of a figure, first seed.

    If no figure shows layers, there is one line with the first figure itself; without
    figures, there are no lines.
    """
    shown = {figure.figure: figure for figure in figures}
    lines = []
    for names, kind, title in SOURCES:
        name = next((name for name in names if name in shown), None)
        if name is not None:
            run = RunResults(shown[name].rows[0], results)
            lines.append(TeaserLine(name, title, _panels(run, kind)))
    if not lines and figures:
        name = figures[0].figure
        panel = Picture("", file(results.figure(name).png))
        lines.append(TeaserLine(name, "", [panel]))
    return lines[:MAX_LINES]


def _panels(run: RunResults, kind: str) -> list[Picture]:
    """Return one panel per layer, the bottom layer first.

    A panel has `SIDE` times `SIDE` images, evenly spaced in the square of all images.
    """
    arrays = run.arrays("generation")
    layers = [name for name in arrays if name.startswith(f"{kind}_")]
    ink = mostly_black(arrays["data"])
    return [
        Picture(layer_name(layer, len(layers)), _mosaic(arrays[name], ink=ink))
        for layer, name in enumerate(layers, 1)
    ]


def _mosaic(images: np.ndarray, *, ink: bool) -> str:
    side = math.isqrt(len(images))
    shown = min(SIDE, side)
    return pixels(mosaic(thinned(images, shown, shown), shown, gap=0, ink=ink))
