"""What all figures share: one style, image mosaics, and where numbers come from.

Seaborn, whose import costs more than most figures, is imported where it draws.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlae.errors import UserError
from vlae.files import atomic

matplotlib.use("Agg")

WIDTH = 10.0
"""Inches; the report shows figures at about 1000 pixels."""
PROPERTIES = [
    *("thickness", "slant", "width", "ink"),
    *("mean_colour", "contrast", "background_colour", "ink_colour", "polarity"),
    *("face_colour", "hair_colour", "corner_colour"),
    *("class", "pixels"),
]
"""Of the experiment `effects`, in the order of tables; attributes follow."""
PALETTE = [
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
]
"""Seaborn's palette `colorblind`."""
INK = "0.15"
"""Grey level of text and axes."""


class Row:
    """One row of a figure: a run with all its seeds, and its results.

    Pictures are of the first seed; tables are of all.
    """

    def __init__(self, spec: dict[str, Any], runs: Path, experiments: Path) -> None:
        self.dataset, self.run = spec["dataset"], spec["run"]
        self.dataset_title, self.label = spec["dataset_title"], spec["label"]
        self.seeds: list[int] = spec["seeds"]
        self._runs, self._experiments = runs, experiments

    @property
    def title(self) -> str:
        return f"{self.dataset_title}: {self.label}"

    def table(self, experiment: str) -> pd.DataFrame:
        """Table of an experiment, all seeds below each other, with a column seed."""
        folders = [self._folder(self._experiments, seed) for seed in self.seeds]
        return pd.concat(
            [read_table(f / f"{experiment}.parquet") for f in folders],
            ignore_index=True,
        )

    def history(self) -> pd.DataFrame:
        """Training histories of all seeds, with a column seed."""
        tables = []
        for seed in self.seeds:
            path = self._folder(self._runs, seed) / "history.parquet"
            tables.append(read_table(path).assign(seed=seed))
        return pd.concat(tables, ignore_index=True)

    def kl(self) -> pd.Series:
        """Held-out KL per layer in nats at the end of training: layer to text."""
        history = self.history()
        end = history["step"] == history["step"].max()
        last = history[end & (history["split"] == "held-out")]
        layers = last[last["term"].str.startswith("kl_")]
        values = layers.groupby(layers["term"].str[3:].astype(int))["value"]
        return values.apply(spread)

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

    def judged(self) -> list[str]:
        """How far the judge can be trusted, as sentences; none without a judge."""
        table = self.table("effects")
        first = table.drop_duplicates("property")
        first = first[first["judge_accuracy"].notna() | first["withheld"]]
        sentences = []
        for withheld, opening in (
            (False, "the classifier's accuracy on held-out images"),
            (True, "withheld, as the classifier's accuracy on held-out images is low"),
        ):
            found = first[first["withheld"] == withheld]
            known = found.dropna(subset="judge_accuracy")
            names = [
                f"{in_print(name)} {number(accuracy)}"
                for name, accuracy in known[["property", "judge_accuracy"]].to_numpy()
            ]
            unknown = found.loc[found["judge_accuracy"].isna(), "property"]
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

    def arrays(self, experiment: str) -> dict[str, np.ndarray]:
        """Arrays of an experiment, first seed."""
        path = self._folder(self._experiments, self.seeds[0]) / f"{experiment}.npz"
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
            raise _unreadable(path, error) from None

    def _folder(self, root: Path, seed: int) -> Path:
        return root / self.dataset / self.run / str(seed)


def read_table(path: Path) -> pd.DataFrame:
    """A Parquet file.

    Raises:
        UserError: if it is missing or broken.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: cannot be read ({error}). Delete it and run again.")


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
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        with atomic(path.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, metadata=metadata)


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


def spread(values: pd.Series, digits: int = 2) -> str:
    """Mean over seeds and, for several, the range: '.71 (.68-.75)'."""
    text = number(values.mean(), digits)
    if values.count() > 1:
        low, high = number(values.min(), digits), number(values.max(), digits)
        text += f" ({low}–{high})"
    return text


def layers_table(rows: list[Row]) -> pd.DataFrame:
    """Held-out KL and total effects of each layer of each run, for the report."""
    table = pd.concat([row.layers() for row in rows], ignore_index=True)
    properties = ordered(table.columns[3:])
    table = table[[*table.columns[:3], *properties]]
    return table.rename(columns={p: f"T {in_print(p)}" for p in properties})


def ordered(properties: Iterable[str]) -> list[str]:
    """Properties in the order of tables: known ones, attributes, pixels."""
    known = {name: place for place, name in enumerate(PROPERTIES[:-1])}
    last = len(known) + 1
    places = {**known, PROPERTIES[-1]: last}
    return sorted(properties, key=lambda name: (places.get(name, last - 1), name))


def in_print(name: str) -> str:
    """A property or attribute as words."""
    return name.replace("_", " ")


def place(layer: int, layers: int) -> str:
    """'layer 2', 'layer 1 (bottom)', 'layer 4 (top)'."""
    return f"layer {layer}" + {1: " (bottom)", layers: " (top)"}.get(layer, "")


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
    axes.set(xlabel="", ylabel="layer redrawn")
    axes.set_title("total-effect index T: what redrawing one layer changes")
    axes.tick_params(length=0, rotation=0)


def number(value: float, digits: int = 2) -> str:
    """Decimals without a zero before the point: '.71', '-.05', '10.20', '.00'."""
    if np.isnan(value):
        return "undefined"
    # A zero has no sign, also where it is a rounded number below it.
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return re.sub(r"^(-?)0\.", r"\1.", text)


def in_words(layers: pd.Series) -> str:
    """'layer 2', or seed by seed where seeds differ: 'layers 1, 2, 2'."""
    if layers.nunique() == 1:
        return f"layer {layers.iloc[0]}"
    return f"layers {', '.join(map(str, layers))} (seed by seed)"
