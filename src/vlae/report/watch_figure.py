"""A picture of the histories of trainings, also of those that are running."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vlae.figures.plotting import PALETTE, WIDTH, despine, style
from vlae.report.training_curves import Chart, charts
from vlae.results.watched import Watched
from vlae.system.errors import UserError
from vlae.system.files import atomic

COLUMNS = 3
"""Charts of a run side by side: the ELBO and its parts, or a classifier's two."""
ROW_HEIGHT = 2.3
"""Height of the charts of one run, in inches."""


def save(trainings: list[Watched], path: Path) -> None:
    """Draw one row of charts per run, with a line per seed, and write the picture.

    Args:
        trainings: at least one with an evaluation.
        path: the picture; its ending says the format.

    Raises:
        UserError: if the ending is not one that matplotlib knows, or there is no
            evaluation to draw.
    """
    known = Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".") not in known:
        raise UserError(
            f"--out: {path} does not end in a format of pictures; known: "
            f"{', '.join(sorted(known))}."
        )
    histories = by_run(trainings)
    if not histories:
        raise UserError(
            "--out: no training has been evaluated so far, so there is nothing to "
            "draw. Wait for the first evaluation, at step 0."
        )
    with style():
        size = (WIDTH, ROW_HEIGHT * len(histories))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(histories), COLUMNS, squeeze=False)
        for row, (run, history) in zip(grid, histories.items(), strict=True):
            drawn = charts(history)
            for axes, chart in zip(row, drawn, strict=False):
                _draw(axes, chart)
            row[0].set_title(f"{run}: {row[0].get_title()}")
            for axes in row[len(drawn) :]:
                axes.set_axis_off()
        figure.supxlabel("lines: held-out images; dotted: training images", size=8)
        with atomic(path) as temporary:
            figure.savefig(temporary)


def by_run(trainings: list[Watched]) -> dict[str, pd.DataFrame]:
    """Return the histories of all seeds of each run, with a column `seed`."""
    found: dict[str, list[pd.DataFrame]] = {}
    for one in trainings:
        run, _, seed = one.name.rpartition("/")
        if len(one.history):
            found.setdefault(run, []).append(one.history.assign(seed=seed))
    return {run: pd.concat(parts, ignore_index=True) for run, parts in found.items()}


def _draw(axes: Axes, chart: Chart) -> None:
    """Draw the curves of a chart: held-out as lines, training images dotted."""
    for curve in chart.curves:
        look = "-" if curve.split == "held-out" else ":"
        for place, values in enumerate(curve.values):
            label = curve.name if look == "-" and not place else ""
            axes.plot(
                chart.steps,
                [float("nan") if v is None else v for v in values],
                look,
                color=curve.colour or PALETTE[0],
                linewidth=1,
                label=label or None,
            )
    axes.set(ylim=(chart.low, chart.high), xlabel="step", ylabel=chart.unit)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_title(chart.title)
    if chart.names:
        axes.legend()
    despine(axes)
