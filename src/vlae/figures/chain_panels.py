"""Panels of Figure 2 for all runs of one data set: distances, R-hat, and curves."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.scale import SymmetricalLogScale

from vlae.figures.plotting import PALETTE, despine, subfigures
from vlae.results.run_results import RunResults

COMPARED_STEP = 200
"""Step of the chains that is compared with ancestral samples."""
FLOOR, ANCESTRAL = ("data", 0), ("ancestral", 1)
"""Arm and step of training images, the floor of any distance, and of ancestral
samples."""

CURVES = {
    "kid": "KID (squared)",
    "sure": "classifier confident (share)",
    "class_entropy": "class entropy (nats)",
}
ARMS = {"noise": "chains from noise", "data": "chains from training images"}

CURVES_HEIGHT, RUN_HEIGHT, HEAD_HEIGHT = 7.2, 0.3, 0.9
"""Heights in inches."""


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


def height(runs: int) -> float:
    """Return the height of `draw_block` for a number of runs, in inches."""
    return HEAD_HEIGHT + RUN_HEIGHT * runs + CURVES_HEIGHT


def draw_block(block: SubFigure, runs: list[RunResults]) -> None:
    """Draw KIDs, R-hat, and curves over steps for the runs of one data set."""
    title = f"{runs[0].dataset_title}: every seed, with its 95 % intervals"
    block.suptitle(title, fontweight="bold")
    tables = [means(run) for run in runs]
    head = HEAD_HEIGHT + RUN_HEIGHT * len(runs)
    forest, curves = subfigures(block, 2, height_ratios=[head, CURVES_HEIGHT])
    linear = _linear_part(tables)
    distance, excess, mixing = forest.subplots(1, 3, sharey=True)
    _distances(distance, tables)
    _excess(excess, tables)
    for axes in (distance, excess):
        axes.set_xscale(_distance_scale(linear))
    _mixing(mixing, runs)
    distance.set_yticks(range(len(runs)), [run.label for run in runs])
    distance.set_ylim(len(runs) - 0.5, -0.5)
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
    _legend(curves, runs)


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


def _places(place: int, count: int) -> list[float]:
    """Return the positions of a run's seeds on the axis of runs, the first on top."""
    return [place + 0.5 * ((i + 0.5) / count - 0.5) for i in range(count)]


def _distance_scale(linear: float) -> SymmetricalLogScale:
    """Return a scale for KIDs, which span decades and, near 0, are often negative."""
    return SymmetricalLogScale(None, linthresh=linear, linscale=0.5)


def _distances(axes: Axes, tables: list[pd.DataFrame]) -> None:
    """Draw the KIDs of chains from noise and of ancestral samples, one line per run."""
    step = compared_step(tables[0])
    axes.axvline(_floor(tables, "kid"), color="0.5", lw=1.2, ls=":")
    for (place, color), table in zip(_colors(tables), tables, strict=True):
        chain, ancestral = ("noise", step, color), (*ANCESTRAL, "white")
        for shift, (arm, at, filling) in ((-0.08, chain), (0.08, ancestral)):
            found = at_step(table, arm, at, "kid")
            seeds = [y + shift for y in _places(place, len(found))]
            axes.hlines(seeds, found["low"], found["high"], color=color, lw=1.5)
            (marks,) = axes.plot(found["value"], seeds, "o", ms=5, color=color)
            marks.set(markerfacecolor=filling, clip_on=False)
    axes.set_title(f"KID: ● step {step} from noise, ○ ancestral")
    despine(axes)


def _excess(axes: Axes, tables: list[pd.DataFrame]) -> None:
    """Draw how far the KID of chains from noise is above that of ancestral samples."""
    axes.axvline(0, color="0.15", lw=1)
    for (place, color), table in zip(_colors(tables), tables, strict=True):
        found = at_step(table, "noise", compared_step(table), "kid_above_ancestral")
        seeds = _places(place, len(found))
        axes.hlines(seeds, found["low"], found["high"], color=color, lw=1.5)
        axes.plot(found["value"], seeds, "o", ms=5, color=color, clip_on=False)
    axes.set_title("KID: ● less ○, paired")
    axes.tick_params(axis="y", length=0)
    despine(axes)


def _mixing(axes: Axes, runs: list[RunResults]) -> None:
    """Draw the R-hat of all scalars, one line per run.

    Chains that never move have a mark at the right end.
    """
    found = [r_hats(run) for run in runs]
    every = np.concatenate([table["value"] for table in found])
    largest = max(1.1, *every[np.isfinite(every)])
    axes.axvline(1, color="0.15", lw=1)
    for (place, color), table in zip(_colors(runs), found, strict=True):
        groups = [group for _, group in table.groupby("seed")]
        for y, group in zip(_places(place, len(groups)), groups, strict=True):
            finite = group.loc[np.isfinite(group["value"]), "value"]
            axes.plot(finite, [y] * len(finite), "o", ms=4, alpha=0.6, color=color)
            if len(finite) < len(group):
                axes.plot(1.1 * largest, y, ">", ms=5, color=color)
    axes.set_xscale("log")
    axes.set_title("R-hat of each scalar: 1 if mixed")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="y", length=0)
    despine(axes)


def _curves(axes: Axes, tables: list[pd.DataFrame], arm: str, measure: str) -> None:
    """Draw one measure over steps: one line per run and seed, with its interval.

    Horizontal lines show ancestral samples and training images, as means over seeds.
    """
    axes.axhline(_floor(tables, measure), color="0.5", lw=1.2, ls=":")
    for (_, color), table in zip(_colors(tables), tables, strict=True):
        level = at_step(table, *ANCESTRAL, measure)["value"].mean()
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


def _legend(block: SubFigure, runs: list[RunResults]) -> None:
    handles = [
        Line2D([], [], color=color, marker="o", ms=3, label=run.label)
        for (_, color), run in zip(_colors(runs), runs, strict=True)
    ]
    ancestral = "0.15" if len(runs) > 1 else handles[0].get_color()
    handles += [
        Line2D([], [], color=ancestral, lw=1, ls="--", label="ancestral samples"),
        Line2D([], [], color="0.5", lw=1.2, ls=":", label="training images (floor)"),
    ]
    block.legend(handles=handles, loc="outside lower center", ncols=3)
