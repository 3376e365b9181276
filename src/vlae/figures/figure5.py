"""Figure 5: the codes of a VLAE, layer by layer, and what each layer controls."""

import pandas as pd
from matplotlib.figure import Figure

from vlae.figures._effects import (
    FIRST_ORDER,
    Beside,
    as_predicted,
    classifier_trust,
    effects_table,
    layers_table,
    most_changed,
)
from vlae.figures.plotting import WIDTH, layer_name, mosaic, show, subfigures
from vlae.results.run_results import RunResults
from vlae.results.text import ordered

TABLES = ["traversal", "effects"]

PREDICTED = {
    "thickness": 1,
    "slant_within_class": 2,
    "width_within_class": 2,
    "class": 3,
}
"""The layer in which the paper sees a property."""


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return the KL and the first-order effects of each layer, and the authors'."""
    return layers_table(runs, "figure5", FIRST_ORDER)


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block per run: a grid over each layer's code, and first-order effects."""
    figure = Figure(figsize=(WIDTH, 6.2 * len(runs)), layout="constrained")
    for block, run in zip(subfigures(figure, len(runs)), runs, strict=True):
        arrays = run.arrays("generation")
        grids = [v for name, v in arrays.items() if name.startswith("grid_")]
        block.suptitle(f"{run.title} (images: seed {run.seeds[0]})", fontweight="bold")
        top, below = subfigures(block, 2, height_ratios=[3.5, 2.6])
        panels = zip(top.subplots(1, len(grids)), grids, strict=True)
        for layer, (axes, images) in enumerate(panels, start=1):
            picture = mosaic(images, round(len(images) ** 0.5), gap=0)
            title = f"code of {layer_name(layer, len(grids))}, others redrawn"
            show(axes, picture, title)
        beside = Beside("figure5", run.dataset, PREDICTED)
        effects_table(below.subplots(1, 1), run.table("effects"), beside, FIRST_ORDER)
    return figure


def findings(runs: list[RunResults]) -> list[str]:
    """Say what each layer fixes where the paper sees it, and which changes it most."""
    sentences = []
    for run in runs:
        beside = Beside("figure5", run.dataset, PREDICTED)
        sentences += as_predicted(run, beside, FIRST_ORDER)
    sentences += [most_changed(run, ordered(PREDICTED)) for run in runs]
    return sentences + classifier_trust(runs)
