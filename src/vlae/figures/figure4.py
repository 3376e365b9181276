"""Figure 4: inference and generation of each model, as its networks have them."""

from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Patch, Rectangle

from vlae.figures.plotting import WIDTH, Row, subfigures

EXPERIMENTS = ["graph"]

BESIDE = 2
"""Runs in a line."""
RIGHT = 1.5
"""Where latents stand; features stand at 0."""
RADIUS = 0.3
BLUE = "#aeccde"  # a light tint of the palette's
Place = tuple[float, float]


def draw(rows: list[Row]) -> Figure:
    """Two runs in a line, each with inference beside generation; first seed."""
    lines = [rows[start : start + BESIDE] for start in range(0, len(rows), BESIDE)]
    tables = [[_first(row) for row in line] for line in lines]
    heights = [max(_layers(t) for t in line) for line in tables]
    size = (WIDTH, 0.72 * sum(heights) + 1.35 * len(lines))
    figure = Figure(figsize=size, layout="constrained")
    blocks = subfigures(figure, len(lines), height_ratios=[h + 1.3 for h in heights])
    for block, line, found, height in zip(blocks, lines, tables, heights, strict=True):
        columns = block.subfigures(1, BESIDE, squeeze=False)[0]
        for part, row, table in zip(columns, line, found, strict=False):
            part.suptitle(row.title, fontweight="bold")
            for axes, direction in zip(
                part.subplots(1, 2), ("inference", "generation"), strict=True
            ):
                _graph(axes, table[table["direction"] == direction], height)
                axes.set_title(direction)
    return figure


def numbers(rows: list[Row]) -> pd.DataFrame:
    """Every edge, of the first seed."""
    tables = [_first(row).assign(run=row.title) for row in rows]
    table = pd.concat(tables, ignore_index=True)
    edge = table["source"] + " → " + table["target"]
    found = table.assign(
        edge=edge, derivative=table["sensitivity"].map("{:.2g}".format)
    )
    names = ["run", "direction", "edge", "layers", "through", "derivative"]
    return found[names]


def findings(rows: list[Row]) -> list[str]:
    """Which latents see one another, and how deep each is, per run."""
    sentences = []
    for row in rows:
        for direction, table in _first(row).groupby("direction", sort=False):
            of_x = table[(table["source"] == "x") | (table["target"] == "x")]
            others = table.drop(of_x.index)
            seen = [
                f"{s} → {t}"
                for s, t in zip(others["source"], others["target"], strict=True)
            ]
            depths = [
                f"{s if t == 'x' else t} {number}"
                for s, t, number in zip(
                    of_x["source"], of_x["target"], of_x["layers"], strict=True
                )
            ]
            between = ", ".join(seen) or "no latent depends on another"
            sentences.append(
                f"{row.title}, {direction}: {between}; layers between x and a latent: "
                f"{', '.join(depths)}."
            )
    return sentences


def _first(row: Row) -> pd.DataFrame:
    table = row.table("graph")
    return table[table["seed"] == row.seeds[0]]


def _layers(table: pd.DataFrame) -> int:
    return int(
        table.loc[table["source"].str[0] == "z", "source"].str[1:].astype(int).max()
    )


def _graph(axes: Axes, edges: pd.DataFrame, height: int) -> None:
    """Circles for what is drawn, squares for features that some edges share."""
    ways = [
        (source, *through.split(), target)
        for source, target, through in zip(
            edges["source"], edges["target"], edges["through"], strict=True
        )
    ]
    arrows = list(dict.fromkeys(pair for way in ways for pair in pairwise(way)))
    generates = edges["target"].eq("x").any()
    places = _places({name for way in ways for name in way}, arrows)
    nodes = {
        name: _node(axes, name, place, tilde=name[0] == "h" and generates)
        for name, place in places.items()
    }
    for source, target in arrows:
        _arrow(axes, places, nodes, source, target)
    for source, target, number in zip(
        edges["source"], edges["target"], edges["layers"], strict=True
    ):
        if "x" in (source, target):
            across, up = places[source if target == "x" else target]
            text = f"{number} layers"
            axes.text(
                across + RADIUS + 0.25, up, text, va="center", fontsize=8, color="0.4"
            )
    axes.set(xlim=(-0.5, RIGHT + 1.6), ylim=(-0.4, height + 0.4), aspect="equal")
    axes.axis("off")


def _places(names: set[str], arrows: list[tuple[str, str]]) -> dict[str, Place]:
    """x at the bottom, layer l at height l: features on the left, latents right."""
    beside_x = {name for arrow in arrows if "x" in arrow for name in arrow} - {"x"}
    places: dict[str, Place] = {"x": (RIGHT if beside_x == {"z1"} else 0.0, 0.0)}
    for name in sorted(names - {"x"}):
        layer = float(name[1:].rstrip("'"))
        places[name] = (RIGHT if name[0] == "z" else 0.0, layer)
    return places


def _node(axes: Axes, name: str, place: Place, *, tilde: bool) -> Patch:
    look: dict[str, Any] = {"edgecolor": "0.15", "linewidth": 1.2, "zorder": 2}
    node: Patch
    if name[0] == "h":
        side = 1.7 * RADIUS
        corner = (place[0] - side / 2, place[1] - side / 2)
        node = Rectangle(corner, side, side, facecolor="white", **look)
    else:
        node = Circle(place, RADIUS, facecolor="0.88" if name == "x" else BLUE, **look)
    axes.add_patch(node)
    letter = rf"\tilde{{{name[0]}}}" if tilde else name[0]
    text = f"${letter}_{{{name[1:]}}}$" if name != "x" else "$x$"
    axes.text(*place, text, ha="center", va="center", fontsize=11, zorder=3)
    return node


def _arrow(
    axes: Axes,
    places: dict[str, Place],
    nodes: dict[str, Patch],
    source: str,
    target: str,
) -> None:
    """Bent where it would run through another latent; no head where it is computed."""
    start, end = places[source], places[target]
    skips = start[0] == end[0] == RIGHT and abs(start[1] - end[1]) > 1
    bend = 0.4 if end[1] > start[1] else -0.4
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            patchA=nodes[source],
            patchB=nodes[target],
            shrinkA=0,
            shrinkB=1,
            arrowstyle="-" if target[0] == "h" else "-|>",
            connectionstyle=f"arc3,rad={bend if skips else 0}",
            mutation_scale=12,
            color="0.15",
            linewidth=1.2,
            zorder=1,
        )
    )
