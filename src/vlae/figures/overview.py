"""One run at a glance: training curves, reconstructions, samples."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlae.figures.plotting import PALETTE, WIDTH, Row, despine, mosaic, show, subfigures

EXPERIMENTS = ["samples"]
COLUMNS = 8
PANELS = {
    "data": "held-out images",
    "reconstructions": "their reconstructions",
    "samples": "ancestral samples",
}


def draw(rows: list[Row]) -> Figure:
    """For the one run in `rows`: curves of all seeds, images of the first."""
    (row,) = rows
    history = row.history()
    kl = sorted(t for t in history["term"].unique() if t.startswith("kl_"))
    panels = (
        [("ELBO (nats)", ["elbo"]), ("KL per layer (nats)", kl)]
        if kl
        else [("cross entropy (nats)", ["cross_entropy"]), ("accuracy", ["accuracy"])]
    )
    figure = Figure(figsize=(WIDTH, 6.0 if kl else 2.6), layout="constrained")
    figure.suptitle(f"{row.title} (images: seed {row.seeds[0]})", fontweight="bold")
    blocks = subfigures(figure, 2, height_ratios=[2.2, 3.4]) if kl else [figure]
    for axes, (label, terms) in zip(blocks[0].subplots(1, 2), panels, strict=True):
        _curves(axes, history[history["term"].isin(terms)], label)
    if kl:
        arrays = row.arrays("samples")
        for axes, (name, title) in zip(
            blocks[1].subplots(1, 3), PANELS.items(), strict=True
        ):
            show(axes, mosaic(arrays[name], COLUMNS), title)
    return figure


def _curves(axes: Axes, history: pd.DataFrame, label: str) -> None:
    terms = sorted(history["term"].unique())
    for color, term in zip(PALETTE, terms, strict=False):
        for split, dashes in (("held-out", "-"), ("train", ":")):
            chosen = history[(history["term"] == term) & (history["split"] == split)]
            for index, (_, curve) in enumerate(chosen.groupby("seed")):
                layer = f"layer {term[3:]}, " if term.startswith("kl_") else ""
                name = None if index else f"{layer}{split}"
                axes.plot(
                    curve["step"], curve["value"], dashes, color=color, label=name
                )
    last = history[history["step"] > 0]["value"]
    if not last.empty and history["term"].iloc[0] == "elbo":
        margin = 0.1 * (last.max() - last.min() + 1)
        axes.set_ylim(last.min() - margin, last.max() + margin)
    axes.set(xlabel="step", ylabel=label)
    axes.legend(ncols=2 if len(terms) > 1 else 1)
    despine(axes)
