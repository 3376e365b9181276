"""Handwriting-like digits drawn by the program from known factors.

Each image is a digit skeleton (:mod:`vlae.datasets._glyphs`) that is stretched,
sheared, bent a little, shifted and inked with a round pen. All factors are drawn
independently of each other; `shift_x`, `shift_y` and the bending are nuisances.

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
shift_y         px     the same, downwards
thickness_px    px     pen diameter (equals `thickness`)
slant_geometry  --     shear of the drawn skeleton, from its second moments
width_px        px     horizontal extent of the ink once that shear is undone
==============  =====  ==========================================================

The last three are measured on the skeleton as drawn, not on the pixels: they check
the image measures of :mod:`vlae.measures`. They depend on the digit too (a 7 leans
right and a 1 is narrow, whatever the factors).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from vlae.datasets._glyphs import GLYPHS, Glyph
from vlae.prepared import Split

SIZE = 28  # image side, px
CHUNK = 2_000  # images that share one random stream
HEIGHT = 17.0  # skeleton height, px: about 20 with the ink, as in MNIST

THICKNESS = (1.5, 2.7, 4.5)  # low, mode, high
SLANT = (0.15, 0.2, -0.35, 0.6)  # mean, sd, low, high
WIDTH = (1.0, 0.13, 0.7, 1.3)  # mean, sd, low, high
SHIFT = 1.0  # px

VARIANTS: dict[int, tuple[str, ...]] = {d: tuple(v) for d, v in GLYPHS.items()}
COLUMNS = (
    "label",
    "variant",
    "thickness",
    "slant",
    "width",
    "shift_x",
    "shift_y",
    "thickness_px",
    "slant_geometry",
    "width_px",
)

_POINTS = 80  # skeleton samples per digit: at most about 0.7 px apart
_BEND_ALONG = 0.025  # sd of the first bending mode along the path, in digit heights
_BEND_PLANE = 0.024  # the same for a mode that bends the whole plane
_BATCH = 128  # images rendered at once: the working set stays in the CPU cache

Floats = NDArray[np.float32]


def draw(
    count: int, seed: int, *, start: int = 0
) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Draw images `start` .. `start + count` of the endless sequence of `seed`.

    Image i depends on `seed` and i alone, not on `start` or `count`: images come in
    chunks of ``CHUNK``, and the factors of chunk c all come from
    ``SeedSequence(seed, spawn_key=(c,))``, even if only part of it is wanted.

    Returns images (count, 1, 28, 28) uint8, white ink (255) on black (0), and a table
    of `count` rows with the columns ``COLUMNS`` (see the module's docstring), indexed
    0 .. count - 1.
    """
    if count < 0 or start < 0:
        raise ValueError(f"count and start must be >= 0, got {count} and {start}")
    stop = start + count
    images = np.empty((count, 1, SIZE, SIZE), np.uint8)
    tables = [_chunk(seed, 0, 0, 0)[1]]  # no rows: gives dtypes when count is 0
    done = 0
    while done < count:
        chunk, low = divmod(start + done, CHUNK)
        high = min(CHUNK, stop - chunk * CHUNK)
        part, table = _chunk(seed, chunk, low, high)
        images[done : done + len(part)] = part
        tables.append(table)
        done += len(part)
    return images, pd.concat(tables, ignore_index=True)


def chunks(
    count: int, seed: int, *, start: int = 0
) -> Iterator[tuple[NDArray[np.uint8], pd.DataFrame]]:
    """Yield what ``draw(count, seed, start=start)`` returns, in parts of ``CHUNK``."""
    for done in range(0, count, CHUNK):
        yield draw(min(CHUNK, count - done), seed, start=start + done)


def splits(definition: dict[str, Any], raw: Path) -> list[Split]:
    """Train and test images of one seed; `raw` is not read: nothing is downloaded.

    The test images come after the train images in the sequence of the seed.
    """
    del raw
    train, test, seed = (definition[k] for k in ("train", "test", "seed"))
    return [
        Split("train", train, chunks(train, seed)),
        Split("test", test, chunks(test, seed, start=train)),
    ]


def _chunk(
    seed: int, chunk: int, low: int, high: int
) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Images (high - low, 1, 28, 28) and table of rows low..high of a chunk."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(chunk,)))
    factors, bends = _sample(rng)
    factors = factors.iloc[low:high].reset_index(drop=True)
    points, valid = _skeletons(factors, bends[low:high])
    diameters = factors["thickness"].to_numpy(np.float32)
    slant, extent = _geometry(points, valid)
    table = factors.assign(
        thickness_px=factors["thickness"],
        slant_geometry=slant.astype(np.float64),
        width_px=extent.astype(np.float64) + factors["thickness"],
    )
    return _ink(points, diameters), table


def _sample(rng: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    """Factors of one chunk and its bending coefficients (CHUNK, 2, modes)."""
    label = rng.integers(10, size=CHUNK)
    mean, sd, low, high = SLANT
    slant = np.clip(rng.normal(mean, sd, CHUNK), low, high)
    mean, sd, low, high = WIDTH
    width = np.clip(rng.normal(mean, sd, CHUNK), low, high)
    variants = np.array([len(VARIANTS[d]) for d in range(10)])
    factors = pd.DataFrame(
        {
            "label": label,
            "variant": rng.integers(variants[label]),
            "thickness": rng.triangular(*THICKNESS, CHUNK),
            "slant": slant,
            "width": width,
            "shift_x": rng.uniform(-SHIFT, SHIFT, CHUNK),
            "shift_y": rng.uniform(-SHIFT, SHIFT, CHUNK),
        }
    )
    bends = rng.standard_normal((CHUNK, 2, _MODES.shape[1]), np.float32)
    return factors, bends


def _skeletons(factors: pd.DataFrame, bends: Floats) -> tuple[Floats, NDArray[np.bool]]:
    """Drawn skeletons: points (N, 2, K) in px and which segments (N, K - 1) are ink.

    Coordinates are (x, y) with y down and the centre of pixel [0, 0] at (0, 0).
    """
    glyph = _FIRST[factors["label"]] + factors["variant"].to_numpy()
    points = _SKELETONS[glyph] + bends @ _MODES[glyph]
    y = points[:, 1] * HEIGHT
    x = points[:, 0] * (HEIGHT * factors["width"].to_numpy(np.float32))[:, None]
    x = x - y * factors["slant"].to_numpy(np.float32)[:, None]
    points = np.stack([x, y], axis=1)
    # Centred by its box, not its mass: a thick, shifted 7 would leave the image.
    centre = (points.max(2, keepdims=True) + points.min(2, keepdims=True)) / 2
    shift = factors[["shift_x", "shift_y"]].to_numpy(np.float32)[:, :, None]
    return points - centre + shift + np.float32((SIZE - 1) / 2), _IS_INK[glyph]


def _geometry(points: Floats, valid: NDArray[np.bool]) -> tuple[Floats, Floats]:
    """Slant (N,) and de-sheared horizontal extent (N,) in px of skeletons (N, 2, K)."""
    lengths = np.hypot(*np.diff(points, axis=2).swapaxes(0, 1)) * valid
    weights = np.zeros(points.shape[::2], np.float32)  # arc length of each point
    weights[:, :-1] += lengths / 2
    weights[:, 1:] += lengths / 2
    weights /= weights.sum(axis=1, keepdims=True)
    x, y = (points - (points @ weights[:, :, None])).swapaxes(0, 1)
    slant = -(weights * x * y).sum(axis=1) / (weights * y * y).sum(axis=1)
    return slant, np.ptp(x + slant[:, None] * y, axis=1)


def _ink(points: Floats, diameters: Floats) -> NDArray[np.uint8]:
    """Images (N, 1, 28, 28) of skeletons (N, 2, K) drawn with round pens (N,)."""
    images = np.empty((len(points), 1, SIZE, SIZE), np.uint8)
    grid = np.arange(SIZE, dtype=np.float32)[:, None]
    for low in range(0, len(points), _BATCH):
        part = slice(low, low + _BATCH)
        # Images run along the last axis, where numpy's loops are contiguous.
        x, y = points[part].transpose(1, 2, 0)
        nearest = np.full((SIZE, SIZE, x.shape[1]), np.inf, np.float32)
        squared = np.empty_like(nearest)
        for point_x, point_y in zip(x, y, strict=True):
            columns, rows = (grid - point_x) ** 2, (grid - point_y) ** 2
            np.add(rows[:, None], columns[None], out=squared)
            np.minimum(nearest, squared, out=nearest)
        cover = np.clip(diameters[part] / 2 + 0.5 - np.sqrt(nearest), 0, 1)
        images[part, 0] = np.rint(255 * cover).astype(np.uint8).transpose(2, 0, 1)
    return images


def _sample_glyph(glyph: Glyph) -> tuple[Floats, Floats, NDArray[np.bool]]:
    """A glyph as points (2, K), bending modes (modes, K) and ink segments (K - 1,).

    Points are equally spaced along the strokes; the glyph's height is 1 and its box is
    centred at 0.
    """
    curves = [_curve(np.array(stroke, float)) for stroke in glyph]
    fine = np.concatenate(curves)
    low, high = fine.min(axis=0), fine.max(axis=0)
    curves = [(curve - (low + high) / 2) / (high[1] - low[1]) for curve in curves]
    arcs = [_arc_length(curve) for curve in curves]
    ends = np.cumsum([arc[-1] for arc in arcs]) / sum(arc[-1] for arc in arcs)
    bounds = np.rint(_POINTS * np.concatenate([[0], ends])).astype(int)
    points = np.concatenate(
        [
            [np.interp(np.linspace(0, arc[-1], n), arc, axis) for axis in curve.T]
            for curve, arc, n in zip(curves, arcs, np.diff(bounds), strict=True)
        ],
        axis=1,
    )
    is_ink = np.ones(_POINTS - 1, bool)
    is_ink[bounds[1:-1] - 1] = False  # the pen is up, or turns a corner on the spot

    # Modes along the path open loops and move strokes apart; modes of the plane bend
    # the digit as a whole and keep what touches together.
    along = np.linspace(0, 1, _POINTS)
    x, y = points
    plane = [(1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (1, 2)]
    modes = [_BEND_ALONG / k * np.cos(np.pi * k * along) for k in (1, 2, 3, 4)]
    modes += [
        _BEND_PLANE * np.cos(np.pi * i * (x + 0.5)) * np.cos(np.pi * j * (y + 0.5))
        for i, j in plane
    ]
    return points.astype(np.float32), np.array(modes, np.float32), is_ink


def _curve(points: NDArray[np.float64], samples: int = 400) -> NDArray[np.float64]:
    """Smooth curve (samples, 2) through control points (n, 2)."""
    # Centripetal knots: unlike uniform ones they neither overshoot nor make cusps.
    knots = np.cumsum([0, *np.sqrt(np.hypot(*np.diff(points, axis=0).T))])
    spline = CubicSpline(knots, points, bc_type="natural")
    curve: NDArray[np.float64] = spline(np.linspace(0, knots[-1], samples))
    return curve


def _arc_length(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of a curve (n, 2) from its start to each of its points (n,)."""
    return np.cumsum([0, *np.hypot(*np.diff(curve, axis=0).T)])


_SAMPLED = [_sample_glyph(g) for d in range(10) for g in GLYPHS[d].values()]
_SKELETONS = np.array([points for points, _, _ in _SAMPLED])  # (glyphs, 2, K)
_MODES = np.array([modes for _, modes, _ in _SAMPLED])  # (glyphs, modes, K)
_IS_INK = np.array([is_ink for _, _, is_ink in _SAMPLED])  # (glyphs, K - 1)
_FIRST = np.cumsum([0, *(len(VARIANTS[d]) for d in range(9))])  # of each digit
