"""Figures 6 and 7: one layer of a VLAE redrawn at a time, and the converse."""

from matplotlib.figure import Figure

from vlae.figures.plotting import (
    WIDTH,
    Row,
    effects_table,
    layers_table,
    mosaic,
    place,
    show,
    subfigures,
)
from vlae.results.text import in_print, number, ordered

numbers = layers_table

PANEL = 400
"""Widest mosaic of a panel, in pixels of its images: more would be shown smaller."""
COLUMNS = 3


def draw(rows: list[Row]) -> Figure:
    """Per run: a panel per layer redrawn, one with layer 1 kept, and the effects."""
    figure = Figure(figsize=(WIDTH, 9.4 * len(rows)), layout="constrained")
    for block, row in zip(subfigures(figure, len(rows)), rows, strict=True):
        arrays = row.arrays("ablation")
        layers = sum(name.startswith("layer_") for name in arrays)
        panels = {
            f"{place(layer, layers)} redrawn": arrays[f"layer_{layer}"]
            for layer in range(1, layers + 1)
        }
        panels["layer 1 kept, all others redrawn"] = arrays["kept_1"]
        block.suptitle(f"{row.title} (images: seed {row.seeds[0]})", fontweight="bold")
        top, below = subfigures(block, 2, height_ratios=[7.0, 2.4])
        axes = top.subplots(-(-len(panels) // COLUMNS), COLUMNS).flatten()
        for panel in axes[len(panels) :]:
            panel.set_visible(False)
        for panel, (title, images) in zip(axes, panels.items(), strict=False):
            side = min(round(len(images) ** 0.5), PANEL // (images.shape[3] + 1))
            show(panel, mosaic(images[: side * side], side), title)
        effects_table(below.subplots(1, 1), row.table("effects"))
    return figure


def findings(rows: list[Row]) -> list[str]:
    """Which layer changes each property most, and what layer 1 alone fixes."""
    sentences = []
    for row in rows:
        table = row.table("effects").dropna(subset="total_effect")
        names = ordered(table["property"].unique())
        sentences.append(row.most_changed(names))
        bottom = table[table["layer"] == 1].dropna(subset="first_order")
        kept = bottom.groupby("property")["first_order"].mean()
        fixed = ", ".join(
            f"{in_print(name)} {number(kept[name])}" for name in names if name in kept
        )
        sentences.append(
            f"{row.title}: with layer 1 kept and all others redrawn, this share of the "
            f"variance stays: {fixed}."
        )
        sentences += row.classifier_trust()
    return sentences
