"""One block per run: a panel per layer, its KL and effects, and reconstructions."""

import math
import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from vlae.figures._effects import active, effects_table, kl, most_affected
from vlae.figures.plotting import (
    INK,
    PALETTE,
    WIDTH,
    despine,
    layer_name,
    mosaic,
    mostly_black,
    show,
    subfigures,
    thinned,
)
from vlae.results.run_results import RunResults
from vlae.results.text import spread

GRID_COORDINATES = 2
"""A layer of at most this many coordinates is shown as a grid over its code."""
MAX_PROPERTIES = 10
"""Properties in the heat map, the pixels among them; the table of numbers has all."""

MAX_COLUMNS, MIN_COLUMNS = 4, 3
"""Panels side by side. A model with fewer layers leaves room."""
MARGIN = 0.1
"""Inches between two panels."""
ROW_PAD = 0.09
"""Inches above and below everything, so that titles do not touch."""
DOTS_PER_INCH = 120
"""Dots of the png, which is what the report shows."""
MIN_DOTS = 42
"""Dots along a side of a square image below which panels do not shrink it."""
PAIRS = 16
"""Held-out images side by side, if they are square."""
TITLE_LETTERS = 100
"""Letters of a run's title in one line."""
LETTERS_PER_INCH = 12
"""Letters of the title of a table."""


@dataclass(frozen=True)
class _Panel:
    """The images of one layer."""

    title: str
    picture: np.ndarray
    """(height, width, 3), uint8."""
    grid: int
    """Coordinates that a grid runs over, 1 or 2; 0 for redraws."""
    rows: int
    columns: int


@dataclass(frozen=True)
class _Block:
    """What is shown of one run, and the room that it takes."""

    run: RunResults
    panels: list[_Panel]
    pairs: np.ndarray
    """Held-out images above their reconstructions, (height, width, 3), uint8."""
    heights: tuple[float, float, float]
    """Inches of the panels, of KL and effects, and of the held-out images."""
    ink: bool
    """Whether black and white are exchanged."""


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block per run: a panel per layer, KL and effects, reconstructions."""
    blocks = [_block(run) for run in runs]
    heights = [sum(block.heights) for block in blocks]
    layout = ConstrainedLayoutEngine(h_pad=ROW_PAD)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout=layout)
    parts = subfigures(figure, len(runs), height_ratios=heights)
    for part, block in zip(parts, blocks, strict=True):
        run = block.run
        top, middle, below = subfigures(part, 3, height_ratios=block.heights)
        shown = f"images: seed {run.seeds[0]}"
        shown += ", black and white exchanged" if block.ink else ""
        title = f"{run.title} ({shown})"
        top.suptitle(textwrap.fill(title, TITLE_LETTERS), fontweight="bold")
        extent = run.table("traversal", run.seeds[0])["first"].max()
        _draw_panels(top, block.panels, extent)
        _draw_numbers(middle, run)
        axes = below.subplots(1, 1)
        show(axes, block.pairs, "held-out images, and below each its reconstruction")
    return figure


def _block(run: RunResults) -> _Block:
    arrays = run.arrays("generation")
    data, rebuilt = arrays["data"], arrays["reconstructions"]
    ink = mostly_black(data)
    panels = _panels(run, arrays, ink=ink)
    tallness = data.shape[2] / data.shape[3]
    columns = max(round(PAIRS * tallness**0.5), 1)
    shown = min(columns, len(data))
    pairs = mosaic(np.concatenate([data[:shown], rebuilt[:shown]]), shown, ink=ink)
    tallest = max(panel.picture.shape[0] / panel.picture.shape[1] for panel in panels)
    title, ticks = 0.5, 0.35 * any(panel.grid for panel in panels)
    row = 0.28 if len(run.seeds) == 1 else 0.4
    heights = (
        0.45
        + -(-len(panels) // _columns(len(panels)))
        * (_inches(len(panels)) * tallest + title + ticks),
        1.2 + row * len(panels),
        0.5 + 2 * tallness * WIDTH / columns,
    )
    return _Block(run, panels, pairs, heights, ink)


# Panels


def _panels(
    run: RunResults, arrays: dict[str, np.ndarray], *, ink: bool
) -> list[_Panel]:
    """Return one panel per layer of the first seed, the bottom layer first."""
    table = run.table("activity", run.seeds[0])
    sizes = dict(zip(table["layer"], table["units"], strict=True))
    panels = []
    for layer, size in sizes.items():
        name = layer_name(layer, len(sizes))
        if size <= GRID_COORDINATES:
            images, grid = arrays[f"grid_{layer}"], size
            title = f"code of {name},\nothers redrawn"
        else:
            images, grid = arrays[f"redrawn_{layer}"], 0
            title = f"{name} redrawn,\nothers kept"
        rows, columns = _tiles(images, _inches(len(sizes)), square=grid > 0)
        chosen = thinned(images, rows, columns) if grid else images[: rows * columns]
        picture = mosaic(chosen, columns, ink=ink)
        panels.append(_Panel(title, picture, grid, rows, columns))
    return panels


def _tiles(images: np.ndarray, inches: float, *, square: bool) -> tuple[int, int]:
    """Return rows and columns of images for a panel that is roughly square.

    Args:
        images: (N, C, H, W).
        inches: width of the panel.
        square: whether the images form a square, from which rows and columns are taken.
    """
    count, _, height, width = images.shape
    shape = width / height
    dots = min(width + 1, MIN_DOTS * shape**0.5)
    columns = max(int(inches * DOTS_PER_INCH / dots), 1)
    side = math.isqrt(count)
    most = side if square else max(int((count / shape) ** 0.5), 1)
    columns = min(columns, most, count)
    rows = max(round(columns * shape), 1)
    return min(rows, side if square else count // columns), columns


def _columns(layers: int) -> int:
    """Return the number of panels side by side, in rows that are equally full."""
    rows = -(-layers // MAX_COLUMNS)
    return max(-(-layers // rows), MIN_COLUMNS)


def _inches(layers: int) -> float:
    """Return the width of a panel."""
    return WIDTH / _columns(layers) - MARGIN


def _draw_panels(block: SubFigure, panels: list[_Panel], extent: float) -> None:
    """Draw panels; the codes of grids run from -extent to extent."""
    columns = _columns(len(panels))
    axes = block.subplots(-(-len(panels) // columns), columns, squeeze=False).flatten()
    for unused in axes[len(panels) :]:
        unused.set_visible(False)
    for place, panel in zip(axes, panels, strict=False):
        show(place, panel.picture, panel.title)
        if panel.grid:
            _draw_ticks(place, panel, extent)


def _draw_ticks(axes: Axes, panel: _Panel, extent: float) -> None:
    """Write the code at the middle of the first and of the last image of a grid."""
    height, width = panel.picture.shape[:2]
    ends = [f"{-extent:g}", f"{extent:g}"]
    middle = width / panel.columns / 2
    axes.set_xticks([middle, width - middle], ends)
    axes.set_xlabel("first coordinate", labelpad=-8)
    if panel.grid > 1:
        middle = height / panel.rows / 2
        axes.set_yticks([height - middle, middle], ends)
        axes.set_ylabel("second coordinate", labelpad=-8)
    axes.tick_params(length=2, labelsize=8)


# Numbers


def _draw_numbers(block: SubFigure, run: RunResults) -> None:
    """Draw the KL of each layer, and beside it what redrawing the layer changes."""
    effects = run.table("effects").dropna(subset="total_effect")
    names = most_affected(effects, MAX_PROPERTIES)
    width = min(max(0.78 * len(names), 3.0), 6.0)
    bars, table = block.subplots(1, 2, width_ratios=[WIDTH - width - 1.2, width])
    _draw_kl(bars, run)
    if not names:
        table.set_title("whatever layer is redrawn,\nthe image stays the same")
        table.axis("off")
        return
    effects_table(table, effects, count=MAX_PROPERTIES)
    letters = int(width * LETTERS_PER_INCH)
    lines = table.get_title().splitlines()
    table.set_title("\n".join(textwrap.fill(line, letters) for line in lines))


def _draw_kl(axes: Axes, run: RunResults) -> None:
    """Draw a bar per layer, one point per seed, and how many coordinates are active."""
    by_seed = kl(run)
    layers = [*by_seed]
    between = ", " if len(by_seed) == 1 else "\n"
    names = [
        f"{layer_name(layer, len(layers))}{between}{text} active"
        for layer, text in zip(layers, active(run).values(), strict=True)
    ]
    means = by_seed.mean()
    places = range(len(layers))
    axes.barh(places, means, height=0.6, color=PALETTE[0])
    largest = by_seed.max().max() or 1.0
    room = 1.45 if len(by_seed) == 1 else 1.9
    for place, layer in zip(places, layers, strict=True):
        values = by_seed[layer]
        if len(values) > 1:
            axes.plot(values, [place] * len(values), "o", color=INK, ms=4)
        text = f"{spread(values)} nats"
        axes.text(values.max() + 0.04 * largest, place, text, va="center", fontsize=8)
    axes.set(xlim=(0, room * largest), ylim=(len(layers) - 0.5, -0.5))
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.set_title("KL on held-out images, in nats,\nand active coordinates")
    despine(axes)
