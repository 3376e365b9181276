"""Handwriting-like digits drawn by the program from known factors.

Each image is the skeleton of a digit (`vlae.data.datasets._skeletons`) that is
stretched, sheared, bent a little, shifted and inked with a round pen. All factors are
drawn independently of each other; `shift_x`, `shift_y` and the bending are nuisances.

==============  =====  ==========================================================
column          unit   meaning
==============  =====  ==========================================================
label           --     digit, uniform on 0..9
variant         --     handwriting of the digit, uniform; names in ``VARIANTS``
thickness       px     pen diameter, triangular on 1.5..4.5 with mode 2.7
slant           --     applied shear dx/dy, right-leaning > 0; normal(0.15, 0.2)
                       clipped to -0.35..0.6
width           --     applied horizontal scale, normal(1, 0.13) clipped to 0.7..1.3
shift_x         px     offset of the box around the ink, uniform on -1..1
shift_y         px     as `shift_x`, but downwards
thickness_px    px     pen diameter (equals `thickness`)
slant_geometry  --     shear of the drawn skeleton, from its second moments
width_px        px     horizontal extent of the ink after that shear is undone
==============  =====  ==========================================================

The last three are measured on the drawn skeleton and not on the pixels, so they can
check the image measures of :mod:`vlae.experiments.measures.strokes`. They also depend
on the digit: a 7 leans right and a 1 is narrow, whatever the factors.
"""

import numpy as np

from vlae.data.datasets._sequence import CHUNK, Drawn, Sequence
from vlae.data.datasets._skeletons import (
    FACTORS,
    INDEPENDENT,
    VARIANTS,
    cover,
    geometry,
    sample,
    skeletons,
)

__all__ = ["CHUNK", "COLUMNS", "SIZE", "VARIANTS", "chunks", "draw", "splits"]

SIZE = 28  # image side, px
HEIGHT = 17.0  # skeleton height, px: about 20 with the ink, as in MNIST

COLUMNS = (
    *FACTORS,
    "thickness_px",
    "slant_geometry",
    "width_px",
)


def _chunk(rng: np.random.Generator, rows: slice) -> Drawn:
    """Return images (n, 1, 28, 28), white on black, and the table of some rows."""
    factors, bends = sample(rng)
    factors = factors.iloc[rows].reset_index(drop=True)
    points, is_ink = skeletons(factors, bends[rows], HEIGHT)
    shift = factors[["shift_x", "shift_y"]].to_numpy(np.float32)[:, :, None]
    points = points + shift + np.float32((SIZE - 1) / 2)
    diameters = factors["thickness"].to_numpy(np.float32)
    slant, extent = geometry(points, is_ink)
    table = factors.assign(
        thickness_px=factors["thickness"],
        slant_geometry=slant.astype(np.float64),
        width_px=extent.astype(np.float64) + factors["thickness"],
    )
    covers = cover(points, diameters, SIZE, SIZE)[:, None]
    return np.rint(255 * covers).astype(np.uint8), table


_SEQUENCE = Sequence((1, SIZE, SIZE), _chunk, INDEPENDENT)
draw, chunks, splits = _SEQUENCE.draw, _SEQUENCE.chunks, _SEQUENCE.splits
