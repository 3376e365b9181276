"""Figure 5: the codes of a VLAE, layer by layer, and what each layer controls."""

from matplotlib.figure import Figure

from vlae.config.experiment_outputs import WITHIN_CLASS_SUFFIX
from vlae.figures._effects import (
    classifier_trust,
    effects_table,
    layers_table,
    most_changed,
)
from vlae.figures.plotting import WIDTH, layer_name, mosaic, show, subfigures
from vlae.results.run_results import RunResults
from vlae.results.text import ordered

TABLES = ["traversal", "effects"]

numbers = layers_table

STROKE_PROPERTIES = ["thickness", "slant", "width"]
PREDICTED_PROPERTIES = [
    *STROKE_PROPERTIES,
    *(name + WITHIN_CLASS_SUFFIX for name in STROKE_PROPERTIES),
    "class",
]


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block per run: a grid over each layer's code, and the total effects."""
    figure = Figure(figsize=(WIDTH, 5.8 * len(runs)), layout="constrained")
    for block, run in zip(subfigures(figure, len(runs)), runs, strict=True):
        arrays = run.arrays("generation")
        grids = [v for name, v in arrays.items() if name.startswith("grid_")]
        block.suptitle(f"{run.title} (images: seed {run.seeds[0]})", fontweight="bold")
        top, below = subfigures(block, 2, height_ratios=[3.5, 2.3])
        panels = zip(top.subplots(1, len(grids)), grids, strict=True)
        for layer, (axes, images) in enumerate(panels, start=1):
            picture = mosaic(images, round(len(images) ** 0.5), gap=0)
            title = f"code of {layer_name(layer, len(grids))}, others redrawn"
            show(axes, picture, title)
        effects_table(below.subplots(1, 1), run.table("effects"))
    return figure


def findings(runs: list[RunResults]) -> list[str]:
    """Say which layer of each run changes each property of the paper most."""
    sentences = []
    for run in runs:
        sentences += [
            most_changed(run, ordered(PREDICTED_PROPERTIES)),
            *classifier_trust(run),
        ]
    return sentences
