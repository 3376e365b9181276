"""Figure 5: the codes of a VLAE, layer by layer, and what each layer controls."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlae.plotting import WIDTH, Row, mosaic, number, show

PROPERTIES = ["thickness", "slant", "width", "class", "ink", "pixels"]


def draw(rows: list[Row]) -> Figure:
    """Per run: a grid over each layer's code, and the table of total effects."""
    figure = Figure(figsize=(WIDTH, 5.2 * len(rows)), layout="constrained")
    for block, row in zip(
        np.atleast_1d(figure.subfigures(len(rows), 1)), rows, strict=True
    ):
        grids = row.arrays("traversal")
        block.suptitle(f"{row.title} (images: seed {row.seeds[0]})", fontweight="bold")
        top, below = block.subfigures(2, 1, height_ratios=[3.5, 1.7])
        for layer, axes in enumerate(top.subplots(1, len(grids)), start=1):
            images = grids[f"layer_{layer}"]
            place = {1: " (bottom)", len(grids): " (top)"}.get(layer, "")
            picture = mosaic(images, round(len(images) ** 0.5), gap=0)
            show(axes, picture, f"code of layer {layer}{place}, others redrawn")
        _table(below.subplots(1, 1), row.table("effects"))
    return figure


def _table(axes: Axes, effects: pd.DataFrame) -> None:
    """Mean over seeds in colour and number; the range below it for several seeds."""
    columns = [p for p in PROPERTIES if p in set(effects["property"])]
    cells = effects.groupby(["layer", "property"])["total_effect"]
    mean = cells.mean().unstack()[columns]
    text = mean.map(number)
    if effects["seed"].nunique() > 1:
        low, high = cells.min().unstack(), cells.max().unstack()
        spans = low.map(number) + "–" + high.map(number)
        text = text + "\n" + spans[columns]
    sns.heatmap(
        mean,
        annot=text.to_numpy(),
        fmt="",
        vmin=0,
        vmax=1,
        cmap="Blues",
        cbar=False,
        linewidths=1,
        annot_kws={"size": 8},
        ax=axes,
    )
    axes.set(xlabel="", ylabel="layer redrawn")
    axes.set_title("total-effect index T: what redrawing one layer changes")
    axes.tick_params(length=0, rotation=0)
