"""How well a linear classifier learns from few labels, on the code of each layer."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlae.config.experiment_outputs import CODES, COMPONENTS
from vlae.figures.plotting import INK, PALETTE, WIDTH, despine
from vlae.results.run_results import RunResults
from vlae.results.text import number, spread

TABLES = ["few_labels"]

COLUMNS = 2
"""Panels side by side."""


def draw(runs: list[RunResults]) -> Figure:
    """Draw a panel per run: accuracy against labels, one line per layer."""
    lines = -(-len(runs) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 3.7 * lines), layout="constrained")
    panels = figure.subplots(lines, COLUMNS, squeeze=False, sharey=True).flatten()
    for axes, run in zip(panels, runs, strict=False):
        axes.set_title(run.title, fontweight="bold")
        _panel(axes, run.table("few_labels"))
    for unused in panels[len(runs) :]:
        unused.set_visible(False)
    return figure


def _panel(axes: Axes, table: pd.DataFrame) -> None:
    """Draw mean and standard deviation over repeats and seeds."""
    found = table.dropna(subset="accuracy")
    if found.empty:
        text = table["reason"].iloc[0]
        axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes)
        axes.axis("off")
        return
    components = found.loc[found["features"] == COMPONENTS, "dimension"]
    places = {size: place for place, size in enumerate(sorted(components.unique()))}
    for (name, layer, dimension), lines in _each(found):
        by_count = lines.groupby("labels")["accuracy"].agg(["mean", "std"])
        look = _look(name, layer, places.get(dimension, 0))
        axes.errorbar(
            by_count.index,
            by_count["mean"],
            by_count["std"].fillna(0),
            label=_named(name, layer, dimension),
            capsize=2,
            ms=4,
            **look,
        )
    counts = sorted(found["labels"].unique())
    chance = found["chance"].mean()
    axes.axhline(chance, color="0.6", linestyle=":")
    axes.text(counts[-1], chance + 0.01, "chance", ha="right", color="0.4", fontsize=8)
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set(xlabel="labelled images", ylabel="accuracy on held-out images")
    axes.set(ylim=(0, 1.0))
    axes.tick_params(labelleft=True)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    despine(axes)


def _each(table: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
    """Return features, layer and dimension with their rows: layers, all, components."""
    found = [*table.groupby(["features", "layer", "dimension"])]
    return sorted(found, key=lambda of: (of[0][0], of[0][1] == 0, *of[0][1:]))


def _look(name: str, layer: int, baseline: int) -> dict[str, Any]:
    """Return colour and marker of a layer, or of the baseline of some number."""
    if name == COMPONENTS:
        marker = "x+*d1234"[baseline % 8]
        return {"color": "0.55", "linestyle": "--", "marker": marker, "linewidth": 1}
    color = PALETTE[(layer - 1) % len(PALETTE)] if layer else INK
    return {"color": color, "marker": "o" if layer else "s"}


def _named(name: str, layer: int, dimension: int) -> str:
    if name == COMPONENTS:
        return f"{dimension} components"
    return f"layer {layer} ({dimension})" if layer else f"all layers ({dimension})"


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per run and features: mean (range) of the accuracy."""
    lines = []
    for run in runs:
        table = run.table("few_labels")
        for (name, layer, dimension), of in _each(table[table["dimension"] > 0]):
            cells = {"run": run.title, "features": _named(name, layer, dimension)}
            for count, values in of.groupby("labels")["accuracy"]:
                cells[f"{count:,} labels"] = spread(values)
            lines.append(cells)
        lines += [
            {"run": run.title, "features": reason}
            for reason in table.loc[table["reason"] != "", "reason"].unique()
        ]
    return pd.DataFrame(lines).fillna("")


def findings(runs: list[RunResults]) -> list[str]:
    """Say per run which layer is best, against as many components, and what is missing.

    Components are compared with codes of the same dimension, on the same labels.
    """
    sentences = []
    for run in runs:
        table = run.table("few_labels")
        for count, of in table.dropna(subset="accuracy").groupby("labels"):
            sentences.append(f"{run.title}, {count:,} labels: {_compared(of)}")
        for reason in table.loc[table["reason"] != "", "reason"].unique():
            sentences.append(f"{run.title}, left out: {reason}.")
    return sentences


def _compared(table: pd.DataFrame) -> str:
    """Return what the best layer and all layers do, and what components do."""
    codes = table[table["features"] == CODES]
    layers = codes[codes["layer"] > 0]
    best = layers.groupby("layer")["accuracy"].mean().idxmax()
    said = []
    for layer, name in (
        (best, f"layer {best} is best,"),
        (0, "all layers together"),
    ):
        of = codes[codes["layer"] == layer]
        if of.empty:
            continue
        keys = ["seed", "repeat"]
        alike = table[
            (table["features"] == COMPONENTS)
            & (table["dimension"] == of["dimension"].iloc[0])
        ]
        text = f"{name} {number(of['accuracy'].mean())}"
        if not alike.empty:
            gain = of.set_index(keys)["accuracy"] - alike.set_index(keys)["accuracy"]
            text += (
                f" (as many principal components {number(alike['accuracy'].mean())}, "
                f"better in {(gain < 0).sum()} of {len(gain)} draws)"
            )
        said.append(text)
    return f"{'; '.join(said)}. Chance is {number(table['chance'].mean())}."
