"""The one picture of the report's first screen: what each layer of a model changes."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.figures.plotting import Row, mosaic, place
from vlae.report.images import file, pixels

SIDE = 5
"""Images along a side of a panel."""
SOURCES = (
    (
        ("figure3",),
        "ablation",
        "HVAE: only one layer's noise is drawn anew in each panel",
    ),
    (("figure5",), "traversal", "VLAE: each panel goes over the code of one layer"),
    (
        ("figure6", "figure7"),
        "ablation",
        "VLAE: only one layer's code is drawn anew in each panel",
    ),
)
"""Figures that show layers, with the experiment and the words for what it does."""
LINES = 2
Map = dict[str, Any]


def teaser(figures: list[Map], results: Path) -> list[Map]:
    """Lines of the picture, each of the first run of a figure, first seed.

    Where no figure shows layers, the one line is the first figure itself.

    Args:
        figures: of the report spec.
        results: the results folder.
    """
    shown = {figure["figure"]: figure for figure in figures}
    lines = []
    for names, experiment, title in SOURCES:
        name = next((name for name in names if name in shown), None)
        if name is not None:
            row = Row(RunRow.of(shown[name]["rows"][0]), ResultsFolder(results))
            lines.append(
                {"figure": name, "title": title, "panels": _panels(row, experiment)}
            )
    if not lines and figures:
        name = figures[0]["figure"]
        picture = file(results / "figures" / f"{name}.png")
        panel = {"title": "", "picture": picture}
        lines.append({"figure": name, "title": "", "panels": [panel]})
    return lines[:LINES]


def _panels(row: Row, experiment: str) -> list[Map]:
    """A panel a layer, bottom first: `SIDE` by `SIDE` images of a square."""
    arrays = row.arrays(experiment)
    layers = [name for name in arrays if name.startswith("layer_")]
    panels = []
    for number, name in enumerate(layers, 1):
        images = arrays[name]
        side = math.isqrt(len(images))
        shown = min(SIDE, side)
        places = np.linspace(0, side - 1, shown).round().astype(int)
        chosen = [line * side + column for line in places for column in places]
        panels.append(
            {
                "title": place(number, len(layers)),
                "picture": pixels(mosaic(images[chosen], shown, gap=0)),
            }
        )
    return panels
