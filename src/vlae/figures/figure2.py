"""Figure 2: Gibbs chains that use no prior, next to ancestral samples."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vlae.figures import chain_panels
from vlae.figures.chain_panels import ANCESTRAL, FLOOR, at_step, compared_step, means
from vlae.figures.plotting import WIDTH, mosaic, show, subfigures
from vlae.results.run_results import RunResults
from vlae.results.text import number, spread

TABLES = ["chains", "mixing"]

SIDE = 10
"""Images along a side of a mosaic."""
IMAGES_HEIGHT = 3.0
"""Height of the images of one run, in inches."""

HEADINGS = {
    "kid": "KID",
    "kid_above_ancestral": "KID above ancestral",
    "fid": "FID",
    "precision": "precision",
    "recall": "recall",
    "sure": "classifier confident",
    "class_entropy": "class entropy (nats)",
}
SIZE_DEPENDENT = {"fid", "precision", "recall"}
"""Measures that depend on the number of images."""
KID_DIGITS = 3


def draw(runs: list[RunResults]) -> Figure:
    """Draw a row of images per run and, below, a block of curves per data set."""
    groups: dict[str, list[RunResults]] = {}
    for run in runs:
        groups.setdefault(run.dataset, []).append(run)
    heights = [IMAGES_HEIGHT] * len(runs)
    heights += [chain_panels.height(len(group)) for group in groups.values()]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    blocks = subfigures(figure, len(heights), height_ratios=heights)
    for block, run in zip(blocks, runs, strict=False):
        _images(block, run)
    for block, group in zip(blocks[len(runs) :], groups.values(), strict=True):
        chain_panels.draw_block(block, group)
    return figure


def numbers(runs: list[RunResults]) -> pd.DataFrame:
    """Return what the classifier sees in the means of p(x|z): mean (range) over seeds.

    KIDs of draws of p(x|z), compared with held-out images under the data noise, have a
    column of their own. Measures that depend on the number of images are left out where
    it differs from that of the ancestral samples.
    """
    lines = []
    for run in runs:
        table = run.table("chains")
        of_means, draws = (table[table["kind"] == kind] for kind in ("mean", "draw"))
        for (arm, step), title in _selected(of_means).items():
            cells = {
                "run": run.title,
                "images": title,
                "step": str(step) if arm in chain_panels.ARMS and step else "",
            }
            for measure, heading in HEADINGS.items():
                found = at_step(of_means, arm, step, measure)
                if measure in SIZE_DEPENDENT:
                    size = at_step(of_means, *ANCESTRAL, measure)["n"].max()
                    found = found[found["n"] == size]
                cells[heading] = _cell(found, measure)
                if measure == "kid":
                    cells["KID of draws"] = _cell(
                        at_step(draws, arm, step, "kid"), "kid"
                    )
            lines.append(cells)
    return pd.DataFrame(lines)


def findings(runs: list[RunResults]) -> list[str]:
    """Say how chains from noise compare with ancestral samples, and if they mix."""
    return [_finding(run) for run in runs]


def _finding(run: RunResults) -> str:
    table = means(run)
    step = compared_step(table)
    chain = ("noise", step)

    def at(arm: tuple[str, int], measure: str) -> str:
        return _cell(at_step(table, *arm, measure), measure)

    excess = at_step(table, *chain, "kid_above_ancestral")
    gaps = [
        "{} ({} to {})".format(*(number(value, KID_DIGITS) for value in values))
        for values in excess[["value", "low", "high"]].to_numpy()
    ]
    seeds = ", seed by seed" if len(gaps) > 1 else ""
    return (
        f"{run.title}: after {step} steps from noise the KID is {at(chain, 'kid')} "
        f"(training images: {at(FLOOR, 'kid')}). It is above that of ancestral "
        f"samples by {', '.join(gaps)} (95 % intervals{seeds}). The classifier is "
        f"confident about a share of {at(chain, 'sure')}, compared with "
        f"{at(ANCESTRAL, 'sure')} for ancestral samples. The entropy of classes is "
        f"{at(chain, 'class_entropy')} nats, compared with "
        f"{at(ANCESTRAL, 'class_entropy')} nats. {_mixed(run)}"
    )


def _mixed(run: RunResults) -> str:
    found = chain_panels.r_hats(run)
    if found.empty:
        return "R-hat is undefined: no scalar ever changes."
    largest = found.groupby("seed")["value"].max()
    scalars = found["scalar"].nunique()
    return f"The largest R-hat of {scalars} scalars is {spread(largest)}."


def _selected(table: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Return the arms and steps that `numbers` lists, with their titles."""
    noise, data = chain_panels.ARMS.values()
    last = int(table.loc[table["arm"] == "noise", "step"].max())
    steps = (1, compared_step(table), last)
    return {
        FLOOR: "training images (floor)",
        ANCESTRAL: "ancestral samples",
        **{("noise", step): noise for step in steps},
        ("data", compared_step(table)): data,
    }


def _cell(found: pd.DataFrame, measure: str) -> str:
    digits = KID_DIGITS if measure.startswith("kid") else 2
    return spread(found["value"], digits) if len(found) else ""


def _images(block: SubFigure, run: RunResults) -> None:
    """Draw samples of both kinds, and single chains over time."""
    table, arrays = means(run), run.arrays("chains")
    step = compared_step(table)
    block.suptitle(f"{run.title} (images: seed {run.seeds[0]})", fontweight="bold")
    chain, ancestral, *strips = block.subplots(1, 4)
    for axes, name, title in (
        (chain, f"noise_{step}", f"chains from noise, step {step}"),
        (ancestral, "ancestral_1", "ancestral samples"),
    ):
        show(axes, mosaic(arrays[name][: SIDE**2], SIDE), title)
    for axes, (arm, title) in zip(strips, chain_panels.ARMS.items(), strict=True):
        steps = sorted(table.loc[table["arm"] == arm, "step"].unique())
        _strip(axes, [arrays[f"{arm}_{s}"] for s in steps], steps, title)


def _strip(axes: Axes, frames: list[np.ndarray], steps: list[int], title: str) -> None:
    """Draw one chain per row over time, as many chains as there are steps."""
    chains = np.stack(frames, 1)[: len(frames)]
    picture = mosaic(chains.reshape(-1, *chains.shape[2:]), len(frames))
    show(axes, picture, title)
    width = picture.shape[1] / len(frames)
    places = [(i + 0.5) * width for i in range(len(frames))]
    axes.set_xticks(places, [str(step) for step in steps])
    axes.tick_params(length=0, labelsize=7)
