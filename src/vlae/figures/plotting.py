"""What all figures share: one style, mosaics of images, reproducible files."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from vlae.system.files import atomic

matplotlib.use("Agg")

WIDTH = 10.0
"""Width of a figure in inches; the report shows it about 1000 pixels wide."""
PALETTE = [
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
]
"""Colours of runs and layers: Seaborn's palette `colorblind`."""
INK = "0.15"
"""Grey level of text and axes, in [0, 1]."""


@contextmanager
def style() -> Iterator[None]:
    """Give every figure that is made and saved within the same look."""
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
    """Write `path` (svg) and a png beside it; the bytes depend only on the content."""
    _settle(figure)
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        with atomic(path.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, metadata=metadata)


def _settle(figure: Figure) -> None:
    """Fix the layout, and round away what differs from process to process.

    The last bits of the layout depend on addresses in memory, and names in an svg are
    hashes of all bits of a position.
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
    """Yield the subfigures of a figure, and their subfigures."""
    for part in figure.subfigs:
        yield part
        yield from _within(part)


def subfigures(figure: Any, rows: int, **options: Any) -> list[Any]:
    """Return `rows` subfigures below each other; a list even for one."""
    return list(np.atleast_1d(figure.subfigures(rows, 1, **options)))


def mosaic(
    images: np.ndarray, columns: int, gap: int = 1, *, ink: bool = True
) -> np.ndarray:
    """Tile images into one picture, row by row.

    Args:
        images: uint8 (N, C, H, W), with one channel or three.
        columns: images side by side.
        gap: white pixels between images, and around all of them.
        ink: show grey images as ink on white paper, as in the paper's figures;
            otherwise they are shown as they are stored.

    Returns:
        uint8 (height, width, 3).
    """
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    if channels == 1 and ink:
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


def mostly_black(images: np.ndarray) -> bool:
    """Return whether images are light drawings on black, to be shown as ink on paper.

    That is so if more than half of all values are 0. Photographs are not shown as
    negatives.

    Args:
        images: uint8 (N, C, H, W), held-out images of the data.
    """
    return bool(np.median(images) == 0)


def thinned(images: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return `rows` times `columns` images of a square of images, evenly spaced.

    The corners of the square stay corners.

    Args:
        images: (side^2, C, H, W), row by row.
        rows: at most side.
        columns: at most side.

    Returns:
        (rows * columns, C, H, W).
    """
    side = math.isqrt(len(images))
    down, across = (
        np.linspace(0, side - 1, count).round().astype(int) for count in (rows, columns)
    )
    return images[(down[:, None] * side + across).ravel()]


def show(axes: Axes, picture: np.ndarray, title: str = "") -> None:
    """Show a picture (height, width, 3) in framed axes without ticks."""
    axes.imshow(picture, interpolation="antialiased")
    axes.set(xticks=[], yticks=[])
    axes.set_title(title)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.6, color="0.6")


def despine(axes: Axes) -> None:
    """Keep only the lines below and on the left of the axes."""
    axes.spines[["top", "right"]].set_visible(False)


def layer_name(layer: int, layers: int) -> str:
    """Return 'layer 2', 'layer 1 (bottom)' or 'layer 4 (top)', of `layers` layers."""
    return f"layer {layer}" + {1: " (bottom)", layers: " (top)"}.get(layer, "")
