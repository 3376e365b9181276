"""Figure 2: the Gibbs chain of the bottom layer beside ancestral sampling."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vlae.plotting import PALETTE, WIDTH, Row, mosaic, show, subfigures
from vlae.words import spread

EXPERIMENTS = ["gibbs"]

COMPARED_STEP = 200
CHAINS_SHOWN = 8


def draw(rows: list[Row]) -> Figure:
    """Per run: samples of both kinds, the chains over time, and the judge's numbers."""
    figure = Figure(figsize=(WIDTH, 8.6 * len(rows)), layout="constrained")
    for block, row in zip(subfigures(figure, len(rows)), rows, strict=True):
        _block(block, row)
    return figure


def numbers(rows: list[Row]) -> pd.DataFrame:
    """The judge's numbers, mean (range) over seeds."""
    lines = []
    for row in rows:
        table = row.table("gibbs")
        for (arm, step), found in table.groupby(["arm", "step"], sort=False):
            chain = arm in ("data", "noise")
            lines.append(
                {
                    "run": row.title,
                    "images": f"chain from {arm}" if chain else arm.replace("_", "-"),
                    "step": str(step) if chain else "",
                    "classifier sure": spread(found["confident"]),
                    "class entropy (nats)": spread(found["class_entropy"]),
                }
            )
    return pd.DataFrame(lines)


def findings(rows: list[Row]) -> list[str]:
    """What the chain from noise reaches, against ancestral samples, per run."""
    sentences = []
    for row in rows:
        table = row.table("gibbs").set_index("seed")
        compared = _compared(table)
        chain = table[(table["arm"] == "noise") & (table["step"] == compared)]
        ancestral = table[table["arm"] == "ancestral"]
        gap = (chain["confident"] - ancestral["confident"]) * 100
        points = ", ".join(f"{value:+.0f}" for value in gap) + " points"
        points += ", seed by seed" if len(gap) > 1 else ""
        sentences.append(
            f"{row.title}: after {compared} steps from noise the classifier is sure of "
            f"{spread(chain['confident'])} of the chain's images, against "
            f"{spread(ancestral['confident'])} of ancestral samples ({points}); "
            f"entropy of the classes {spread(chain['class_entropy'])} "
            f"against {spread(ancestral['class_entropy'])} nats."
        )
    return sentences


def _compared(table: pd.DataFrame) -> int:
    steps = table.loc[table["arm"] == "noise", "step"]
    return int(steps[steps <= COMPARED_STEP].max())


def _block(block: SubFigure, row: Row) -> None:
    table, arrays = row.table("gibbs"), row.arrays("gibbs")
    steps = sorted(table.loc[table["arm"] == "noise", "step"].unique())
    compared = _compared(table)
    block.suptitle(f"{row.title} (images: seed {row.seeds[0]})", fontweight="bold")
    samples, strips, lines = subfigures(block, 3, height_ratios=[2.8, 3.1, 2.2])
    left, right = samples.subplots(1, 2)
    title = f"Gibbs chain from noise, step {compared}: mean of the last draw"
    show(left, mosaic(arrays[f"noise_{compared}"], 20), title)
    ancestral = mosaic(arrays["ancestral"], 20)
    show(right, ancestral, "ancestral samples: mean of the last draw")
    for axes, arm in zip(strips.subplots(1, 2), ("data", "noise"), strict=True):
        _strip(axes, arrays, arm, steps)
    confident, entropy = lines.subplots(1, 2)
    _lines(confident, table, "confident", "classifier is sure (share)")
    _lines(entropy, table, "class_entropy", "entropy of classes (nats)")
    lines.legend(
        *confident.get_legend_handles_labels(), loc="outside lower center", ncols=4
    )


def _strip(
    axes: Axes, arrays: dict[str, np.ndarray], arm: str, steps: list[int]
) -> None:
    """One chain a row, time from left to right."""
    frames = [arrays[f"{arm}_{step}"][:CHAINS_SHOWN] for step in steps]
    picture = mosaic(np.stack(frames, 1).reshape(-1, *frames[0].shape[1:]), len(steps))
    show(axes, picture, f"chains from {arm}, by step")
    width = picture.shape[1] / len(steps)
    axes.set_xticks([(i + 0.5) * width for i in range(len(steps))], map(str, steps))
    axes.tick_params(length=0)


def _lines(axes: Axes, table: pd.DataFrame, column: str, label: str) -> None:
    """A line per chain and seed, over steps; level lines of what it is held against."""
    for color, arm in zip(PALETTE, ("data", "noise"), strict=False):
        for seed, chain in table[table["arm"] == arm].groupby("seed"):
            name = f"chain from {arm}" if seed == table["seed"].iloc[0] else None
            axes.plot(chain["step"], chain[column], "o-", ms=3, color=color, label=name)
    levels = {
        "ancestral": ("0.1", "--", "ancestral"),
        "held_out": ("0.6", ":", "held-out images"),
    }
    for arm, (color, dashes, name) in levels.items():
        for index, value in enumerate(table.loc[table["arm"] == arm, column]):
            text = None if index else name
            axes.axhline(value, color=color, ls=dashes, lw=1, label=text)
    axes.set_xscale("symlog", linthresh=1)
    steps = sorted(table.loc[table["arm"] == "noise", "step"].unique())
    axes.set_xticks(steps, map(str, steps))
    axes.minorticks_off()
    axes.set(xlabel="step of the chain", ylabel=label)
    axes.set(xlim=(-0.15, 1.3 * steps[-1]), ylim=(0, None))
