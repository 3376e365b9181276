"""The picture of a sweep: one row per cell, one column per property."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vlae.config.report_spec import SweepSpec
from vlae.figures._sweep_decisions import SURE, Decision, leaders, shown
from vlae.figures.plotting import INK, PALETTE, WIDTH, despine, layer_name
from vlae.results.text import in_print, percent
from vlae.statistics.variance_shares import Floats

LANE = 0.1
"""Inches between the layers of one cell."""
ROW_PAD = 0.16
"""Inches that a cell has beside its lanes."""
BAR = 0.2
"""Inches of a bar that says what decides."""
LETTER = 0.075
"""Inches of a letter of the values' names, roughly."""
MAX_LETTERS = 18
"""Letters of a value's name in one line."""
TITLE_LETTERS = 12
"""Letters of a property's name in one line."""
RIGHT_END = 1.42
"""Where the axis of T ends: beyond 1 there is room for how often a layer leads."""
TINT = 0.3
"""Opacity behind a cell in which one layer leads with every seed."""


def picture(spec: SweepSpec, found: Sequence[Decision]) -> Figure:
    """Draw T of each layer, cell and seed, and below what decides each property.

    Args:
        spec: the sweep.
        found: its `decisions`.
    """
    chosen = shown(spec, found)
    layers = max(decision.effects.shape[-1] for decision in found)
    columns = [_wrapped([axis.name, *axis.values]) for axis in spec.axes]
    widths = [LETTER * _letters(column) + 0.12 for column in columns]
    cells = len(spec.cells) * (LANE * layers + ROW_PAD)
    bars = BAR * (len(spec.axes) + 1 + (len(spec.axes) > 1))
    names = max(sum(widths), 1.0)
    figure = Figure(figsize=(WIDTH, cells + bars + 1.5), layout="constrained")
    panels = figure.subplots(
        2,
        1 + len(chosen),
        squeeze=False,
        height_ratios=[cells, bars],
        width_ratios=[names, *[(WIDTH - names) / max(len(chosen), 1)] * len(chosen)],
    )
    _draw_names(panels[0, 0], spec, columns, widths)
    _draw_bar_names(panels[1, 0], spec)
    for (above, below), decision in zip(panels[:, 1:].T, chosen, strict=True):
        _draw_cells(above, decision, layers)
        _draw_bars(below, decision, several=len(spec.axes) > 1)
        for number in range(len(spec.axes)):
            _rule_off(above, spec, number, above.get_xlim()[0])
    marks = [
        Line2D([], [], color=PALETTE[layer], marker="o", ls="", ms=5)
        for layer in range(layers)
    ]
    labels = [layer_name(layer + 1, layers) for layer in range(layers)]
    figure.legend(
        marks, labels, loc="outside upper right", ncols=layers, handletextpad=0.1
    )
    return figure


# Names of cells


def _wrapped(names: list[str]) -> list[str]:
    return [textwrap.fill(name, MAX_LETTERS) for name in names]


def _letters(names: list[str]) -> int:
    return max(len(line) for name in names for line in name.splitlines())


def _draw_names(
    axes: Axes, spec: SweepSpec, columns: list[list[str]], widths: list[float]
) -> None:
    """Write the values of each axis, each once for the cells that it stands beside."""
    axes.set(xlim=(0, max(sum(widths), 1.0)), ylim=(len(spec.cells) - 0.5, -0.5))
    axes.axis("off")
    left = 0.0
    for number, (names, width) in enumerate(zip(columns, widths, strict=True)):
        _rule_off(axes, spec, number, left)
        axes.text(left, -0.6, names[0], fontweight="bold", va="bottom")
        for start, count in _groups(spec, number):
            value = spec.cells[start].values[number]
            name = names[1 + spec.axes[number].values.index(value)]
            axes.text(left, start + (count - 1) / 2, name, va="center", fontsize=8)
        left += width


def _groups(spec: SweepSpec, axis: int) -> list[tuple[int, int]]:
    """Return first cell and number of cells of each run of one value of an axis."""
    below = int(np.prod([len(later.values) for later in spec.axes[axis + 1 :]]))
    return [(start, below) for start in range(0, len(spec.cells), below)]


def _rule_off(axes: Axes, spec: SweepSpec, number: int, left: float) -> None:
    """Draw a line between the values of an axis, unless it is the last.

    Args:
        axes: where to draw.
        spec: the sweep.
        number: of the axis.
        left: where the lines begin.
    """
    starts = [start for start, _ in _groups(spec, number)[1:]]
    if number < len(spec.axes) - 1:
        right = axes.get_xlim()[1]
        thickness = 1.2 if number == 0 else 0.5
        for start in starts:
            axes.plot([left, right], [start - 0.5] * 2, color=INK, lw=thickness)


# Cells


def _draw_cells(axes: Axes, decision: Decision, layers: int) -> None:
    """Draw one property: a row per cell, in it a lane per layer and a mark per seed."""
    cells: Floats = decision.effects.reshape(-1, *decision.effects.shape[-2:])
    for place in (0, 0.5, 1):
        axes.axvline(place, color="0.85", lw=0.6, zorder=0)
    room = LANE * layers + ROW_PAD
    lanes = LANE / room * (np.arange(layers) - (layers - 1) / 2)
    for row, effects in enumerate(cells):
        _tint(axes, row, effects)
        for layer, values in enumerate(effects.T):
            height = row + lanes[layer]
            axes.plot(
                *(values, np.full(len(values), height), "o"),
                color=PALETTE[layer],
                ms=3.6,
                mec="white",
                mew=0.4,
                clip_on=False,
            )
    axes.set(xlim=(-0.06, RIGHT_END), ylim=(len(cells) - 0.5, -0.5), xlabel="T")
    axes.set_title(
        textwrap.fill(in_print(decision.name), TITLE_LETTERS), fontweight="bold"
    )
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)


def _tint(axes: Axes, row: int, effects: Floats) -> None:
    """Colour a cell as the layer that leads in most seeds, and write in how many."""
    counts = leaders(effects)
    if not counts:
        return
    (layer, count), *others = counts.most_common(2)
    seeds = len(effects)
    if not others or others[0][1] < count:
        axes.axhspan(
            *(row - 0.46, row + 0.46),
            color=PALETTE[layer - 1],
            alpha=TINT * count / seeds,
            lw=0,
            zorder=0,
        )
    text = f"{count}/{seeds}"
    axes.text(RIGHT_END - 0.03, row, text, ha="right", va="center", fontsize=7)


# What decides


def _draw_bar_names(axes: Axes, spec: SweepSpec) -> None:
    names = [axis.name for axis in spec.axes]
    names += ["combinations"] if len(names) > 1 else []
    names += ["seeds"]
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5))
    axes.axis("off")
    for row, name in enumerate(names):
        axes.text(1, row, name, ha="right", va="center", fontsize=8)
    axes.text(
        *(1, -0.8, "what T depends on\n(share of its variance)"),
        ha="right",
        va="bottom",
        fontweight="bold",
    )


def _draw_bars(axes: Axes, decision: Decision, *, several: bool) -> None:
    """Draw the share of each axis, of what axes do together, and of seeds."""
    shares = [*decision.shares.axes]
    shares += [decision.shares.together] if several else []
    shares += [decision.shares.trainings]
    sure = [p <= SURE for p in decision.chances]
    for row, share in enumerate(shares):
        if np.isnan(share):
            axes.text(0, row, "?", va="center", fontsize=7)
            continue
        is_axis = row < len(sure)
        color = INK if is_axis and sure[row] else "0.7"
        length = min(max(share, 0), 1)
        axes.barh(row, length, height=0.7, color=color)
        star = " *" if is_axis and sure[row] else ""
        text = percent(share) + star
        axes.text(length + 0.04, row, text, va="center", fontsize=7)
    axes.set(xlim=(-0.06, RIGHT_END), ylim=(len(shares) - 0.5, -0.5), xticks=[])
    axes.set_yticks([])
    despine(axes)
    axes.spines["bottom"].set_visible(False)
