"""Digits in colour, drawn by the program from known factors: a stand-in for SVHN.

Each image is a crop of a house-number plate around one digit. The digit is drawn as in
:mod:`vlae.data.datasets.strokes`, but larger; neighbours with the same pen, slant and
width are cut off at the sides. There are one ink and one background: each pixel is
background + cover * (ink - background). The palette has four degrees of freedom, which
are independent of the handwriting and of each other::

    colour(lightness, tint) = lightness + 0.15 * tint * (1, 0.1, -1), clipped to 0..1
    ink_lightness = background_lightness + contrast    if background_lightness < 0.5
                    background_lightness - contrast    otherwise

so light ink on dark and dark ink on light are equally frequent.

========================  =====  ================================================
column                    unit   meaning
========================  =====  ================================================
label                     --     digit, uniform on 0..9
variant                   --     handwriting of the digit, uniform; names in
                                 ``VARIANTS``
thickness                 px     pen diameter, as in strokes
slant                     --     applied shear dx/dy, as in strokes
width                     --     applied horizontal scale, as in strokes
shift_x, shift_y          px     offset of the box around the ink, uniform on -1..1
has_left, has_right       --     whether there is a neighbour, probability 0.6 each
background_lightness      --     uniform on 0.15..0.85
background_tint           --     warm > 0, cold < 0; uniform on -1..1
ink_tint                  --     tint of the ink, on the same scale
contrast                  --     between ink and background, uniform on 0.3..0.6
background_red,           --     colour of the background, 0..1
background_green,
background_blue
ink_red, ink_green,       --     colour of the ink, 0..1
ink_blue
========================  =====  ================================================
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlae.data.datasets._sequence import CHUNK, Drawn, Sequence
from vlae.data.datasets._skeletons import (
    FACTORS,
    INDEPENDENT,
    VARIANTS,
    Floats,
    cover,
    sample,
    sample_bends,
    sample_variants,
    skeletons,
)

__all__ = ["CHUNK", "COLUMNS", "SIZE", "VARIANTS", "chunks", "draw", "splits"]

SIZE = 32  # image side, px
HEIGHT = 19.5  # skeleton height, px: about 22 with the ink, as in SVHN

NEIGHBOUR_PROBABILITY = 0.6  # on either side
GAP_PX = (1.0, 3.5)  # between the ink of neighbours, along the slant
MAX_VISIBLE_SHARE = 0.6  # of a neighbour's box
_WINDOW_PX = 16  # columns on either side that a neighbour can reach

LIGHTNESS = (0.15, 0.85)
CONTRAST = (0.3, 0.6)
WARM = 0.15 * np.array([1.0, 0.1, -1.0])  # tint 1 adds this to red, green and blue

COLOURS = {
    part: [f"{part}_{channel}" for channel in ("red", "green", "blue")]
    for part in ("background", "ink")
}
_SURROUNDINGS = (
    *("has_left", "has_right"),
    *("background_lightness", "background_tint", "ink_tint", "contrast"),
)
COLUMNS = (
    *FACTORS,
    *_SURROUNDINGS,
    *COLOURS["background"],
    *COLOURS["ink"],
)


def _chunk(rng: np.random.Generator, rows: slice) -> Drawn:
    """Return images (n, 3, 32, 32) and the table of some rows of a chunk."""
    factors, bends = sample(rng)
    palette = _palette(rng)
    sides = {name: _sample_neighbours(rng, factors) for name in ("left", "right")}
    has = {f"has_{name}": side[0]["present"] for name, side in sides.items()}
    table = factors.assign(**has, **palette)[list(COLUMNS)]
    table = table.iloc[rows].reset_index(drop=True)

    points = skeletons(table, bends[rows], HEIGHT)[0]
    covers = cover(_placed(points, table), _pens(table), SIZE, SIZE)
    for sign, (neighbours, neighbour_bends) in zip(
        (-1, 1), sides.values(), strict=True
    ):
        _add_neighbours(
            covers, points, neighbours.iloc[rows], neighbour_bends[rows], sign
        )
    ground, ink = (
        table[COLOURS[part]].to_numpy(np.float32)[:, :, None, None]
        for part in ("background", "ink")
    )
    images = ground + covers[:, None] * (ink - ground)
    return np.rint(255 * images).astype(np.uint8), table


def _palette(rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Draw factors and colours of one chunk; each column is (CHUNK,)."""
    lightness = rng.uniform(*LIGHTNESS, CHUNK)
    tint, ink_tint = rng.uniform(-1, 1, (2, CHUNK))
    contrast = rng.uniform(*CONTRAST, CHUNK)
    ink_lightness = np.where(
        lightness < 0.5, lightness + contrast, lightness - contrast
    )
    background, ink = _colour(lightness, tint), _colour(ink_lightness, ink_tint)
    return {
        "background_lightness": lightness,
        "background_tint": tint,
        "ink_tint": ink_tint,
        "contrast": contrast,
        **dict(zip(COLOURS["background"], background.T, strict=True)),
        **dict(zip(COLOURS["ink"], ink.T, strict=True)),
    }


def _colour(
    lightness: NDArray[np.float64], tint: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return red, green and blue (N, 3), from 0 to 1."""
    return np.clip(lightness[:, None] + tint[:, None] * WARM, 0, 1)


def _sample_neighbours(
    rng: np.random.Generator, factors: pd.DataFrame
) -> tuple[pd.DataFrame, Floats]:
    """Draw the neighbours on one side.

    Returns:
        factors, with the columns `present` and `gap` (px), and bending coefficients.
    """
    label = rng.integers(10, size=CHUNK)
    neighbours = factors.assign(
        label=label,
        variant=sample_variants(rng, label),
        present=rng.random(CHUNK) < NEIGHBOUR_PROBABILITY,
        gap=rng.uniform(*GAP_PX, CHUNK),
    )
    return neighbours, sample_bends(rng)


def _add_neighbours(
    covers: Floats, points: Floats, neighbours: pd.DataFrame, bends: Floats, sign: int
) -> None:
    """Ink the neighbours of digits `points` (N, 2, K) into `covers` (N, 32, 32).

    `sign` is -1 for neighbours on the left and 1 for neighbours on the right.
    """
    present = neighbours["present"].to_numpy()
    digits, neighbours = points[present], neighbours[present]
    own = skeletons(neighbours, bends[present], HEIGHT)[0]
    pens = _pens(neighbours)
    # Distances are along the slant; otherwise leaning digits would be far apart.
    slant = neighbours["slant"].to_numpy(np.float32)[:, None]
    reach = (sign * (digits[:, 0] + slant * digits[:, 1])).max(1, initial=-SIZE)
    near = (sign * (own[:, 0] + slant * own[:, 1])).min(1, initial=SIZE)
    away = reach - near + pens + neighbours["gap"].to_numpy(np.float32)
    # Neighbours move outwards if too much of their box would be visible.
    box = np.ptp(own[:, 0], axis=1) + pens
    inner = (sign * own[:, 0]).min(1, initial=SIZE) - pens / 2
    shift = sign * neighbours["shift_x"].to_numpy(np.float32)
    away = np.maximum(away, SIZE / 2 - MAX_VISIBLE_SHARE * box - inner - shift)

    low = 0 if sign < 0 else SIZE - _WINDOW_PX
    placed = _placed(own, neighbours)
    placed[:, 0] += (sign * away)[:, None] - low
    window = covers[present, :, low : low + _WINDOW_PX]
    seen = np.maximum(window, cover(placed, pens, SIZE, _WINDOW_PX))
    covers[present, :, low : low + _WINDOW_PX] = seen


def _placed(points: Floats, factors: pd.DataFrame) -> Floats:
    """Move skeletons (N, 2, K) from 0 to the centre of the image, with their shift."""
    shift = factors[["shift_x", "shift_y"]].to_numpy(np.float32)[:, :, None]
    return points + shift + np.float32((SIZE - 1) / 2)


def _pens(factors: pd.DataFrame) -> Floats:
    return factors["thickness"].to_numpy(np.float32)


_SEQUENCE = Sequence((3, SIZE, SIZE), _chunk, (*INDEPENDENT, *_SURROUNDINGS))
draw, chunks, splits = _SEQUENCE.draw, _SEQUENCE.chunks, _SEQUENCE.splits
