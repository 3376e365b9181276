"""Section 3.2: residuals of inferred latents under their prior, against N(0, 1)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vlae.config.term_names import residual_prefix
from vlae.figures.plotting import PALETTE, WIDTH, despine, layer_name, subfigures
from vlae.results.run_results import RunResults
from vlae.results.text import number, spread

TABLES = ["residuals"]

HEADINGS = {
    "active": "active dimensions",
    "mean": "mean (rms)",
    "variance": "variance",
    "skewness": "skewness (rms)",
    "excess_kurtosis": "excess kurtosis",
    "ks": "KS distance",
    "kl": "KL (nats)",
    "negentropy": "not Gaussian (nats)",
    "explained": "explained by above",
}
MOMENTS = {
    "mean": ("mean (rms)", 0),
    "variance": ("variance", 1),
    "skewness": ("skewness (rms)", 0),
    "kurtosis": ("excess kurtosis", 0),
    "kl": ("KL of both moments", 0),
}
"""Moments in the history: their title, and their value for N(0, 1)."""
DIGITS = 3


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block per run: each layer's residuals, and their moments over training."""
    figure = Figure(figsize=(WIDTH, 4.9 * len(runs)), layout="constrained")
    for block, run in zip(subfigures(figure, len(runs)), runs, strict=True):
        block.suptitle(
            f"{run.title} (histograms: seed {run.seeds[0]})", fontweight="bold"
        )
        top, below = subfigures(block, 2, height_ratios=[2.4, 2.5])
        _histograms(top, run)
        _moments(below, run.history())
    return figure


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per layer: its active dimensions, mean (range) over seeds."""
    lines = []
    for run in runs:
        table = run.table("residuals")
        table = table[table["dimension"] == 0]
        for layer, of_layer in table.groupby("layer"):
            values = of_layer.groupby("measure")["value"]
            cells = {
                name: spread(values.get_group(m), 0 if m == "active" else DIGITS)
                for m, name in HEADINGS.items()
            }
            lines.append({"run": run.title, "layer": layer, **cells})
    return pd.DataFrame(lines)


def findings(runs: list[RunResults]) -> list[str]:
    """Say how far each layer's residuals are from N(0, 1), at first and at the end."""
    sentences = []
    for run in runs:
        table = run.table("residuals")
        table = table[(table["dimension"] == 0) & (table["measure"] == "kl")]
        parts = []
        for layer, found in table.groupby("layer"):
            parts.append(f"{spread(found['value'], DIGITS)} in layer {layer}")
        history = _held_out(run.history(), "kl")
        ends = history.groupby(["layer", "seed"])["value"].agg(["first", "last"])
        course = [
            f"{spread(of['first'], DIGITS)} before and {spread(of['last'], DIGITS)} "
            f"after training in layer {layer}"
            for layer, of in ends.groupby("layer")
        ]
        sentences.append(
            f"{run.title}: the KL of the residuals from N(0, 1), in nats per active "
            f"dimension, is {', '.join(parts)}. By mean and variance alone, and over "
            f"all dimensions, it is {', '.join(course)}."
        )
    return sentences


def _histograms(block: SubFigure, run: RunResults) -> None:
    arrays = run.arrays("inference")
    table = run.table("residuals")
    table = table[(table["seed"] == run.seeds[0]) & (table["dimension"] == 0)]
    values = table.set_index(["layer", "measure"])["value"]
    layers = sum(name.startswith("density_") for name in arrays)
    edges = arrays["edges"]
    axis = np.linspace(edges[0], edges[-1], 201)
    panels = block.subplots(1, layers, sharey=True, squeeze=False)[0]
    for layer, axes in enumerate(panels, start=1):
        color = PALETTE[layer - 1]
        axes.stairs(
            arrays[f"density_{layer}"], edges, fill=True, color=color, alpha=0.5
        )
        axes.plot(
            axis,
            np.exp(-(axis**2) / 2) / np.sqrt(2 * np.pi),
            color="0.15",
            lw=1,
            label="N(0, 1)",
        )
        active = int(values[layer, "active"])
        said = f"KL = {number(values[layer, 'kl'], DIGITS)} nats per dimension"
        axes.set_title(
            f"{layer_name(layer, layers)}, {active} active\n{said if active else ''}"
        )
        axes.set(xlabel=r"$(z_\ell - \mu_p)\,/\,\sigma_p$", xlim=(-4.5, 4.5), yticks=[])
        despine(axes)
        axes.spines["left"].set_visible(False)
    panels[0].legend(loc="upper left")


def _moments(block: SubFigure, history: pd.DataFrame) -> None:
    panels = block.subplots(1, len(MOMENTS))
    for axes, (name, (title, level)) in zip(panels, MOMENTS.items(), strict=True):
        _over_training(axes, _held_out(history, name), level)
        axes.set_title(title)
    handles, labels = panels[0].get_legend_handles_labels()
    block.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _over_training(axes: Axes, history: pd.DataFrame, level: float) -> None:
    """Draw one line per layer and seed, and the value for N(0, 1)."""
    axes.axhline(level, color="0.15", lw=1, ls=":", label="N(0, 1)")
    for layer, of_layer in history.groupby("layer"):
        for index, (_, curve) in enumerate(of_layer.groupby("seed")):
            name = None if index else f"layer {layer}"
            color = PALETTE[int(layer) - 1]
            axes.plot(curve["step"], curve["value"], color=color, lw=1.5, label=name)
    axes.set(xlabel="step")
    despine(axes)


def _held_out(history: pd.DataFrame, moment: str) -> pd.DataFrame:
    """Return one moment of the residuals on held-out images, with a column `layer`."""
    prefix = residual_prefix(moment)
    chosen = history["term"].str.startswith(prefix) & (history["split"] == "held-out")
    found = history[chosen].sort_values("step")
    return found.assign(layer=found["term"].str.removeprefix(prefix).astype(int))
