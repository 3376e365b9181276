"""Figure 5: the codes of a VLAE, layer by layer, and what each layer controls."""

import pandas as pd
from matplotlib.figure import Figure

from vlae.plotting import (
    WIDTH,
    Row,
    effects_table,
    in_words,
    layers_table,
    mosaic,
    place,
    show,
    spread,
    subfigures,
)

EXPERIMENTS = ["traversal", "effects"]

NAMED = ["thickness", "slant", "width", "class"]


def draw(rows: list[Row]) -> Figure:
    """Per run: a grid over each layer's code, and the table of total effects."""
    figure = Figure(figsize=(WIDTH, 5.2 * len(rows)), layout="constrained")
    for block, row in zip(subfigures(figure, len(rows)), rows, strict=True):
        grids = row.arrays("traversal")
        block.suptitle(f"{row.title} (images: seed {row.seeds[0]})", fontweight="bold")
        top, below = subfigures(block, 2, height_ratios=[3.5, 1.7])
        for layer, axes in enumerate(top.subplots(1, len(grids)), start=1):
            images = grids[f"layer_{layer}"]
            picture = mosaic(images, round(len(images) ** 0.5), gap=0)
            title = f"code of {place(layer, len(grids))}, others redrawn"
            show(axes, picture, title)
        effects_table(below.subplots(1, 1), row.table("effects"))
    return figure


def numbers(rows: list[Row]) -> pd.DataFrame:
    """Held-out KL and total effects of each layer, mean (range) over seeds."""
    return layers_table(rows)


def findings(rows: list[Row]) -> list[str]:
    """Which layer changes each named property most, per run."""
    sentences = []
    for row in rows:
        largest = {name: row.largest(name) for name in NAMED}
        parts = [
            f"{name} by {in_words(found['layer'])}, T = {spread(found['total_effect'])}"
            for name, found in largest.items()
            if not found.empty
        ]
        changed = "; ".join(parts) or "nothing that could be measured"
        sentences += [f"{row.title}: most changed is {changed}.", *row.judged()]
    return sentences
