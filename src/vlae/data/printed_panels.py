"""Panels of images in a picture that matplotlib drew: cutting them, and drawing them.

The authors' pictures have square panels side by side, each a grid of images that
`imshow` has enlarged or reduced to the panel, with a black frame over its rim. Where
the grid ends was found from cells that show the same image: with `GRID_MARGIN` they do
not drift from the first to the last one, and the colours of cells do not mix. Edges of
cells lie between pixels, so cells are resampled as the means over the areas that their
pixels have in the picture.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vlae.system.errors import UserError

Floats = NDArray[np.float64]

GREYS = (255, 240, 217, 189, 150, 115, 82, 37, 0)
"""Grey levels of nine equal steps from 0 to 1 in the colour map 'Greys' (ColorBrewer),
with which the authors' code draws images of one channel."""
PAPER_LEVEL = 250
"""Level of the darkest channel from which on a pixel is white paper."""
FRAME_PIXELS = 3
"""Width of a frame, whose line is black in the middle and blurred at both sides."""
GRID_MARGIN = 2.0
"""How far the grid reaches under the frame, in px from the frame's inner edge."""
FRAME_LEVEL = 30
"""Mean level of the middle of a frame, at most."""


@dataclass(frozen=True)
class Layout:
    """How a picture is divided: `panels` side by side, each of `side` x `side` images.

    Images are resampled to the `shape` (C, H, W) that they had before they were drawn.
    """

    panels: int
    side: int
    shape: tuple[int, int, int]


def cut(path: Path, layout: Layout) -> list[Floats]:
    """Return the images of all panels of a picture, from left to right.

    Args:
        path: the file.
        layout: what is expected in it.

    Returns:
        (side * side, C, H, W) in [0, 1] per panel, row by row.

    Raises:
        UserError: if the file cannot be read, or the panels are not there as expected.
    """
    picture = _read(path)
    is_drawn = picture.min(axis=2) < PAPER_LEVEL
    rows, columns = _runs(is_drawn.any(axis=1)), _runs(is_drawn.any(axis=0))
    if len(rows) != 1 or len(columns) != layout.panels:
        raise UserError(
            f"{path}: expected {layout.panels} panels side by side on white, found "
            f"{len(columns)} side by side and {len(rows)} below one another."
        )
    framed = [picture[slice(*rows[0]), slice(*ends)] for ends in columns]
    for number, panel in enumerate(framed, 1):
        if wrong := _wrong(panel, layout):
            raise UserError(f"{path}: panel {number} {wrong}.")
    return [_cells(panel, layout) for panel in framed]


def reprint(images: NDArray[np.uint8], layout: Layout, pixels: int) -> Floats:
    """Return images as they come out of a picture: drawn on a panel, and cut from it.

    Args:
        images: grey levels (side * side, C, H, W), row by row.
        layout: of the picture.
        pixels: side of the panel in px.

    Returns:
        as `images`, in [0, 1].

    Raises:
        ValueError: if the images do not fit the layout.
    """
    expected = (layout.side**2, *layout.shape)
    if images.shape != expected:
        raise ValueError(f"images have shape {images.shape}; expected {expected}")
    channels, height, width = layout.shape
    side = layout.side
    cells = images.reshape(side, side, channels, height, width)
    canvas = cells.transpose(0, 3, 1, 4, 2).reshape(side * height, side * width, -1)
    levels = _drawn_in_greys(canvas) if channels == 1 else canvas.astype(np.float64)
    rows, columns = (_interpolation(n, pixels) for n in levels.shape[:2])
    drawn = np.einsum("ij,jkc,lk->ilc", rows, levels, columns, optimize=True)
    return _images(np.round(drawn), layout, 0.0)


def _cells(framed: NDArray[np.uint8], layout: Layout) -> Floats:
    """Return the images of a panel with its frame, (side * side, C, H, W) in [0, 1]."""
    inner = framed[FRAME_PIXELS:-FRAME_PIXELS, FRAME_PIXELS:-FRAME_PIXELS]
    return _images(inner.astype(np.float64), layout, GRID_MARGIN)


def _images(levels: Floats, layout: Layout, margin: float) -> Floats:
    """Return the images of a panel (h, w, 1 or 3), (side * side, C, H, W) in [0, 1].

    Args:
        levels: grey levels, without the frame.
        layout: of the picture.
        margin: px at each end by which the grid is larger than `levels`.
    """
    channels, height, width = layout.shape
    rows, columns = (
        _areas(pixels, layout.side * count, margin)
        for pixels, count in zip(levels.shape, (height, width), strict=False)
    )
    even = np.einsum("ij,jkc,lk->ilc", rows, levels, columns, optimize=True)
    if channels == 1:
        even = _ink(even.mean(axis=2, keepdims=True))
    side = layout.side
    cells = even.reshape(side, height, side, width, channels).transpose(0, 2, 4, 1, 3)
    return cells.reshape(side * side, channels, height, width) / 255


def _areas(pixels: int, count: int, margin: float) -> Floats:
    """Return weights (count, pixels) of means over `count` equal lengths.

    Args:
        pixels: how many pixels there are.
        count: of lengths, which fill the pixels and a margin at each end.
        margin: in px; parts of lengths that lie in it are left out.
    """
    ends = np.linspace(-margin, pixels + margin, count + 1)
    starts = np.arange(pixels)
    overlaps = np.minimum(ends[1:, None], starts + 1) - np.maximum(
        ends[:-1, None], starts
    )
    weights: Floats = np.maximum(overlaps, 0)
    empty = weights.sum(axis=1) == 0  # lengths that lie in the margin altogether
    middles = np.clip((ends[1:] + ends[:-1]) / 2, 0, pixels - 1).astype(int)
    weights[empty, middles[empty]] = 1
    return weights / weights.sum(axis=1, keepdims=True)


def _interpolation(pixels: int, count: int) -> Floats:
    """Return weights (count, pixels) of linear interpolation between pixels."""
    places = (np.arange(count) + 0.5) * pixels / count - 0.5
    gaps = np.abs(np.clip(places, 0, pixels - 1)[:, None] - np.arange(pixels))
    weights: Floats = np.maximum(0, 1 - gaps)
    return weights


def _ink(levels: Floats) -> Floats:
    """Return how much ink 'Greys' shows by grey levels, both in [0, 255]."""
    steps = np.linspace(255, 0, len(GREYS))
    found: Floats = np.interp(levels, GREYS[::-1], steps)
    return found


def _drawn_in_greys(ink: NDArray[np.uint8]) -> Floats:
    """Return the grey levels that 'Greys' gives ink, both in [0, 255]."""
    found: Floats = np.interp(ink, np.linspace(0, 255, len(GREYS)), GREYS)
    return found


def _runs(is_set: NDArray[np.bool]) -> list[tuple[int, int]]:
    """Return where runs of True begin and end, the ends not included."""
    steps = np.diff(np.concatenate([[0], is_set.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _read(path: Path) -> NDArray[np.uint8]:
    """Return a picture as RGB levels (H, W, 3), with white for what is transparent."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            image = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(
            f"{path}: cannot be read as a picture ({error}). Expected a PNG file."
        ) from None
    ground = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(ground, image).convert("RGB"))


def _wrong(framed: NDArray[np.uint8], layout: Layout) -> str:
    """Return why a panel is not square, framed and large enough; "" if it is."""
    height, width = framed.shape[:2]
    least = 2 * (FRAME_PIXELS + layout.side)
    if abs(height - width) > 1 or min(height, width) < least:
        return (
            f"has {width}x{height} px; expected a square of at least {least} px for "
            f"{layout.side}x{layout.side} images"
        )
    middle = FRAME_PIXELS // 2
    lines = [framed[middle], framed[-1 - middle]]
    lines += [framed[:, middle], framed[:, -1 - middle]]
    if max(line.mean() for line in lines) > FRAME_LEVEL:
        return (
            f"has no frame; expected a black line {middle + 1} px from each of its "
            "edges"
        )
    return ""
