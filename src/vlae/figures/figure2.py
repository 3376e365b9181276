"""Figure 2: Gibbs chains that use no prior, next to ancestral samples."""

import textwrap

import pandas as pd
from matplotlib.figure import Figure, SubFigure

from vlae.figures import chain_panels
from vlae.figures.chain_panels import ANCESTRAL, FLOOR, at_step, compared_step, means
from vlae.figures.plotting import WIDTH, mosaic, show, subfigures
from vlae.results.run_results import RunResults
from vlae.results.text import number, spread

TABLES = ["chains", "mixing"]

COLUMNS = 8
"""Images side by side in a mosaic."""
ROWS, ROWS_OF_SEVERAL_LINES = 8, 4
"""Rows of a mosaic: fewer where runs take several lines, so that a screen holds all."""
RUNS_PER_LINE = 2
TITLE_LETTERS = 56
"""Letters in one line of a title above the images of a run."""
TITLES_HEIGHT, ROW_HEIGHT = 0.7, 0.3
"""Height of what is above the images of a run, and of a row of them, in inches."""

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
    """Draw the images of two runs per line and, below, curves for each data set."""
    groups: dict[str, list[RunResults]] = {}
    for run in runs:
        groups.setdefault(run.dataset, []).append(run)
    lines = [runs[i : i + RUNS_PER_LINE] for i in range(0, len(runs), RUNS_PER_LINE)]
    rows = ROWS if len(lines) == 1 else ROWS_OF_SEVERAL_LINES
    images_height = TITLES_HEIGHT + rows * ROW_HEIGHT
    heights = [images_height] * len(lines) + [chain_panels.HEIGHT] * len(groups)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    blocks = subfigures(figure, len(heights), height_ratios=heights)
    for block, line in zip(blocks, lines, strict=False):
        parts = block.subfigures(1, RUNS_PER_LINE, squeeze=False)[0]
        for part, run in zip(parts, line, strict=False):
            _images(part, run, rows)
    for block, group in zip(blocks[len(lines) :], groups.values(), strict=True):
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
    return (
        f"{run.title}: after {step} steps from noise the KID is {at(chain, 'kid')}; "
        f"that of ancestral samples is {at(ANCESTRAL, 'kid')}, and that of training "
        f"images {at(FLOOR, 'kid')}. {_difference(excess)} The classifier is "
        f"confident about a share of {at(chain, 'sure')}, compared with "
        f"{at(ANCESTRAL, 'sure')} for ancestral samples. The entropy of classes is "
        f"{at(chain, 'class_entropy')} nats, compared with "
        f"{at(ANCESTRAL, 'class_entropy')} nats. {_mixed(run)}"
    )


def _difference(excess: pd.DataFrame) -> str:
    """Return how clearly chains differ from ancestral samples, seed by seed."""
    if len(excess) == 1:
        only = excess.iloc[0]
        value, low, high = (
            number(only[name], KID_DIGITS) for name in ("value", "low", "high")
        )
        return (
            f"The difference from ancestral samples is {value} (95 % interval {low} to "
            f"{high})."
        )
    above, below = (excess["low"] > 0).sum(), (excess["high"] < 0).sum()
    return (
        f"The KID of the chain is surely above that of ancestral samples in {above} "
        f"of {len(excess)} seeds, and surely below it in {below} (95 % intervals of "
        "the difference)."
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


def _images(block: SubFigure, run: RunResults, rows: int) -> None:
    """Draw rows of images of chains from noise, beside ancestral samples."""
    step, arrays = compared_step(means(run)), run.arrays("chains")
    label = textwrap.fill(f"{run.label} (seed {run.seeds[0]})", TITLE_LETTERS)
    block.suptitle(f"{run.dataset_title}\n{label}", fontweight="bold")
    panels = block.subplots(1, 2)
    for axes, name, title in zip(
        panels,
        (f"noise_{step}", "ancestral_1"),
        (f"chains from noise, step {step}", "ancestral samples"),
        strict=True,
    ):
        show(axes, mosaic(arrays[name][: rows * COLUMNS], COLUMNS), title)
