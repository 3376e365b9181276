"""Figure 7: the layers of a VLAE of faces, redrawn one at a time."""

import pandas as pd
from matplotlib.figure import Figure

from vlae.figures._effects import layers_table
from vlae.figures._layer_redraws import draw_redraws, redraw_findings
from vlae.results.run_results import RunResults

TABLES = ["ablation", "effects"]

PREDICTED = {
    "mean_chromaticity": 1,
    "face_luminance": 2,
    "hair_luminance": 2,
    "Male": 3,
    "Eyeglasses": 3,
}
"""The layer in which the paper sees a property."""


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block per run: a panel per layer, one with layer 1 kept, and effects."""
    return draw_redraws(runs, "figure7", PREDICTED)


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return the KL and the total effects of each layer, with the authors' numbers."""
    return layers_table(runs, "figure7")


def findings(runs: list[RunResults]) -> list[str]:
    """Say which layer changes each property most, and what layer 1 alone fixes."""
    return redraw_findings(runs, "figure7", PREDICTED)
