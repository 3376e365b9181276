"""Figure 2: Gibbs chains that never look at a prior, beside ancestral samples."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vlae.figures import chain_panels
from vlae.figures.chain_panels import ANCESTRAL, FLOOR, compared, look, means
from vlae.figures.plotting import WIDTH, Row, mosaic, show, subfigures
from vlae.results.text import number, spread

EXPERIMENTS = ["chains", "mixing"]

SIDE = 10
"""Images along a side of a mosaic."""
IMAGES_HEIGHT = 3.0

HEADINGS = {
    "kid": "KID",
    "kid_above_ancestral": "KID above ancestral",
    "fid": "FID",
    "precision": "precision",
    "recall": "recall",
    "sure": "classifier sure",
    "class_entropy": "class entropy (nats)",
}
OF_EQUAL_SIZE = {"fid", "precision", "recall"}
"""Measures that depend on how many images there are."""
DIGITS = 3
"""Of a KID."""


def draw(rows: list[Row]) -> Figure:
    """Images of each run, a row each; below, a block of curves for each data set."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.dataset, []).append(row)
    heights = [IMAGES_HEIGHT] * len(rows)
    heights += [chain_panels.height(len(group)) for group in groups.values()]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    blocks = subfigures(figure, len(heights), height_ratios=heights)
    for block, row in zip(blocks, rows, strict=False):
        _images(block, row)
    for block, group in zip(blocks[len(rows) :], groups.values(), strict=True):
        chain_panels.draw_block(block, group)
    return figure


def numbers(rows: list[Row]) -> pd.DataFrame:
    """What the classifier sees in the means of p(x|z), mean (range) over seeds.

    KIDs of draws of p(x|z), held against held-out images under the data noise, have a
    column of their own. Measures that depend on the number of images are left out
    where it is not that of the ancestral samples.
    """
    lines = []
    for row in rows:
        table = row.table("chains")
        of_means, draws = (table[table["kind"] == kind] for kind in ("mean", "draw"))
        for (arm, step), title in _selected(of_means).items():
            cells = {
                "run": row.title,
                "images": title,
                "step": str(step) if arm in chain_panels.ARMS and step else "",
            }
            for measure, heading in HEADINGS.items():
                found = look(of_means, arm, step, measure)
                if measure in OF_EQUAL_SIZE:
                    size = look(of_means, *ANCESTRAL, measure)["n"].max()
                    found = found[found["n"] == size]
                cells[heading] = _cell(found, measure)
                if measure == "kid":
                    cells["KID of draws"] = _cell(look(draws, arm, step, "kid"), "kid")
            lines.append(cells)
    return pd.DataFrame(lines)


def findings(rows: list[Row]) -> list[str]:
    """What chains from noise reach, against ancestral samples, and whether they mix."""
    return [_finding(row) for row in rows]


def _finding(row: Row) -> str:
    table = means(row)
    step = compared(table)
    chain = ("noise", step)

    def at(arm: tuple[str, int], measure: str) -> str:
        return _cell(look(table, *arm, measure), measure)

    excess = look(table, *chain, "kid_above_ancestral")
    gaps = [
        f"{number(value, DIGITS)} ({number(low, DIGITS)} to {number(high, DIGITS)})"
        for value, low, high in excess[["value", "low", "high"]].to_numpy()
    ]
    seeds = ", seed by seed" if len(gaps) > 1 else ""
    return (
        f"{row.title}: after {step} steps from noise the KID is {at(chain, 'kid')} "
        f"(training images: {at(FLOOR, 'kid')}), above that of ancestral samples by "
        f"{', '.join(gaps)} (95 % intervals{seeds}); the share of images of which the "
        f"classifier is sure is {at(chain, 'sure')} against {at(ANCESTRAL, 'sure')}; "
        f"the entropy of classes is {at(chain, 'class_entropy')} against "
        f"{at(ANCESTRAL, 'class_entropy')} nats. {_mixed(row)}"
    )


def _mixed(row: Row) -> str:
    found = chain_panels.r_hats(row)
    if found.empty:
        return "R-hat is undefined: no scalar ever changes."
    largest = found.groupby("seed")["value"].max()
    scalars = found["scalar"].nunique()
    return f"The largest R-hat of {scalars} scalars is {spread(largest)}."


def _selected(table: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Arms and steps of `numbers`, with their titles."""
    noise, data = chain_panels.ARMS.values()
    last = int(table.loc[table["arm"] == "noise", "step"].max())
    steps = (1, compared(table), last)
    return {
        FLOOR: "training images (floor)",
        ANCESTRAL: "ancestral samples",
        **{("noise", step): noise for step in steps},
        ("data", compared(table)): data,
    }


def _cell(found: pd.DataFrame, measure: str) -> str:
    digits = DIGITS if measure.startswith("kid") else 2
    return spread(found["value"], digits) if len(found) else ""


def _images(block: SubFigure, row: Row) -> None:
    """Samples of both kinds, and chains over time."""
    table, arrays = means(row), row.arrays("chains")
    step = compared(table)
    block.suptitle(f"{row.title} (images: seed {row.seeds[0]})", fontweight="bold")
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
    """One chain a row, time from left to right; as many chains as looks at them."""
    chains = np.stack(frames, 1)[: len(frames)]
    picture = mosaic(chains.reshape(-1, *chains.shape[2:]), len(frames))
    show(axes, picture, title)
    width = picture.shape[1] / len(frames)
    places = [(i + 0.5) * width for i in range(len(frames))]
    axes.set_xticks(places, [str(step) for step in steps])
    axes.tick_params(length=0, labelsize=7)
