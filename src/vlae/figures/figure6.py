"""Figure 6: the layers of a VLAE of street numbers, redrawn one at a time."""

import pandas as pd
from matplotlib.figure import Figure

from vlae.figures._effects import layers_table
from vlae.figures._layer_redraws import draw_redraws, redraw_findings
from vlae.results.run_results import RunResults

TABLES = ["ablation", "effects"]

PREDICTED = {"mean_chromaticity": 1, "mean_colour": 1, "class": 3}
"""The layer in which the paper sees a property."""


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block per run: a panel per layer, one with layer 1 kept, and effects."""
    return draw_redraws(runs, "figure6", PREDICTED)


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return the KL and the total effects of each layer, with the authors' numbers."""
    return layers_table(runs, "figure6")


def findings(runs: list[RunResults]) -> list[str]:
    """Say which layer changes each property most, and what layer 1 alone fixes."""
    return redraw_findings(runs, "figure6", PREDICTED)
