"""Figure 5: the codes of a VLAE, layer by layer, and what each layer controls."""

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

EXPERIMENTS = ["traversal", "effects"]

numbers = layers_table

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


def findings(rows: list[Row]) -> list[str]:
    """Which layer changes each named property most, per run."""
    sentences = []
    for row in rows:
        sentences += [row.most_changed(NAMED), *row.classifier_trust()]
    return sentences
