"""Figure 3: what each layer of an HVAE controls."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlae.figures._effects import Beside, largest, layers_table
from vlae.figures.plotting import (
    PALETTE,
    WIDTH,
    despine,
    layer_name,
    mosaic,
    show,
    subfigures,
)
from vlae.results.run_results import RunResults
from vlae.results.text import in_words, number, spread

TABLES = ["ablation", "effects"]

SHOWN = ["class", "pixels"]
"""Properties whose effects stand above the panels, the one that decides first."""


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return the KL and the total effects of each layer, with the authors' numbers."""
    return layers_table(runs, "figure3")


def draw(runs: list[RunResults]) -> Figure:
    """Draw a row per run: one panel per layer, bottom to top, and T on pixels.

    Above a panel stand T on the pixels and on the class, and, in brackets, what the
    authors' panel shows: the pixels' variance relative to that of its largest panel,
    and the variance of the class relative to that of even and certain classes.
    """
    figure = Figure(figsize=(WIDTH, 3.4 * len(runs)), layout="constrained")
    for block, run in zip(subfigures(figure, len(runs)), runs, strict=True):
        arrays = run.arrays("generation")
        panels = [v for name, v in arrays.items() if name.startswith("redrawn_")]
        effects = run.table("effects")
        pixels = effects[effects["property"] == "pixels"]
        block.suptitle(f"{run.title} (images: seed {run.seeds[0]})", fontweight="bold")
        *axes, last = block.subplots(
            1, len(panels) + 1, width_ratios=[1.0] * len(panels) + [0.75]
        )
        for layer, (panel, images) in enumerate(zip(axes, panels, strict=True), 1):
            columns = round(len(images) ** 0.5)
            lines = [f"{layer_name(layer, len(panels))} redrawn"]
            lines += [
                _effect(effects, run.dataset, layer, name)
                for name in SHOWN
                if name in set(effects["property"])
            ]
            show(panel, mosaic(images, columns), "\n".join(lines))
        _bars(last, pixels)
    return figure


def _effect(effects: pd.DataFrame, dataset: str, layer: int, name: str) -> str:
    """Return T of a layer on a property in words, and the authors' number."""
    rows = effects[(effects["layer"] == layer) & (effects["property"] == name)]
    words = f"{name}: T = {spread(rows['total_effect'])}"
    theirs = Beside("figure3", dataset, {}).number(layer, name)
    return words if math.isnan(theirs) else f"{words} [{number(theirs)}]"


def findings(runs: list[RunResults]) -> list[str]:
    """Say which layer of each run has the largest total effect, and what others have.

    It is said of the class, if that was measured, and of the pixels.
    """
    sentences = []
    for run in runs:
        measured = [name for name in SHOWN if not largest(run, name).empty]
        parts = [_leader(run, name) for name in measured]
        sentences.append(f"{run.title}, largest total effect: {'; '.join(parts)}.")
    return sentences


def _leader(run: RunResults, name: str) -> str:
    """Return the layer that changes a property most, and T of that and the next."""
    table, top = run.table("effects"), largest(run, name)
    others = table[table["property"] == name].drop(top.index)
    second = others.groupby("seed")["total_effect"].max()
    beside = Beside("figure3", run.dataset, {})
    theirs = [beside.number(layer, name) for layer in table["layer"].unique()]
    known = sorted((value for value in theirs if not math.isnan(value)), reverse=True)
    pictured = f" [authors' picture: {', '.join(map(number, known[:2]))}]"
    return (
        f"on the {name} that of {in_words(top['layer'])}, "
        f"T = {spread(top['total_effect'])}, and of the next layer {spread(second)}"
        f"{pictured if known else ''}"
    )


def _bars(axes: Axes, pixels: pd.DataFrame) -> None:
    import seaborn as sns

    sns.barplot(
        pixels, x="layer", y="total_effect", color=PALETTE[0], errorbar=None, ax=axes
    )
    # Jitter draws random numbers, so the bytes would differ every time.
    points = {"color": "0.15", "size": 4, "jitter": False}
    sns.stripplot(pixels, x="layer", y="total_effect", ax=axes, **points)
    axes.set(ylim=(0, 1.15), ylabel="", xlabel="layer")
    axes.set_title("total effect T\non pixels")
    despine(axes)
