"""Layer swapping: some layers of image A, all others of image B, and paths between."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vlae.config.experiment_outputs import WITHIN_CLASS_SUFFIX
from vlae.figures.plotting import (
    PALETTE,
    WIDTH,
    despine,
    mosaic,
    mostly_black,
    show,
    subfigures,
)
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, ordered, spread

TABLES = ["swapping"]

SHARE = "share"
MAX_PROPERTIES = 7
"""Properties in the picture; the table of numbers has all."""
MAX_COLUMNS = 4
"""Panels of mixtures side by side."""
COLOURS = {"a": PALETTE[0], "b": PALETTE[1]}
"""Colours of what mixtures have of A and of B."""


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block per run: mixtures, what they have of A and of B, and paths."""
    heights = [_heights(run) for run in runs]
    totals = [sum(parts) for parts in heights]
    figure = Figure(figsize=(WIDTH, sum(totals)), layout="constrained")
    blocks = subfigures(figure, len(runs), height_ratios=totals)
    for block, run, parts in zip(blocks, runs, heights, strict=True):
        top, middle, below = subfigures(block, 3, height_ratios=parts)
        top.suptitle(f"{run.title} (images: seed {run.seeds[0]})", fontweight="bold")
        arrays = run.arrays("swapping")
        ink = mostly_black(np.concatenate([arrays["a"], arrays["b"]]))
        _mixtures(top, arrays, ink=ink)
        _numbers(middle, run.table("swapping"))
        _paths(below, arrays, ink=ink)
    return figure


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per run and choice of layers: mean (range) over seeds."""
    lines = []
    for run in runs:
        table = _measured(run)
        for layers in _choices(table):
            cells = {"run": run.title, "layers of A": layers}
            chosen = table[table["layers_of_a"] == layers]
            for name in ordered(chosen["property"].unique()):
                for image in COLOURS:
                    found = _values(chosen, name, image)
                    cells[f"{in_print(name)} of {image.upper()}"] = spread(found)
            lines.append(cells)
    return pd.DataFrame(lines)


def findings(runs: list[RunResults]) -> list[str]:
    """Say for each run which single layer of A carries most of each property to B."""
    sentences = []
    for run in runs:
        table = _measured(run)
        singles = table[table["layers_of_a"].str.isdigit()]
        parts = []
        for name in ordered(singles["property"].unique()):
            of_a = singles[(singles["property"] == name) & (singles["image"] == "a")]
            best = of_a.groupby("layers_of_a")["value"].mean().idxmax()
            chosen = singles[singles["layers_of_a"] == best]
            kept = [spread(_values(chosen, name, image)) for image in COLOURS]
            what = "share" if _is_share(chosen, name) else "rank correlation"
            parts.append(
                f"{in_print(name)} with layer {best} ({what} {kept[0]} for A and "
                f"{kept[1]} for B)"
            )
        sentences.append(
            f"{run.title}: if one layer is taken from A and all others from B, the "
            f"image is most like A in {'; in '.join(parts)}."
        )
    return sentences


def _measured(run: RunResults) -> pd.DataFrame:
    """Return the rows of the table that have a number, of all seeds."""
    return run.table("swapping").dropna(subset="value")


def _choices(table: pd.DataFrame) -> list[str]:
    """Return the choices of layers in the order of the table, first `none`."""
    return list(dict.fromkeys(table["layers_of_a"]))


def _values(table: pd.DataFrame, name: str, image: str) -> pd.Series:
    chosen = table["property"].eq(name) & table["image"].eq(image)
    return table.loc[chosen, "value"]


def _is_share(table: pd.DataFrame, name: str) -> bool:
    return bool(table.loc[table["property"] == name, "statistic"].eq(SHARE).all())


# Layout


def _shown_choices(arrays: dict[str, np.ndarray]) -> list[str]:
    """Return the choices of layers that are shown: no reconstructions, no mirror image.

    All layers but the top one of A are the top layer of A if A and B change places.
    """
    names = [name.removeprefix("mixed_") for name in arrays if "mixed_" in name]
    return [
        name
        for name in names
        if name.isdigit() or 1 < name.count("+") + 1 < _layers(arrays) - 1
    ]


def _columns(panels: int) -> int:
    """Return the number of panels side by side, in rows that are equally full."""
    rows = -(-panels // MAX_COLUMNS)
    return max(-(-panels // rows), MAX_COLUMNS - 1)


def _heights(run: RunResults) -> tuple[float, float, float]:
    """Return the inches of mixtures, of numbers and of paths."""
    arrays = run.arrays("swapping")
    height, width = arrays["a"].shape[2:]
    panels = len(_shown_choices(arrays))
    columns = _columns(panels)
    mixtures = 0.4 + -(-panels // columns) * (0.45 + WIDTH / columns * height / width)
    paths = _path_names(arrays)
    steps = len(arrays[paths[0]]) / (_layers(arrays) + 1)
    cell = (WIDTH - 0.8) / (len(paths) * (steps + 0.5)) * height / width
    return mixtures, 2.3, 0.5 + (_layers(arrays) + 2) * cell


def _layers(arrays: dict[str, np.ndarray]) -> int:
    return sum(name.removeprefix("mixed_").isdigit() for name in arrays)


def _path_names(arrays: dict[str, np.ndarray]) -> list[str]:
    return [name for name in arrays if name.startswith("path_")]


# Mixtures


def _mixtures(block: SubFigure, arrays: dict[str, np.ndarray], *, ink: bool) -> None:
    names = _shown_choices(arrays)
    columns = _columns(len(names))
    panels = block.subplots(-(-len(names) // columns), columns, squeeze=False).flatten()
    for unused in panels[len(names) :]:
        unused.set_visible(False)
    for axes, name in zip(panels, names, strict=False):
        _matrix(axes, arrays["a"], arrays["b"], arrays[f"mixed_{name}"], ink=ink)
        layers = f"layer {name}" if name.isdigit() else f"layers {name}"
        axes.set_title(f"{layers} of the column's image,\nall others of the row's")


def _matrix(
    axes: Axes, top: np.ndarray, left: np.ndarray, inner: np.ndarray, *, ink: bool
) -> None:
    """Show mixtures with the images of the columns above and of the rows beside."""
    head, side = mosaic(top, len(top), ink=ink), mosaic(left, 1, ink=ink)
    body = mosaic(inner, len(top), ink=ink)
    gap = max(top.shape[2] // 4, 2)
    down, across = head.shape[0] + gap, side.shape[1] + gap
    picture = np.full((down + len(body), across + body.shape[1], 3), 255, np.uint8)
    picture[: len(head), across:] = head
    picture[down:, : side.shape[1]] = side
    picture[down:, across:] = body
    show(axes, picture)
    for line, place in ((axes.axhline, down), (axes.axvline, across)):
        line(place - gap / 2, color="0.6", linewidth=0.6)


# Numbers


def _numbers(block: SubFigure, table: pd.DataFrame) -> None:
    """Draw what mixtures have of A and of B, one panel per property and its parts."""
    table = table.dropna(subset="value")
    names = _most_moved(table)
    panels = block.subplots(1, max(len(names), 1), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=False):
        _property(axes, table, name)
    panels[0].set_ylabel("kept of A and of B")
    shown = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    block.legend(shown.values(), shown, loc="outside lower center", ncols=len(shown))


def _most_moved(table: pd.DataFrame) -> list[str]:
    """Return at most `MAX_PROPERTIES` properties: those that single layers move most.

    Parts of other properties do not count; those within the class are drawn with them.
    """
    singles = table["layers_of_a"].str.isdigit() & table["image"].eq("a")
    chosen = table[singles & table["part_of"].eq("")]
    means = chosen.groupby(["property", "layers_of_a"])["value"].mean()
    spans = means.groupby("property").agg(lambda values: values.max() - values.min())
    return ordered(spans.nlargest(MAX_PROPERTIES).index)


def _property(axes: Axes, table: pd.DataFrame, name: str) -> None:
    """Draw the numbers of A and of B by choice of layers, a point for each seed."""
    _, *names, every = _choices(table)
    names = names or [every]
    series = [(name, "o", ""), (name + WITHIN_CLASS_SUFFIX, "s", ", within the class")]
    series = [one for one in series if table["property"].eq(one[0]).any()]
    for index, (measured, marker, words) in enumerate(series):
        shift = 0.3 * (index - (len(series) - 1) / 2)
        for image, colour in COLOURS.items():
            rows = table[table["property"].eq(measured) & table["image"].eq(image)]
            rows = rows[rows["layers_of_a"].isin(names)]
            places = rows["layers_of_a"].map(names.index) + shift
            axes.errorbar(
                places + _by_seed(rows["seed"]),
                rows["value"],
                (rows["value"] - rows["low"], rows["high"] - rows["value"]),
                fmt=marker,
                markersize=4,
                color=colour,
                markerfacecolor=colour if marker == "o" else "white",
                linewidth=1,
                label=f"of {image.upper()}{words}",
            )
    whole = table[table["property"] == name]
    ceiling = _values(whole[whole["layers_of_a"] == every], name, "a").mean()
    axes.axhline(ceiling, color="0.5", ls=":", lw=1, label="of A in its reconstruction")
    axes.set_xticks(range(len(names)), names)
    axes.set(xlabel="layers of A", ylim=(-0.15, 1.05), xlim=(-0.5, len(names) - 0.5))
    kind = SHARE if _is_share(whole, name) else "rank correlation"
    axes.set_title(f"{in_print(name)}\n({kind})")
    despine(axes)


def _by_seed(seeds: pd.Series) -> pd.Series:
    """Return how far the points of each seed are moved to lie side by side."""
    places = seeds.rank(method="dense") - 1
    return 0.08 * (places - places.max() / 2)


# Paths


def _paths(block: SubFigure, arrays: dict[str, np.ndarray], *, ink: bool) -> None:
    """Draw a panel per pair: how each layer, and all, move from A to B."""
    names = [*(f"layer {n + 1}" for n in range(_layers(arrays))), "all layers"]
    paths = _path_names(arrays)
    panels = block.subplots(1, len(paths), squeeze=False)[0]
    for pair, (axes, name) in enumerate(zip(panels, paths, strict=True)):
        steps = len(arrays[name]) // len(names)
        blank = np.uint8(0 if ink else 255)
        ends = np.full((steps, *arrays["a"].shape[1:]), blank)
        ends[0], ends[-1] = arrays["a"][pair], arrays["b"][pair]
        show(axes, mosaic(np.concatenate([ends, arrays[name]]), steps, ink=ink))
    height = arrays["a"].shape[2] + 1
    places = [height * (row + 0.5) for row in range(len(names) + 1)]
    panels[0].set_yticks(places, ["A and B", *names])
    panels[0].tick_params(axis="y", length=0)
    block.suptitle("paths from A to B of one layer, all others kept, and of all layers")
