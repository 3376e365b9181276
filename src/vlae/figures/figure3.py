"""Figure 3: what each layer of an HVAE controls."""

import math
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from vlae.figures._effects import Beside, largest, layers_table
from vlae.figures.plotting import (
    INK,
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
WIDTH_OF_BARS = 0.8
"""Share of the room of a layer that its bars take."""
THEIRS: dict[str, Any] = {
    **{"marker": "D", "ms": 6, "mfc": "white", "mec": INK, "lw": 0, "zorder": 5},
}
"""Look of the numbers of the authors' picture."""
LEGEND: dict[str, Any] = {"loc": "outside lower right", "ncols": 3}


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return the KL and the total effects of each layer, with the authors' numbers."""
    return layers_table(runs, "figure3")


def draw(runs: list[RunResults]) -> Figure:
    """Draw a row per run: one panel per layer, bottom to top, and T beside theirs.

    Above a panel stand T on the pixels and on the class, and, in brackets, what the
    authors' panel shows: the pixels' variance relative to that of its largest panel,
    and the variance of the class relative to that of even and certain classes.
    """
    figure = Figure(figsize=(WIDTH, 3.6 * len(runs)), layout="constrained")
    for block, run in zip(subfigures(figure, len(runs)), runs, strict=True):
        arrays = run.arrays("generation")
        panels = [v for name, v in arrays.items() if name.startswith("redrawn_")]
        effects = run.table("effects")
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
        handles = _bars(last, effects, Beside("figure3", run.dataset, {}))
        block.legend(handles=handles, **LEGEND)
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


def _bars(axes: Axes, effects: pd.DataFrame, beside: Beside) -> list[Artist]:
    """Draw T of each layer with a point per seed, and what the authors' panel shows.

    Returns:
        what a legend has to name; nothing if no effect could be measured.
    """
    import seaborn as sns

    measured = effects.dropna(subset="total_effect")
    names = [name for name in SHOWN if name in set(measured["property"])]
    despine(axes)
    if not names:
        axes.set_title("whatever layer is redrawn,\nthe image stays the same")
        axes.axis("off")
        return []
    drawn: dict[str, Any] = {
        **{"data": measured[measured["property"].isin(names)], "ax": axes},
        **{"x": "layer", "y": "total_effect", "hue": "property", "hue_order": names},
        "legend": False,
    }
    colors = PALETTE[: len(names)]
    sns.barplot(
        **drawn, palette=colors, saturation=1, width=WIDTH_OF_BARS, errorbar=None
    )
    # Jitter draws random numbers, so the bytes would differ every time.
    dots = {"palette": [INK] * len(names), "size": 3.5, "jitter": False}
    sns.stripplot(**drawn, **dots, dodge=len(names) > 1)
    axes.set(ylim=(0, 1.15), ylabel="", xlabel="layer", title="total effect T")
    patches: list[Artist] = [
        Patch(color=color, label=name)
        for color, name in zip(colors, names, strict=True)
    ]
    width = WIDTH_OF_BARS / len(names)
    marks = [
        (place + width * (i - (len(names) - 1) / 2), beside.number(layer, name))
        for place, layer in enumerate(sorted(measured["layer"].unique()))
        for i, name in enumerate(names)
    ]
    if all(math.isnan(value) for _, value in marks):
        return patches
    label = "authors' picture"
    return patches + axes.plot(
        *zip(*marks, strict=True), **THEIRS, label=label, clip_on=False
    )
