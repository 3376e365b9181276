"""What a run's layers change, in tables and sentences: KL and total effects.

Seaborn, whose import takes longer than most figures, is imported where it draws.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from vlae.config.published_pictures import SHARE_OF_CLASS
from vlae.config.term_names import kl_layer, kl_terms
from vlae.results.published import published_for, published_number
from vlae.results.run_results import RunResults
from vlae.results.text import in_print, in_words, interval, number, ordered, spread

MAX_PROPERTIES = 12
"""Properties in a heat map as wide as the page; the table of numbers has all."""
LABEL_LETTERS = 11
"""Letters in one line of a name below a heat map; longer words stay whole."""
OUTLINE = "#c2410c"
"""Colour of the frame around a predicted cell."""
WHITE_TEXT_ABOVE = 0.66
"""Value in [0, 1] above which white text has more contrast on `Blues` than black."""
TOTAL, FIRST_ORDER = "total_effect", "first_order"
"""Columns of the table `effects` that can be drawn."""
LETTERS = {TOTAL: "T", FIRST_ORDER: "S"}
TITLES = {
    TOTAL: "total-effect index T: what redrawing one layer changes",
    FIRST_ORDER: "first-order effect S: what one layer fixes, whatever the others are",
}

TITLES_OF_PICTURES = {"mnist": "MNIST", "svhn": "SVHN", "celeba": "CelebA"}
ROWS = {TOTAL: "layer redrawn", FIRST_ORDER: "layer kept"}


def kl(run: RunResults) -> pd.DataFrame:
    """Return the held-out KL of each layer at the end of training, in nats.

    Returns:
        one row per seed and one column per layer, the bottom layer first.
    """
    held_out = run.held_out()
    layers = held_out[kl_terms(held_out.columns)]
    return layers.rename(columns=kl_layer).rename_axis(columns=None)


def layers_table(
    runs: Sequence[RunResults], figure: str = "", column: str = TOTAL
) -> pd.DataFrame:
    """Return one row per run and layer: held-out KL and effects, as text.

    The number of the authors' picture follows in brackets where there is one.
    Properties whose numbers are withheld are left out.

    Args:
        runs: what to show.
        figure: the figure of the paper whose picture is held beside, if any.
        column: `TOTAL` or `FIRST_ORDER`.
    """
    table = pd.concat([_layers(run, figure, column) for run in runs], ignore_index=True)
    properties = ordered(table.columns[3:])
    table = table[[*table.columns[:3], *properties]]
    letter = LETTERS[column]
    return table.rename(columns={p: f"{letter} {in_print(p)}" for p in properties})


def _layers(run: RunResults, figure: str, column: str) -> pd.DataFrame:
    table = run.table("effects")
    table = table[~table["withheld"]]
    cells = table.groupby(["layer", "property"])[column].apply(spread)
    beside = Beside(figure, run.dataset, {})
    for layer, name in cells.index:
        theirs = beside.number(layer, name)
        if not np.isnan(theirs):
            cells.loc[layer, name] += f" [{number(theirs)}]"
    effects = cells.unstack().rename_axis(columns=None)
    found = effects[ordered(effects.columns)].reset_index()
    found.insert(0, "run", run.title)
    found.insert(2, "KL (nats)", found["layer"].map(kl(run).apply(spread)))
    return found


def largest(run: RunResults, name: str) -> pd.DataFrame:
    """Return the rows with each seed's largest total effect on property `name`.

    It is empty where the property was not measured.
    """
    table = run.table("effects")
    chosen = table[(table["property"] == name) & table["total_effect"].notna()]
    return chosen.loc[chosen.groupby("seed")["total_effect"].idxmax()]


def active(run: RunResults) -> dict[int, str]:
    """Return how many coordinates of each layer are active, such as '2 of 5'.

    If seeds differ, it is the least and the most: '2–4 of 5'.
    """
    found = {}
    for layer, rows in run.table("activity").groupby("layer"):
        counts = sorted({rows["active"].min(), rows["active"].max()})
        found[layer] = f"{'–'.join(map(str, counts))} of {rows['units'].iloc[0]}"
    return found


def most_affected(effects: pd.DataFrame, count: int) -> list[str]:
    """Return at most `count` properties: the pixels, and what a layer changes most.

    Args:
        effects: rows of the table `effects` that have a total effect.
        count: of the returned properties, in the order of tables. A property is
            returned with all its parts or not at all.
    """
    means = effects.groupby(["property", "layer"])["total_effect"].mean()
    most = means.groupby("property").max()
    pairs = effects[["property", "part_of"]].drop_duplicates().to_numpy()
    whole = {name: part_of or name for name, part_of in pairs}
    by_whole = most.groupby(whole).max().drop("pixels", errors="ignore")
    chosen = [*most.index.intersection(["pixels"])]
    for group in by_whole.sort_values(ascending=False).index:
        members = [name for name in most.index if whole[name] == group]
        if len(chosen) + len(members) <= count:
            chosen += members
    return ordered(chosen)


def most_changed(run: RunResults, names: Iterable[str]) -> str:
    """Return a sentence that says which layer changes each property of `names` most.

    It has the total effect, and a remark where the lead over the next layer is not
    significant in every seed.
    """
    found = {name: largest(run, name) for name in names}
    parts = [
        f"{in_print(name)} by {in_words(rows['layer'])}, "
        f"T = {spread(rows['total_effect'])}{_how_sure(rows)}"
        for name, rows in found.items()
        if not rows.empty
    ]
    if not parts:
        return f"{run.title}: no change could be measured."
    return f"{run.title}, what is changed most by which layer: {'; '.join(parts)}."


def _how_sure(rows: pd.DataFrame) -> str:
    """Return in how many rows of `largest` the lead is significant, unless in all."""
    if rows["lead"].isna().all():  # a single layer
        return ""
    sure, seeds = int((rows["lead_low"] > 0).sum()), len(rows)
    if sure == seeds:
        return ""
    if seeds == 1:
        return ", not significantly"
    return f", significantly in {sure} of {seeds} seeds"


def classifier_trust(runs: list[RunResults]) -> list[str]:
    """Return sentences on how far the classifier of each data set can be trusted.

    There are none where no property depends on a classifier. Properties within the
    class depend on it as `class` does, and are not named beside it.
    """
    first_of = {run.dataset: run for run in reversed(runs)}
    return [text for run in reversed(first_of.values()) for text in _trust(run)]


def _trust(run: RunResults) -> list[str]:
    first = run.table("effects").drop_duplicates("property")
    first = first[first["part_of"] == ""]
    first = first[first["classifier_accuracy"].notna() | first["withheld"]]
    sentences = []
    for withheld, opening in (
        (False, "the classifier's accuracy on held-out images"),
        (True, "no effect, as the classifier's accuracy on held-out images is low"),
    ):
        found = first[first["withheld"] == withheld]
        if not found.empty:
            balanced = "" if "class" in set(found["property"]) else " (balanced)"
            names = ", ".join(_accuracies(found))
            sentences.append(f"{run.dataset_title}: {opening}{balanced}: {names}.")
    return sentences


def _accuracies(found: pd.DataFrame) -> list[str]:
    """Return 'class 0.97' for each property; those without an accuracy come last."""
    known = found.dropna(subset="classifier_accuracy")
    names = [
        f"{in_print(name)} {number(accuracy)}"
        for name, accuracy in known[["property", "classifier_accuracy"]].to_numpy()
    ]
    unknown = found.loc[found["classifier_accuracy"].isna(), "property"]
    return names + [f"{in_print(name)} (too few examples)" for name in unknown]


@dataclass(frozen=True)
class Beside:
    """What a table of effects shows beside the run's own numbers.

    Args:
        figure: as in the configuration.
        dataset: that of the run.
        predicted: the layer in which the paper sees a property; its cell is outlined.
    """

    figure: str
    dataset: str
    predicted: Mapping[str, int]

    @property
    def picture(self) -> str | None:
        """The data set of the authors' picture, or None if there is none to show."""
        return published_for(self.figure, self.dataset)

    def number(self, layer: int, name: str) -> float:
        """Return what the authors' picture shows; nan if it was not measured."""
        if self.picture is None:
            return float("nan")
        of_class = self.figure == "figure3" and name == "class"
        quantity = SHARE_OF_CLASS if of_class else None
        return published_number(self.figure, self.picture, layer, name, quantity).value


NOTHING_BESIDE = Beside("", "", {})


def as_predicted(run: RunResults, beside: Beside, column: str = TOTAL) -> list[str]:
    """Return a sentence with the effects where the paper sees them, ours and theirs.

    It is about the properties that were measured; there is none if none was.
    """
    table = run.table("effects")
    parts = []
    for name, layer in beside.predicted.items():
        here = (table["layer"] == layer) & (table["property"] == name)
        values = table.loc[here & ~table["withheld"], column].dropna()
        if values.empty:
            continue
        theirs = beside.number(layer, name)
        picture = "" if np.isnan(theirs) else f" (authors' picture: {number(theirs)})"
        parts.append(f"{in_print(name)} in layer {layer} {spread(values)}{picture}")
    if not parts:
        return []
    return [
        f"{run.title}: {LETTERS[column]} where the paper sees a property: "
        f"{'; '.join(parts)}."
    ]


def effects_table(
    axes: Axes,
    effects: pd.DataFrame,
    beside: Beside = NOTHING_BESIDE,
    column: str = TOTAL,
    count: int = MAX_PROPERTIES,
) -> None:
    """Draw the effects of table `effects` as a heat map with numbers.

    A cell holds the mean over seeds; below it, for several seeds, the range; and last
    the number of the authors' picture. Properties without a number, such as withheld
    ones, are left out.

    Args:
        axes: where to draw.
        effects: the table.
        beside: the authors' numbers, and the cells to outline.
        column: `TOTAL` or `FIRST_ORDER`.
        count: of the properties that are shown, at most; see `most_affected`.
    """
    import seaborn as sns

    defined = effects.dropna(subset=column)
    names = most_affected(defined, count)
    shown = defined[defined["property"].isin(names)]
    cells = shown.groupby(["layer", "property"])[column]
    mean = cells.mean().unstack()
    mean = mean[names]
    text = mean.map(number)
    several_seeds = effects["seed"].nunique() > 1
    if several_seeds:
        low, high = cells.min().unstack(), cells.max().unstack()
        spans = low.map(number).combine(
            high.map(number), lambda lows, highs: lows.combine(highs, interval)
        )
        text = text + "\n" + spans[mean.columns]
    text = text + _authors_numbers(mean, beside)
    sns.heatmap(
        mean.rename(columns=_label),
        annot=text.to_numpy(),
        fmt="",
        vmin=0,
        vmax=1,
        cmap="Blues",
        cbar=False,
        linewidths=1,
        annot_kws={"size": 8},
        ax=axes,
    )
    # Seaborn changes to white text at the middle, where black is still easier to read.
    values = mean.to_numpy().ravel()
    for cell, value in zip(axes.texts, values[~np.isnan(values)], strict=True):
        cell.set_color("white" if value > WHITE_TEXT_ABOVE else "black")
    _outline(axes, mean, beside.predicted)
    axes.set(xlabel="", ylabel=ROWS[column])
    axes.set_title(
        _title(column, beside, several_seeds, defined["property"].nunique(), len(names))
    )
    axes.tick_params(length=0, rotation=0)
    axes.tick_params(axis="x", labelsize=8)


def _authors_numbers(mean: pd.DataFrame, beside: Beside) -> pd.DataFrame:
    """Return the last line of each cell, with a line break before it, or nothing."""

    def line(layer: int, name: str) -> str:
        value = beside.number(layer, name)
        return "" if np.isnan(value) else f"\n[{number(value)}]"

    lines = [[line(int(layer), name) for name in mean] for layer in mean.index]
    return pd.DataFrame(lines, index=mean.index, columns=mean.columns)


def _outline(axes: Axes, mean: pd.DataFrame, predicted: Mapping[str, int]) -> None:
    """Draw a frame around the cells in which the paper sees a property."""
    for column, name in enumerate(mean.columns):
        for row, layer in enumerate(mean.index):
            if predicted.get(name) == layer:
                frame = Rectangle(
                    (column + 0.03, row + 0.04),
                    0.94,
                    0.92,
                    fill=False,
                    edgecolor=OUTLINE,
                    linewidth=2,
                )
                axes.add_patch(frame)


def _title(
    column: str, beside: Beside, several_seeds: bool, measured: int, shown: int
) -> str:
    words = TITLES[column]
    if measured > shown:
        words += f" (the {shown} of {measured} properties that change most)"
    notes = ["mean over seeds, range of seeds" if several_seeds else "one seed"]
    if beside.picture:
        what = "S" if column == FIRST_ORDER else "variance relative to the largest"
        where = TITLES_OF_PICTURES[beside.picture]
        notes.append(f"in brackets: {what}, in the authors' picture of {where}")
    if beside.predicted:
        notes.append("framed: the paper's prediction")
    return "\n".join([words, "; ".join(notes)])


def _label(name: str) -> str:
    """Return the name of a property as words in short lines."""
    words = in_print(name)
    return textwrap.fill(words, LABEL_LETTERS, break_long_words=False)
