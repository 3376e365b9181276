"""What all runs of a data set did in the experiments `chains` and `mixing`, drawn."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.scale import SymmetricalLogScale

from vlae.figures.plotting import PALETTE, Row, despine, subfigures

COMPARED_STEP = 200
FLOOR, ANCESTRAL = ("data", 0), ("ancestral", 1)
"""Arm and step of training images, the least that any sample can have, and of
ancestral samples."""

CURVES = {
    "kid": "KID (squared)",
    "sure": "classifier sure (share)",
    "class_entropy": "class entropy (nats)",
}
ARMS = {"noise": "chains from noise", "data": "chains from training images"}

CURVES_HEIGHT = 7.2
ROW_HEIGHT, HEAD_HEIGHT = 0.3, 0.9


def means(row: Row) -> pd.DataFrame:
    """Table `chains` of the means of p(x | z), all seeds."""
    table = row.table("chains")
    return table[table["kind"] == "mean"]


def compared(table: pd.DataFrame) -> int:
    """The step that is held against ancestral samples: 200, or the last one before.

    One at which all chains are looked at, those from data included.
    """
    steps = table.loc[table["arm"] == "data", "step"]
    return int(steps[steps <= COMPARED_STEP].max())


def look(table: pd.DataFrame, arm: str, step: int, measure: str) -> pd.DataFrame:
    """Lines of one measure, a seed each."""
    here = (table["arm"] == arm) & (table["step"] == step)
    return table[here & (table["measure"] == measure)]


def r_hats(row: Row) -> pd.DataFrame:
    """R-hat of every scalar for which it is defined, a line a scalar and seed."""
    table = row.table("mixing")
    return table[table["measure"] == "r_hat"].dropna(subset="value")


def height(runs: int) -> float:
    """Of `draw`, in inches."""
    return HEAD_HEIGHT + ROW_HEIGHT * runs + CURVES_HEIGHT


def draw_block(block: SubFigure, rows: list[Row]) -> None:
    """Of the runs `rows` of one data set: KIDs, R-hat, and curves over steps."""
    title = f"{rows[0].dataset_title}: every seed, with its 95 % intervals"
    block.suptitle(title, fontweight="bold")
    tables = [means(row) for row in rows]
    head = HEAD_HEIGHT + ROW_HEIGHT * len(rows)
    forest, curves = subfigures(block, 2, height_ratios=[head, CURVES_HEIGHT])
    linear = _linear_part(tables)
    distance, excess, mixing = forest.subplots(1, 3, sharey=True)
    _distances(distance, tables)
    _excess(excess, tables)
    for axes in (distance, excess):
        axes.set_xscale(_distance_scale(linear))
    _mixing(mixing, rows)
    distance.set_yticks(range(len(rows)), [row.label for row in rows])
    distance.set_ylim(len(rows) - 0.5, -0.5)
    panels = curves.subplots(
        len(CURVES), len(ARMS), sharey="row", sharex="col", height_ratios=[1.5, 1, 1]
    )
    for line, (measure, label) in zip(panels, CURVES.items(), strict=True):
        for axes, arm in zip(line, ARMS, strict=True):
            _curves(axes, tables, arm, measure)
        line[0].set_ylabel(label)
        if measure == "kid":
            line[0].set_yscale(_distance_scale(linear))
        else:
            line[0].set_ylim(0, 1.03 if measure == "sure" else None)
    for top, bottom, (arm, title) in zip(
        panels[0], panels[-1], ARMS.items(), strict=True
    ):
        top.set_title(title)
        _steps(bottom, tables, arm)
    _legend(curves, rows)


def _linear_part(tables: list[pd.DataFrame]) -> float:
    """Up to where an axis of KIDs is linear: a power of ten above the floor's ends."""
    ends = pd.concat([look(table, *FLOOR, "kid") for table in tables])
    largest = np.nanmax(np.abs(ends[["value", "low", "high"]].to_numpy()))
    return float(10.0 ** np.ceil(np.log10(max(largest, 1e-9))))


def _floor(tables: list[pd.DataFrame], measure: str) -> float:
    found = pd.concat([look(table, *FLOOR, measure) for table in tables])
    return float(found["value"].mean())


def _colors(rows: Iterable[object]) -> list[tuple[int, str]]:
    """Place and colour of each run."""
    return [(i, PALETTE[i % len(PALETTE)]) for i, _ in enumerate(rows)]


def _places(place: int, count: int) -> list[float]:
    """Of the seeds of a run on the axis of runs, the first on top."""
    return [place + 0.5 * ((i + 0.5) / count - 0.5) for i in range(count)]


def _distance_scale(linear: float) -> SymmetricalLogScale:
    """KIDs span decades, and estimates of 0 are below it as often as above."""
    return SymmetricalLogScale(None, linthresh=linear, linscale=0.5)


def _distances(axes: Axes, tables: list[pd.DataFrame]) -> None:
    """KIDs of chains from noise and of ancestral samples, a run a line."""
    step = compared(tables[0])
    axes.axvline(_floor(tables, "kid"), color="0.5", lw=1.2, ls=":")
    for (place, color), table in zip(_colors(tables), tables, strict=True):
        chain, ancestral = ("noise", step, color), (*ANCESTRAL, "white")
        for shift, (arm, at, filling) in ((-0.08, chain), (0.08, ancestral)):
            found = look(table, arm, at, "kid")
            seeds = [y + shift for y in _places(place, len(found))]
            axes.hlines(seeds, found["low"], found["high"], color=color, lw=1.5)
            (marks,) = axes.plot(found["value"], seeds, "o", ms=5, color=color)
            marks.set(markerfacecolor=filling, clip_on=False)
    axes.set_title(f"KID: ● step {step} from noise, ○ ancestral")
    despine(axes)


def _excess(axes: Axes, tables: list[pd.DataFrame]) -> None:
    """By how much the KID of chains from noise is above, a run a line."""
    axes.axvline(0, color="0.15", lw=1)
    for (place, color), table in zip(_colors(tables), tables, strict=True):
        found = look(table, "noise", compared(table), "kid_above_ancestral")
        seeds = _places(place, len(found))
        axes.hlines(seeds, found["low"], found["high"], color=color, lw=1.5)
        axes.plot(found["value"], seeds, "o", ms=5, color=color, clip_on=False)
    axes.set_title("KID: ● less ○, paired")
    axes.tick_params(axis="y", length=0)
    despine(axes)


def _mixing(axes: Axes, rows: list[Row]) -> None:
    """R-hat of all scalars, a run a line; what never moves stands at the right end."""
    found = [r_hats(row) for row in rows]
    every = np.concatenate([table["value"] for table in found])
    most = max(1.1, *every[np.isfinite(every)])
    axes.axvline(1, color="0.15", lw=1)
    for (place, color), table in zip(_colors(rows), found, strict=True):
        groups = [group for _, group in table.groupby("seed")]
        for y, group in zip(_places(place, len(groups)), groups, strict=True):
            finite = group.loc[np.isfinite(group["value"]), "value"]
            axes.plot(finite, [y] * len(finite), "o", ms=4, alpha=0.6, color=color)
            if len(finite) < len(group):
                axes.plot(1.1 * most, y, ">", ms=5, color=color)
    axes.set_xscale("log")
    axes.set_title("R-hat of each scalar: 1 if mixed")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="y", length=0)
    despine(axes)


def _curves(axes: Axes, tables: list[pd.DataFrame], arm: str, measure: str) -> None:
    """A line per run and seed with its interval; levels of ancestral and real images.

    The levels are means over seeds.
    """
    axes.axhline(_floor(tables, measure), color="0.5", lw=1.2, ls=":")
    for (_, color), table in zip(_colors(tables), tables, strict=True):
        level = look(table, *ANCESTRAL, measure)["value"].mean()
        axes.axhline(level, color=color, lw=1, ls="--", alpha=0.8)
        chains = table[(table["arm"] == arm) & (table["measure"] == measure)]
        for _, chain in chains.groupby("seed"):
            steps, low, high = chain["step"], chain["low"], chain["high"]
            axes.fill_between(steps, low, high, color=color, alpha=0.15, lw=0)
            axes.plot(steps, chain["value"], "o-", ms=3, lw=1.3, color=color)
    despine(axes)


def _steps(axes: Axes, tables: list[pd.DataFrame], arm: str) -> None:
    every = pd.concat(tables)
    steps = sorted(every.loc[every["arm"] == arm, "step"].unique())
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.set_xticks(steps, [f"{step:,}" for step in steps])
    axes.minorticks_off()
    axes.set(xlabel="step of the chain", xlim=(-0.2, 1.3 * steps[-1]))


def _legend(block: SubFigure, rows: list[Row]) -> None:
    handles = [
        Line2D([], [], color=color, marker="o", ms=3, label=row.label)
        for (_, color), row in zip(_colors(rows), rows, strict=True)
    ]
    ancestral = "0.15" if len(rows) > 1 else handles[0].get_color()
    handles += [
        Line2D([], [], color=ancestral, lw=1, ls="--", label="ancestral samples"),
        Line2D([], [], color="0.5", lw=1.2, ls=":", label="training images (floor)"),
    ]
    block.legend(handles=handles, loc="outside lower center", ncols=3)
