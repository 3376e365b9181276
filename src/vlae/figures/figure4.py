"""Figure 4: the dependencies of each trained model, in inference and generation."""

from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Patch, Rectangle

from vlae.figures.plotting import WIDTH, subfigures
from vlae.results.run_results import RunResults

TABLES = ["graph"]

RUNS_PER_LINE = 2
LATENTS_X = 1.5
"""Horizontal position of latents; features are at 0."""
RADIUS = 0.3
"""Radius of the circle of a latent, in units of the distance of two layers."""
BLUE = "#aeccde"  # a light tint of the first colour of the palette
Position = tuple[float, float]


def draw(runs: list[RunResults]) -> Figure:
    """Draw two runs per line, inference next to generation; first seed."""
    lines = [
        runs[start : start + RUNS_PER_LINE]
        for start in range(0, len(runs), RUNS_PER_LINE)
    ]
    tables = [[_first(run) for run in line] for line in lines]
    heights = [max(_layers(t) for t in line) for line in tables]
    across = len(lines[0])
    width = WIDTH * across / RUNS_PER_LINE
    size = (width, 0.62 * sum(heights) + 1.2 * len(lines))
    figure = Figure(figsize=size, layout="constrained")
    blocks = subfigures(figure, len(lines), height_ratios=[h + 1.9 for h in heights])
    for block, line, found, height in zip(blocks, lines, tables, heights, strict=True):
        columns = block.subfigures(1, across, squeeze=False)[0]
        for part, run, table in zip(columns, line, found, strict=False):
            part.suptitle(run.title, fontweight="bold")
            for axes, direction in zip(
                part.subplots(1, 2), ("inference", "generation"), strict=True
            ):
                _graph(axes, table[table["direction"] == direction], height)
                axes.set_title(direction)
    return figure


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per edge of the graph of each run's first seed."""
    tables = [_first(run).assign(run=run.title) for run in runs]
    table = pd.concat(tables, ignore_index=True)
    edge = table["source"] + " → " + table["target"]
    found = table.assign(
        edge=edge, derivative=table["sensitivity"].map("{:z.2g}".format)
    )
    names = ["run", "direction", "edge", "layers", "through", "derivative"]
    return found[names]


def findings(runs: list[RunResults]) -> list[str]:
    """Say for each run which latents depend on one another, and how deep each is."""
    sentences = []
    for run in runs:
        for direction, table in _first(run).groupby("direction", sort=False):
            of_x = table[(table["source"] == "x") | (table["target"] == "x")]
            others = table.drop(of_x.index)
            seen = [
                f"{s} → {t}"
                for s, t in zip(others["source"], others["target"], strict=True)
            ]
            depths = [
                f"{number} for {s if t == 'x' else t}"
                for s, t, number in zip(
                    of_x["source"], of_x["target"], of_x["layers"], strict=True
                )
            ]
            between = ", ".join(seen) or "no latent depends on another"
            sentences.append(
                f"{run.title}, {direction}: {between}; layers between x and a latent: "
                f"{', '.join(depths)}."
            )
    return sentences


def _first(run: RunResults) -> pd.DataFrame:
    """Return the edges of a run's first seed."""
    table = run.table("graph")
    return table[table["seed"] == run.seeds[0]]


def _layers(table: pd.DataFrame) -> int:
    """Return the number of latent layers in a table of edges."""
    return int(
        table.loc[table["source"].str[0] == "z", "source"].str[1:].astype(int).max()
    )


def _graph(axes: Axes, edges: pd.DataFrame, height: int) -> None:
    """Draw circles for what is random, and squares for features of the network."""
    ways = _ways(edges)
    arrows = list(dict.fromkeys(pair for way in ways for pair in pairwise(way)))
    generates = edges["target"].eq("x").any()
    positions = _positions({name for way in ways for name in way}, arrows)
    nodes = {
        name: _node(axes, name, position, tilde=name[0] == "h" and generates)
        for name, position in positions.items()
    }
    for source, target in arrows:
        _arrow(axes, positions, nodes, source, target)
    for source, target, number in zip(
        edges["source"], edges["target"], edges["layers"], strict=True
    ):
        if "x" in (source, target):
            across, up = positions[source if target == "x" else target]
            text = f"{number} layers"
            axes.text(
                across + RADIUS + 0.25, up, text, va="center", fontsize=8, color="0.4"
            )
    axes.set(xlim=(-1.0, LATENTS_X + 1.6), ylim=(-0.4, height + 0.4), aspect="equal")
    axes.axis("off")


def _ways(edges: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the nodes on the way of each edge, from its source to its target.

    If x is joined to several latents, the network has a hierarchy of features, and each
    latent has those of its own layer, h_l for z_l, as the paper draws it. `through`
    names only features that several latents share.
    """
    joined = [
        source if target == "x" else target
        for source, target in zip(edges["source"], edges["target"], strict=True)
        if "x" in (source, target)
    ]
    ways = []
    for source, target, through in zip(
        edges["source"], edges["target"], edges["through"], strict=True
    ):
        shared = through.split()
        latent = source if target == "x" else target
        own = f"h{latent[1:]}"
        if len(joined) > 1 and "x" in (source, target) and own not in shared:
            shared = [own, *shared] if target == "x" else [*shared, own]
        ways.append((source, *shared, target))
    return ways


def _positions(names: set[str], arrows: list[tuple[str, str]]) -> dict[str, Position]:
    """Return positions: features on the left, latents on the right.

    Layer l is at height l, and x at the bottom.
    """
    beside_x = {name for arrow in arrows if "x" in arrow for name in arrow} - {"x"}
    positions: dict[str, Position] = {
        "x": (LATENTS_X if beside_x == {"z1"} else 0.0, 0.0)
    }
    for name in sorted(names - {"x"}):
        layer = float(name[1:].rstrip("'"))
        positions[name] = (LATENTS_X if name[0] == "z" else 0.0, layer)
    return positions


def _node(axes: Axes, name: str, position: Position, *, tilde: bool) -> Patch:
    look: dict[str, Any] = {"edgecolor": "0.15", "linewidth": 1.2, "zorder": 2}
    node: Patch
    if name[0] == "h":
        side = 1.7 * RADIUS
        corner = (position[0] - side / 2, position[1] - side / 2)
        node = Rectangle(corner, side, side, facecolor="white", **look)
    else:
        node = Circle(
            position, RADIUS, facecolor="0.88" if name == "x" else BLUE, **look
        )
    axes.add_patch(node)
    letter = rf"\tilde{{{name[0]}}}" if tilde else name[0]
    text = f"${letter}_{{{name[1:]}}}$" if name != "x" else "$x$"
    axes.text(*position, text, ha="center", va="center", fontsize=11, zorder=3)
    return node


def _arrow(
    axes: Axes,
    positions: dict[str, Position],
    nodes: dict[str, Patch],
    source: str,
    target: str,
) -> None:
    """Draw an arrow, bent around the nodes between its ends, away from the others."""
    start, end = positions[source], positions[target]
    skips = start[0] == end[0] and abs(start[1] - end[1]) > 1
    bend = 0.4 if (end[1] > start[1]) == (start[0] == LATENTS_X) else -0.4
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            patchA=nodes[source],
            patchB=nodes[target],
            shrinkA=0,
            shrinkB=1,
            arrowstyle="-|>",
            connectionstyle=f"arc3,rad={bend if skips else 0}",
            mutation_scale=12,
            color="0.15",
            linewidth=1.2,
            zorder=1,
        )
    )
