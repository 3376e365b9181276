"""Reconstruction from the top layers alone, and its rate against its distortion."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vlae.figures.plotting import (
    INK,
    PALETTE,
    WIDTH,
    despine,
    mosaic,
    mostly_black,
    show,
    subfigures,
)
from vlae.results.run_results import RunResults
from vlae.results.text import number, spread

TABLES = ["top_layers"]

MEASURES = {
    "mse": "squared error per pixel",
    "nll": "−log p(x|z) in nats",
    "class": "class kept (share)",
}
DIGITS = {"rate": 2, "mse": 4, "nll": 2, "class": 2}
CURVES_HEIGHT = 3.0
"""Inches of the curves of one data set."""


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block of images per run, and the curves of all runs on a data set."""
    datasets = list(dict.fromkeys(run.dataset for run in runs))
    heights = [_height(run) for run in runs] + [CURVES_HEIGHT] * len(datasets)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    blocks = subfigures(figure, len(heights), height_ratios=heights)
    for block, run in zip(blocks, runs, strict=False):
        _images(block, run)
    for block, dataset in zip(blocks[len(runs) :], datasets, strict=True):
        _curves(block, [run for run in runs if run.dataset == dataset])
    return figure


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per run and number of drawn layers: mean (range) over seeds."""
    lines = []
    for run in runs:
        table = run.table("top_layers")
        layers = table["drawn_layers"].max()
        for drawn, found in table.groupby("drawn_layers"):
            cells = {"run": run.title, "inferred layers": _kept(int(drawn), layers)}
            values = found.groupby("measure")["value"]
            headings = {"rate": "rate (nats)", **MEASURES}
            for measure, heading in headings.items():
                if measure in values.groups:
                    of_measure = values.get_group(measure)
                    cells[heading] = spread(of_measure, DIGITS[measure])
            lines.append(cells)
    return pd.DataFrame(lines)


def findings(runs: list[RunResults]) -> list[str]:
    """Say what the top layer alone keeps of the image, and what all layers keep."""
    sentences = []
    for run in runs:
        table = run.table("top_layers")
        layers = table["drawn_layers"].max()
        parts = []
        for drawn in range(layers - 1, -1, -1):
            found = table[table["drawn_layers"] == drawn]
            values = found.groupby("measure")["value"]
            words = (
                f"{_kept(drawn, layers)} ({spread(values.get_group('rate'), 1)} nats): "
            )
            words += f"squared error {spread(values.get_group('mse'), 4)}"
            if "class" in values.groups:
                words += f", class {spread(values.get_group('class'))}"
            parts.append(words)
        sentences.append(
            f"{run.title}, with these layers inferred from the image: "
            f"{'; '.join(parts)}."
        )
    return sentences


def _kept(drawn: int, layers: int) -> str:
    """Return which layers are inferred: 'none', 'layer 3', 'layers 2–3'."""
    if drawn == layers:
        return "none"
    if drawn == layers - 1:
        return f"layer {layers}"
    return f"layers {drawn + 1}–{layers}"


# Images


def _height(run: RunResults) -> float:
    arrays = run.arrays("top_layers")
    images, (height, width) = len(arrays["data"]), arrays["data"].shape[2:]
    cell = (WIDTH - 0.6) / sum(_columns(arrays)) * height / width
    return 1.0 + images * cell


def _columns(arrays: dict[str, np.ndarray]) -> list[int]:
    """Return the images side by side in each panel: originals, then by drawn layers.

    All redraws of no layer are the same image, which is shown once.
    """
    panels = [name for name in arrays if name.startswith("drawn_")]
    redraws = len(arrays["drawn_0"]) // len(arrays["data"])
    return [1, 1, *[redraws] * (len(panels) - 1)]


def _images(block: SubFigure, run: RunResults) -> None:
    """Draw a panel per number of drawn layers; a row is of one held-out image."""
    arrays = run.arrays("top_layers")
    ink, columns = mostly_black(arrays["data"]), _columns(arrays)
    layers, redraws = len(columns) - 2, columns[-1]
    block.suptitle(f"{run.title} (images: seed {run.seeds[0]})", fontweight="bold")
    panels = block.subplots(1, len(columns), width_ratios=columns)
    titles = ["held-\nout", "all\ninferred"]
    for drawn in range(1, layers):
        which = "layer 1" if drawn == 1 else f"layers 1–{drawn}"
        titles.append(f"{which} drawn,\n{_kept(drawn, layers)} inferred")
    titles.append("all layers drawn:\nthe prior")
    pictures = [arrays["data"], arrays["drawn_0"][::redraws]]
    pictures += [arrays[f"drawn_{drawn}"] for drawn in range(1, layers + 1)]
    for axes, picture, count, title in zip(
        panels, pictures, columns, titles, strict=True
    ):
        show(axes, mosaic(picture, count, ink=ink), title)
    table = run.table("top_layers", run.seeds[0]).set_index(["drawn_layers", "measure"])
    for drawn, axes in enumerate(panels[1:]):
        rate, error = (table.loc[(drawn, name), "value"] for name in ("rate", "mse"))
        error_words = "" if drawn == 0 else "squared error "
        axes.set_xlabel(f"{rate:z.1f} nats\n{error_words}{number(error, 3)}")


# Curves


def _curves(block: SubFigure, runs: list[RunResults]) -> None:
    """Draw the measures of distortion against the rate, a curve per run and seed."""
    tables = [run.table("top_layers") for run in runs]
    found = set().union(*(table["measure"] for table in tables))
    names = [name for name in MEASURES if name in found]
    panels = block.subplots(1, len(names))
    for axes, name in zip(panels, names, strict=True):
        for color, run, table in zip(PALETTE, runs, tables, strict=False):
            for seed, of_seed in table.groupby("seed"):
                label = run.title if seed == run.seeds[0] else None
                _curve(axes, of_seed, name, color, label)
        axes.set(xlabel="rate: KL of the inferred layers (nats)", title=MEASURES[name])
        axes.margins(0.08)
        despine(axes)
    handles, labels = panels[0].get_legend_handles_labels()
    block.legend(handles, labels, loc="outside lower center", ncols=2)


def _curve(
    axes: Axes, table: pd.DataFrame, name: str, color: str, label: str | None
) -> None:
    """Draw a curve; in each point stands the number of inferred layers."""
    by_measure = {
        measure: rows.set_index("drawn_layers").sort_index()
        for measure, rows in table.groupby("measure")
    }
    rate, distortion = by_measure["rate"], by_measure[name]
    across, up = (
        (of["value"] - of["low"], of["high"] - of["value"]) for of in (rate, distortion)
    )
    x, y = rate["value"], distortion["value"]
    axes.errorbar(x, y, up, across, color=color, linewidth=1.2, label=label)
    axes.plot(x, y, "o", color=color, markersize=11, markerfacecolor="white")
    for drawn in rate.index:
        words = str(rate.index.max() - drawn)
        axes.annotate(
            words,
            (x[drawn], y[drawn]),
            color=INK,
            fontsize=7,
            ha="center",
            va="center_baseline",
        )
