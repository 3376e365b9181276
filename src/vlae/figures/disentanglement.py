"""Whether layers or coordinates hold the known factors one by one."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from vlae.figures.plotting import INK, PALETTE, WIDTH, despine
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, number, spread

TABLES = ["disentanglement"]

SCORES = {
    "sap": "SAP",
    "factor_vae": "FactorVAE score",
    "mig": "MIG",
    "disentanglement": "DCI disentanglement",
    "completeness": "DCI completeness",
}
SHOWN = ["sap", "factor_vae", "mig"]
"""Scores in the picture: those of layers and of coordinates."""
BOUNDS = {"chance": ":", "maximum": "-"}
"""Lines at what chance gives, and at the most that this number of units reaches."""


def draw(runs: list[RunResults]) -> Figure:
    """Draw a panel for layers and one for coordinates, one colour per run."""
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, units in zip(panels, ("layers", "coordinates"), strict=True):
        for index, run in enumerate(runs):
            table = _overall(run)
            width = 0.8 / len(runs)
            left = width * index - 0.4
            color = PALETTE[index % len(PALETTE)]
            _bars(axes, table[table["units"] == units], left, width, color)
        axes.set_title(f"units are {units}")
        axes.set_xticks(range(len(SHOWN)), [SCORES[score] for score in SHOWN])
        axes.tick_params(axis="x", length=0)
        axes.tick_params(labelleft=True)
        axes.set(xlim=(-0.5, len(SHOWN) - 0.5), ylim=(0, 1.05), ylabel="score")
        despine(axes)
    handles: list[Artist] = [
        Patch(color=PALETTE[index % len(PALETTE)], label=run.title)
        for index, run in enumerate(runs)
    ]
    handles += [
        Line2D([], [], color=INK, linestyle=style, label=f"FactorVAE score: {name}")
        for name, style in BOUNDS.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _bars(
    axes: Axes, table: pd.DataFrame, left: float, width: float, color: str
) -> None:
    """Draw the bar of each score of one run: the mean, and a point per seed."""
    for place, score in enumerate(SHOWN):
        of = table[table["score"] == score]
        values = of["value"].to_numpy()
        start, middle = place + left, place + left + width / 2
        if np.isnan(values).all():
            axes.text(middle, 0.02, "not defined", rotation=90, ha="center", fontsize=8)
            continue
        axes.bar(middle, np.nanmean(values), 0.92 * width, color=color)
        shifts = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else 0.0
        ends = [values - of["low"], of["high"] - values]
        axes.errorbar(
            middle + width * shifts, values, ends, fmt="o", ms=3, capsize=2, color=INK
        )
        if score == "factor_vae":
            for name, style in BOUNDS.items():
                level = of[name].iloc[0]
                axes.plot([start, start + width], [level] * 2, style, color=INK)


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per run and units: every score, and SAP of each factor."""
    lines = []
    for run in runs:
        table = run.table("disentanglement")
        for units, of in table.groupby("units", sort=False):
            cells = {"run": run.title, "units": units}
            overall = of[of["property"] == ""].groupby("score")["value"]
            for score, name in SCORES.items():
                if score in overall.groups:
                    cells[name] = spread(overall.get_group(score))
            factors = of[(of["property"] != "") & (of["score"] == "sap")]
            for name, values in factors.groupby("property", sort=False)["value"]:
                cells[f"SAP {in_print(str(name))}"] = spread(values)
            lines.append(cells)
    return pd.DataFrame(lines).fillna("")


def findings(runs: list[RunResults]) -> list[str]:
    """Say what layers and coordinates reach, beside chance and maximum, or why not."""
    sentences = []
    for run in runs:
        table = _overall(run)
        for units, of in table.groupby("units", sort=False):
            reasons = of.loc[of["reason"] != "", "reason"].unique()
            if len(reasons):
                said = f"not defined, as {'; '.join(reasons)}"
                sentences.append(f"{run.title}, {units}: {said}.")
                continue
            values = of.groupby("score")["value"]
            said = ", ".join(
                f"{name} {spread(values.get_group(score))}"
                for score, name in SCORES.items()
                if score in values.groups
            )
            voted = of[of["score"] == "factor_vae"].iloc[0]
            sentences.append(
                f"{run.title}, {units}: {said}. Chance gives a FactorVAE score of "
                f"{number(voted['chance'])}, and the most that this number of {units} "
                f"can reach is {number(voted['maximum'])}."
            )
    return sentences


def _overall(run: RunResults) -> pd.DataFrame:
    """Return the rows of a run that stand for all factors."""
    table = run.table("disentanglement")
    return table[table["property"] == ""]
