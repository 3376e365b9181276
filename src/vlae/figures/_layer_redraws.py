"""Figures 6 and 7: redraw one layer of a VLAE, or all layers but the bottom one."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from vlae.figures._effects import (
    Beside,
    as_predicted,
    classifier_trust,
    effects_table,
    most_affected,
    most_changed,
)
from vlae.figures.plotting import WIDTH, layer_name, mosaic, show, subfigures
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number

PANEL_PIXELS = 400
"""Largest width of a mosaic, in pixels of its images; a wider one would be shrunk."""
COLUMNS = 3
"""Panels side by side."""
MOST = 6
"""Properties in sentences; the table of numbers has all."""


def draw_redraws(
    runs: list[RunResults], name: str, predicted: Mapping[str, int]
) -> Figure:
    """Draw a block per run: a panel per layer, one with layer 1 kept, and effects.

    Args:
        runs: what to draw.
        name: of the figure, as in the configuration.
        predicted: the layer in which the paper sees a property.
    """
    figure = Figure(figsize=(WIDTH, 10.1 * len(runs)), layout="constrained")
    for block, run in zip(subfigures(figure, len(runs)), runs, strict=True):
        arrays = run.arrays("generation")
        layers = sum(name.startswith("redrawn_") for name in arrays)
        panels = {
            f"{layer_name(layer, layers)} redrawn": arrays[f"redrawn_{layer}"]
            for layer in range(1, layers + 1)
        }
        panels["layer 1 kept, all others redrawn"] = arrays["kept_1"]
        block.suptitle(f"{run.title} (images: seed {run.seeds[0]})", fontweight="bold")
        top, below = subfigures(block, 2, height_ratios=[7.0, 3.1])
        axes = top.subplots(-(-len(panels) // COLUMNS), COLUMNS).flatten()
        for panel in axes[len(panels) :]:
            panel.set_visible(False)
        for panel, (title, images) in zip(axes, panels.items(), strict=False):
            side = min(round(len(images) ** 0.5), PANEL_PIXELS // (images.shape[3] + 1))
            show(panel, mosaic(images[: side * side], side), title)
        beside = Beside(name, run.dataset, predicted)
        effects_table(below.subplots(1, 1), run.table("effects"), beside)
    return figure


def redraw_findings(
    runs: list[RunResults], name: str, predicted: Mapping[str, int]
) -> list[str]:
    """Say which layer changes each property most, and what layer 1 alone fixes.

    Args:
        runs: what to describe.
        name: of the figure, as in the configuration.
        predicted: the layer in which the paper sees a property.
    """
    sentences = []
    for run in runs:
        sentences += as_predicted(run, Beside(name, run.dataset, predicted))
        table = run.table("effects").dropna(subset="total_effect")
        names = most_affected(table, MOST)
        sentences.append(most_changed(run, names))
        bottom = table[table["layer"] == 1].dropna(subset="first_order")
        kept = bottom.groupby("property")["first_order"].mean()
        fixed = ", ".join(
            f"{in_print(name)} {number(kept[name])}" for name in names if name in kept
        )
        sentences.append(
            f"{run.title}: with layer 1 kept and all others redrawn, these shares of "
            f"the variance remain: {fixed}."
        )
    return sentences + classifier_trust(runs)
