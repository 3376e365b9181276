"""Figure 1: images recomposed from parts, as a classifier and the ELBO see them."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure

from vlae.config.experiment_outputs import RECOMPOSED_GROUP_SIZE
from vlae.config.term_names import kl_layer
from vlae.figures.plotting import PALETTE, WIDTH, despine, mosaic, show, subfigures
from vlae.results.run_results import RunResults
from vlae.results.text import number, spread

TABLES = ["recomposed"]

ARMS = {
    "intact": "intact held-out images",
    "moved_parts": "own parts moved by a pixel",
    "one_class": "parts of one class",
    "several_classes": "parts of several classes",
}
HEADINGS = {
    "confidence": "classifier's confidence",
    "confident": "confident (share)",
    "accuracy": "accuracy",
    "elbo": "ELBO (nats)",
    "reconstruction": "reconstruction (nats)",
    "unlikely": "unlikely",
}
KL_HEADING = "KL layer "


def draw(runs: list[RunResults]) -> Figure:
    """Draw a block per run: images of each kind, their ELBO and their confidence."""
    figure = Figure(figsize=(WIDTH, 4.2 * len(runs)), layout="constrained")
    for block, run in zip(subfigures(figure, len(runs)), runs, strict=True):
        arrays = run.arrays("recomposed")
        block.suptitle(f"{run.title} (images: seed {run.seeds[0]})", fontweight="bold")
        images, curves = subfigures(block, 2, height_ratios=[1.5, 2.4])
        panels = images.subplots(1, len(ARMS))
        for axes, (arm, title) in zip(panels, ARMS.items(), strict=True):
            picture = mosaic(
                _by_column(arrays[arm]), len(arrays[arm]) // RECOMPOSED_GROUP_SIZE
            )
            show(axes, picture, title)
        _curves(curves, arrays)
    return figure


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return one row per run and kind of images: mean (range) over seeds."""
    lines = []
    for run in runs:
        table = run.table("recomposed")
        for arm, title in ARMS.items():
            cells = {"run": run.title, "images": title}
            for measure, found in table[table["images"] == arm].groupby("measure"):
                cells[_heading(str(measure))] = spread(found["value"])
            lines.append(cells)
    found = pd.DataFrame(lines)
    kl = sorted((n for n in found if n.startswith(KL_HEADING)), key=_layer)
    first = ["run", "images", *HEADINGS.values()]
    return found[[*first[:-1], *kl, first[-1]]]


def findings(runs: list[RunResults]) -> list[str]:
    """Say per run how recomposing changes the confidence and the ELBO."""
    sentences = []
    for run in runs:
        table = run.table("recomposed").set_index(["images", "measure"])

        def said(arm: str, measure: str, table: pd.DataFrame = table) -> str:
            return spread(table.loc[[(arm, measure)], "value"])

        change = table.loc[[("one_class", "elbo")]]
        gap = spread(change["difference"])
        seam = spread(table.loc[[("moved_parts", "elbo")], "difference"])
        if len(change) == 1:
            low, high = change.iloc[0][["difference_low", "difference_high"]]
            gap += f" (95 % interval {number(low)} to {number(high)})"
        sentences.append(
            f"{run.title}: the classifier's mean confidence is "
            f"{said('one_class', 'confidence')} on images recomposed from parts of one "
            f"class, {said('several_classes', 'confidence')} with parts of several "
            f"classes, and {said('intact', 'confidence')} on intact images. It names "
            f"the class of {said('one_class', 'accuracy')} of the images with parts of "
            f"one class and of {said('intact', 'accuracy')} of the intact ones. "
            f"The ELBO changes by {gap} nats. Moving an image's own parts by a pixel, "
            f"which makes the same seams, changes it by {seam} nats. A "
            f"share of "
            f"{said('one_class', 'unlikely')} of the recomposed images has a lower "
            "ELBO than 95 % of the intact images."
        )
    return sentences


def _heading(measure: str) -> str:
    return HEADINGS.get(measure) or f"{KL_HEADING}{kl_layer(measure)} (nats)"


def _layer(heading: str) -> int:
    """Return the layer of 'KL layer 2 (nats)'."""
    return int(heading.removeprefix(KL_HEADING).split()[0])


def _by_column(images: np.ndarray) -> np.ndarray:
    """Order images so that a mosaic has one group of four per column."""
    groups = images.reshape(-1, RECOMPOSED_GROUP_SIZE, *images.shape[1:])
    return groups.swapaxes(0, 1).reshape(images.shape)


def _curves(block: SubFigure, arrays: dict[str, np.ndarray]) -> None:
    """Draw the distributions of the ELBO and of the classifier's confidence."""
    bound, sure = block.subplots(1, 2)
    every = np.concatenate([arrays[f"elbo_{arm}"] for arm in ARMS])
    low, high = np.quantile(every, [0.005, 1])
    edges = np.linspace(low, high, 60)
    levels = np.linspace(0, 1, 201)
    for color, (arm, title) in zip(PALETTE, ARMS.items(), strict=False):
        elbo, confidence = (arrays[f"{name}_{arm}"] for name in ("elbo", "confidence"))
        look = {"color": color, "label": title}
        bound.hist(elbo, edges, histtype="step", linewidth=1.5, **look)
        shares = 1 - np.searchsorted(np.sort(confidence), levels) / len(confidence)
        sure.plot(levels, shares, **look)
    bound.set(xlabel="ELBO (nats)", ylabel="images", xlim=(low, high + edges[1] - low))
    lowest = min(arrays[f"confidence_{arm}"].min() for arm in ARMS)
    sure.set(xlabel="confidence of the classifier", ylabel="share as confident")
    sure.set(xlim=(lowest, 1.005), ylim=(0, 1.02))
    for axes in (bound, sure):
        axes.locator_params(axis="x", nbins=6)
        despine(axes)
    handles, labels = sure.get_legend_handles_labels()
    block.legend(handles, labels, loc="outside lower center", ncols=len(ARMS))
