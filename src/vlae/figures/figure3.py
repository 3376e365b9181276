"""Figure 3: what each layer of an HVAE controls."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlae.figures.plotting import (
    PALETTE,
    WIDTH,
    Row,
    despine,
    layers_table,
    mosaic,
    place,
    show,
    subfigures,
)
from vlae.results.text import in_words, spread

EXPERIMENTS = ["ablation", "effects"]

numbers = layers_table


def draw(rows: list[Row]) -> Figure:
    """A row per run: a panel per layer, bottom to top, and T_l in pixel variance."""
    figure = Figure(figsize=(WIDTH, 3.2 * len(rows)), layout="constrained")
    for block, row in zip(subfigures(figure, len(rows)), rows, strict=True):
        arrays = row.arrays("ablation")
        panels = [v for name, v in arrays.items() if name.startswith("layer_")]
        effects = row.table("effects")
        pixels = effects[effects["property"] == "pixels"]
        block.suptitle(f"{row.title} (images: seed {row.seeds[0]})", fontweight="bold")
        *axes, last = block.subplots(
            1, len(panels) + 1, width_ratios=[1.0] * len(panels) + [0.75]
        )
        for layer, (panel, images) in enumerate(zip(axes, panels, strict=True), 1):
            effect = spread(pixels.loc[pixels["layer"] == layer, "total_effect"])
            columns = round(len(images) ** 0.5)
            title = f"{place(layer, len(panels))} redrawn\nT = {effect}"
            show(panel, mosaic(images, columns), title)
        _bars(last, pixels)
    return figure


def findings(rows: list[Row]) -> list[str]:
    """Which layer has the largest total effect on pixels, per run."""
    sentences = []
    for row in rows:
        table, largest = row.table("effects"), row.largest("pixels")
        others = table[table["property"] == "pixels"].drop(largest.index)
        second = others.groupby("seed")["total_effect"].max()
        sentences.append(
            f"{row.title}: the largest total effect on pixels is that of "
            f"{in_words(largest['layer'])}, T = {spread(largest['total_effect'])}; "
            f"the next layer has T = {spread(second)}."
        )
    return sentences


def _bars(axes: Axes, pixels: pd.DataFrame) -> None:
    import seaborn as sns

    sns.barplot(
        pixels, x="layer", y="total_effect", color=PALETTE[0], errorbar=None, ax=axes
    )
    # Jitter would draw random numbers: other bytes every time.
    points = {"color": "0.15", "size": 4, "jitter": False}
    sns.stripplot(pixels, x="layer", y="total_effect", ax=axes, **points)
    axes.set(ylim=(0, 1.15), ylabel="", xlabel="layer")
    axes.set_title("total effect T\non pixels")
    despine(axes)
