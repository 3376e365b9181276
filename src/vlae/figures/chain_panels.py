"""Panels of Figure 2 for all runs of one data set: curves, and each seed."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.scale import SymmetricalLogScale
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from vlae.figures.plotting import PALETTE, despine
from vlae.results.run_results import RunResults

COMPARED_STEP = 200
"""Step of the chains that is compared with ancestral samples."""
FLOOR, ANCESTRAL = ("data", 0), ("ancestral", 1)
"""Arm and step of training images, the floor of any distance, and of ancestral
samples."""

CURVES = {
    "kid": "KID (squared)",
    "sure": "share with a confident class",
    "class_entropy": "class entropy (nats)",
}
"""Measures by step of the chain, with the titles of their panels."""
ARMS = {"noise": "chains from noise", "data": "chains from training images"}
LINE_STYLES = {"noise": "-", "data": "--"}
TICKS_IN_DECADE = (1, 2, 5)
"""Labelled multiples of a power of 10 where an axis spans one decade or less."""
GREY = "0.3"
"""Colour of lines and marks in the legend that stand for all runs."""
HEIGHT = 3.3
"""Height of the panels of one data set, in inches."""


def means(run: RunResults) -> pd.DataFrame:
    """Return the rows of table `chains` about means of p(x | z), of all seeds."""
    table = run.table("chains")
    return table[table["kind"] == "mean"]


def compared_step(table: pd.DataFrame) -> int:
    """Return the step that is compared with ancestral samples.

    It is the last step up to `COMPARED_STEP` at which all chains were recorded, those
    from data included.
    """
    steps = table.loc[table["arm"] == "data", "step"]
    return int(steps[steps <= COMPARED_STEP].max())


def at_step(table: pd.DataFrame, arm: str, step: int, measure: str) -> pd.DataFrame:
    """Return the rows of one measure, one per seed."""
    here = (table["arm"] == arm) & (table["step"] == step)
    return table[here & (table["measure"] == measure)]


def r_hats(run: RunResults) -> pd.DataFrame:
    """Return the R-hat of every scalar for which it is defined, per seed."""
    table = run.table("mixing")
    return table[table["measure"] == "r_hat"].dropna(subset="value")


def draw_block(block: SubFigure, runs: list[RunResults]) -> None:
    """Draw curves over steps, and how each seed compares, for runs on one data set."""
    block.suptitle(_heading(runs), fontweight="bold")
    tables = [means(run) for run in runs]
    *curves, quotients = block.subplots(1, len(CURVES) + 1)
    for axes, (measure, title) in zip(curves, CURVES.items(), strict=True):
        _curves(axes, tables, measure)
        axes.set_title(title)
    curves[0].set_yscale(_distance_scale(_linear_part(tables)))
    curves[1].set_ylim(0, 1.03)
    curves[2].set_ylim(0, None)
    _quotients(quotients, tables)
    _legend(block, runs)


def _heading(runs: list[RunResults]) -> str:
    seeds = max(len(run.seeds) for run in runs)
    spread = "mean and range of the seeds" if seeds > 1 else "with 95 % intervals"
    return f"{runs[0].dataset_title}: {spread}"


def _linear_part(tables: list[pd.DataFrame]) -> float:
    """Return up to which KID an axis is linear: a power of ten above the floor."""
    ends = pd.concat([at_step(table, *FLOOR, "kid") for table in tables])
    largest = np.nanmax(np.abs(ends[["value", "low", "high"]].to_numpy()))
    return float(10.0 ** np.ceil(np.log10(max(largest, 1e-9))))


def _floor(tables: list[pd.DataFrame], measure: str) -> float:
    """Return the mean of a measure of training images over runs and seeds."""
    found = pd.concat([at_step(table, *FLOOR, measure) for table in tables])
    return float(found["value"].mean())


def _colors(runs: Iterable[object]) -> list[tuple[int, str]]:
    """Return the position and colour of each run."""
    return [(i, PALETTE[i % len(PALETTE)]) for i, _ in enumerate(runs)]


def _distance_scale(linear: float) -> SymmetricalLogScale:
    """Return a scale for KIDs, which span decades and, near 0, are often negative."""
    return SymmetricalLogScale(None, linthresh=linear, linscale=0.5)


def _curves(axes: Axes, tables: list[pd.DataFrame], measure: str) -> None:
    """Draw one measure by step: the mean over seeds, and their range, of each run.

    One seed has its 95 % interval. Circles at the right are ancestral samples, and the
    dotted line is training images.
    """
    axes.axhline(_floor(tables, measure), color="0.5", lw=1.2, ls=":")
    steps = sorted(pd.concat(tables).query("arm in @ARMS")["step"].unique())
    beyond = 2.2 * steps[-1]
    for (_, color), table in zip(_colors(tables), tables, strict=True):
        ancestral = at_step(table, *ANCESTRAL, measure)["value"]
        axes.plot(
            [beyond] * len(ancestral), ancestral, "o", ms=4, color=color, mfc="white"
        )
        for arm, style in LINE_STYLES.items():
            chains = table[(table["arm"] == arm) & (table["measure"] == measure)]
            by_step = chains.groupby("step")
            mean = by_step["value"].mean()
            ends = (
                ("value", "value") if chains["seed"].nunique() > 1 else ("low", "high")
            )
            low, high = by_step[ends[0]].min(), by_step[ends[1]].max()
            axes.fill_between(mean.index, low, high, color=color, alpha=0.15, lw=0)
            axes.plot(mean.index, mean, style, marker="o", ms=3, lw=1.3, color=color)
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.set_xticks(_ticks(steps), [f"{step:,}" for step in _ticks(steps)])
    axes.minorticks_off()
    axes.set(xlabel="step of the chain", xlim=(-0.2, 1.4 * beyond))
    despine(axes)


def _ticks(steps: list[int]) -> list[int]:
    """Return the first steps and then those that are at least four times the last."""
    chosen = [step for step in steps if step <= 1]
    for step in steps:
        if step >= 4 * max([*chosen, 1]):
            chosen.append(step)
    return chosen


def _quotients(axes: Axes, tables: list[pd.DataFrame]) -> None:
    """Draw the KID of chains from noise over that of ancestral samples, seed by seed.

    A lower end of an interval that is not above 0 has no place on the axis.
    """
    axes.axvline(1, color="0.15", lw=1)
    rows = 0
    for (_, color), table in zip(_colors(tables), tables, strict=True):
        found = at_step(table, "noise", compared_step(table), "kid_over_ancestral")
        found = found[np.isfinite(found["value"]) & (found["value"] > 0)]
        seeds = rows + np.arange(len(found))
        rows += len(found) + 1
        least = found["value"].to_numpy() / 10
        axes.hlines(
            seeds, np.maximum(found["low"], least), found["high"], color=color, lw=1.5
        )
        axes.plot(found["value"], seeds, "o", ms=4, color=color, clip_on=False)
    axes.set_xscale("log")
    if rows == len(tables):  # nothing but the spaces between runs
        axes.set_xlim(0.5, 2)
    low, high = axes.get_xlim()
    if high <= 10 * low:
        axes.xaxis.set_major_locator(LogLocator(subs=TICKS_IN_DECADE))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(rows - 0.5, -1.5)
    axes.set_yticks([])
    axes.set(xlabel="each seed with its 95 % interval")
    axes.set_title(f"KID at step {compared_step(tables[0])} / ancestral")
    despine(axes)


def _legend(block: SubFigure, runs: list[RunResults]) -> None:
    handles = [
        Line2D([], [], color=color, marker="o", ms=3, label=run.label)
        for (_, color), run in zip(_colors(runs), runs, strict=True)
    ]
    handles += [
        Line2D([], [], color=GREY, lw=1.3, ls=LINE_STYLES[arm], label=title)
        for arm, title in ARMS.items()
    ]
    hollow = "ancestral samples"
    handles += [
        Line2D([], [], color=GREY, marker="o", mfc="white", ms=4, lw=0, label=hollow),
        Line2D([], [], color="0.5", ls=":", label="training images (floor)"),
    ]
    block.legend(handles=handles, loc="outside lower center", ncols=4)
