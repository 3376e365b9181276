"""What all figures share: one style, image mosaics, and where numbers come from.

Seaborn, whose import costs more than most figures, is imported where it draws.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from vlae.results.run_results import RunResults
from vlae.results.text import in_print, in_words, number, ordered, spread
from vlae.system.files import atomic

matplotlib.use("Agg")

WIDTH = 10.0
"""Inches; the report shows figures at about 1000 pixels."""
PALETTE = [
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
]
"""Seaborn's palette `colorblind`."""
INK = "0.15"
"""Grey level of text and axes."""


class Row(RunResults):
    """One row of a figure: a run with all its seeds, and its results in words.

    Pictures are of the first seed; tables are of all.
    """

    def kl(self) -> pd.Series:
        """Held-out KL per layer in nats at the end of training: layer to text."""
        layers = self.held_out().filter(regex=r"^kl_")
        layers.columns = layers.columns.str[3:].astype(int)
        return layers.sort_index(axis=1).apply(spread)

    def layers(self) -> pd.DataFrame:
        """A line a layer, as text: held-out KL and total effects, mean (range).

        What is withheld is left out.
        """
        table = self.table("effects")
        table = table[~table["withheld"]]
        cells = table.groupby(["layer", "property"])["total_effect"]
        effects = cells.apply(spread).unstack().rename_axis(columns=None)
        found = effects[ordered(effects.columns)].reset_index()
        found.insert(0, "run", self.title)
        found.insert(2, "KL (nats)", found["layer"].map(self.kl()))
        return found

    def most_changed(self, names: Iterable[str]) -> str:
        """Which layer changes each property of `names` most, as a sentence."""
        largest = {name: self.largest(name) for name in names}
        parts = [
            f"{in_print(name)} by {in_words(found['layer'])}, "
            f"T = {spread(found['total_effect'])}"
            for name, found in largest.items()
            if not found.empty
        ]
        changed = "; ".join(parts) or "nothing that could be measured"
        return f"{self.title}: most changed is {changed}."

    def classifier_trust(self) -> list[str]:
        """How far the classifier can be trusted, as sentences; none without a classifier."""
        table = self.table("effects")
        first = table.drop_duplicates("property")
        first = first[first["classifier_accuracy"].notna() | first["withheld"]]
        sentences = []
        for withheld, opening in (
            (False, "the classifier's accuracy on held-out images"),
            (True, "withheld, as the classifier's accuracy on held-out images is low"),
        ):
            found = first[first["withheld"] == withheld]
            known = found.dropna(subset="classifier_accuracy")
            names = [
                f"{in_print(name)} {number(accuracy)}"
                for name, accuracy in known[
                    ["property", "classifier_accuracy"]
                ].to_numpy()
            ]
            unknown = found.loc[found["classifier_accuracy"].isna(), "property"]
            names += [f"{in_print(name)} (too few examples)" for name in unknown]
            if names:
                balanced = "" if "class" in set(found["property"]) else " (balanced)"
                said = f"{opening}{balanced}: {', '.join(names)}"
                sentences.append(f"{self.title}: {said}.")
        return sentences

    def largest(self, name: str) -> pd.DataFrame:
        """Of the total effects on property `name`, each seed's largest: its line."""
        table = self.table("effects")
        chosen = table[(table["property"] == name) & table["total_effect"].notna()]
        return chosen.loc[chosen.groupby("seed")["total_effect"].idxmax()]


@contextmanager
def style() -> Iterator[None]:
    """The look of every figure."""
    settings = {
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK),
        **dict.fromkeys(("xtick.color", "ytick.color"), INK),
        "axes.axisbelow": True,
        "lines.solid_capstyle": "round",
        "patch.edgecolor": "white",
        "patch.force_edgecolor": True,
        "figure.dpi": 100,
        "savefig.dpi": 120,
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.labelsize": 9,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "svg.hashsalt": "vlae",
        "svg.fonttype": "path",
    }
    with matplotlib.rc_context(settings):
        yield


def save(figure: Figure, path: Path) -> None:
    """Write `path` (svg) and a png beside it; the bytes depend on the content alone."""
    _settle(figure)
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        with atomic(path.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, metadata=metadata)


def _settle(figure: Figure) -> None:
    """Lay out once and for all, and round away what differs from process to process.

    The solver's last bits hang on addresses in memory; names in an svg are hashes of
    all bits of a position.
    """
    figure.set_dpi(matplotlib.rcParams["savefig.dpi"])
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in _within(figure):
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(9))
    for axes in figure.axes:
        points = axes.get_position(original=True).get_points()
        axes.set_position(Bbox(points.round(9)))


def _within(figure: Any) -> Iterator[Any]:
    """Subfigures of a figure, and theirs."""
    for part in figure.subfigs:
        yield part
        yield from _within(part)


def subfigures(figure: Any, rows: int, **options: Any) -> list[Any]:
    """`rows` subfigures below each other; a list also for one."""
    return list(np.atleast_1d(figure.subfigures(rows, 1, **options)))


def mosaic(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Tile uint8 images (N, C, H, W) into one picture (height, width, 3).

    Grey images are shown as ink on white paper, as in the paper's figures.
    """
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    if channels == 1:
        images = 255 - images
    canvas = np.full(
        (rows * (height + gap) + gap, columns * (width + gap) + gap, channels),
        255,
        np.uint8,
    )
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        canvas[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return np.repeat(canvas, 3, axis=2) if channels == 1 else canvas


def show(axes: Axes, picture: np.ndarray, title: str = "") -> None:
    """Put a picture (height, width, 3) into framed axes without ticks."""
    axes.imshow(picture, interpolation="antialiased")
    axes.set(xticks=[], yticks=[])
    axes.set_title(title)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.6, color="0.6")


def despine(axes: Axes) -> None:
    """Leave only the axes' lines below and on the left."""
    axes.spines[["top", "right"]].set_visible(False)


def layers_table(rows: list[Row]) -> pd.DataFrame:
    """Held-out KL and total effects of each layer of each run, for the report."""
    table = pd.concat([row.layers() for row in rows], ignore_index=True)
    properties = ordered(table.columns[3:])
    table = table[[*table.columns[:3], *properties]]
    return table.rename(columns={p: f"T {in_print(p)}" for p in properties})


def place(layer: int, layers: int) -> str:
    """'layer 2', 'layer 1 (bottom)', 'layer 4 (top)'."""
    return f"layer {layer}" + {1: " (bottom)", layers: " (top)"}.get(layer, "")


DARK = 0.66
"""Of the colour map from 0 to 1: above it white has more contrast than black."""


def effects_table(axes: Axes, effects: pd.DataFrame) -> None:
    """Total effects of `effects`: mean over seeds, the range below it for several.

    Properties without a number, such as those withheld, are left out.
    """
    import seaborn as sns

    defined = effects.dropna(subset="total_effect")
    cells = defined.groupby(["layer", "property"])["total_effect"]
    mean = cells.mean().unstack()
    mean = mean[ordered(mean.columns)]
    text = mean.map(number)
    if effects["seed"].nunique() > 1:
        low, high = cells.min().unstack(), cells.max().unstack()
        spans = low.map(number) + "–" + high.map(number)
        text = text + "\n" + spans[mean.columns]
    sns.heatmap(
        mean.rename(columns=lambda name: in_print(name).replace(" ", "\n")),
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
    # Seaborn writes white from the middle on, where dark is easier to read.
    values = mean.to_numpy().ravel()
    for cell, value in zip(axes.texts, values[~np.isnan(values)], strict=True):
        cell.set_color("white" if value > DARK else "black")
    axes.set(xlabel="", ylabel="layer redrawn")
    axes.set_title("total-effect index T: what redrawing one layer changes")
    axes.tick_params(length=0, rotation=0)
