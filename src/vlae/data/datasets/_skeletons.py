"""Handwriting: random factors, skeletons of digits drawn from them, and a round pen.

Coordinates are (x, y) in px with y downwards; the centre of pixel [0, 0] is (0, 0).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from vlae.data.datasets._glyphs import GLYPHS, Glyph
from vlae.data.datasets._sequence import CHUNK

THICKNESS = (1.5, 2.7, 4.5)  # low, mode, high
SLANT = (0.15, 0.2, -0.35, 0.6)  # mean, sd, low, high
WIDTH = (1.0, 0.13, 0.7, 1.3)  # mean, sd, low, high
MAX_SHIFT_PX = 1.0

VARIANTS: dict[int, tuple[str, ...]] = {d: tuple(v) for d, v in GLYPHS.items()}

_POINTS = 80  # per skeleton, at most about 0.7 px apart
_BEND_ALONG = 0.025  # sd of the first bending mode along the path, in digit heights
_BEND_PLANE = 0.024  # sd of the first mode that bends the whole plane
_BATCH_IMAGES = 128  # rendered at once, so that they stay in the CPU cache

FACTORS = ("label", "variant", "thickness", "slant", "width", "shift_x", "shift_y")
"""Columns of the table that `sample` returns: how a digit is written."""
INDEPENDENT = tuple(name for name in FACTORS if name != "variant")
"""Those that do not depend on one another; which variants there are depends on the
label."""

Floats = NDArray[np.float32]


def sample(rng: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    """Draw the factors of one chunk.

    Returns:
        a table with the columns label, variant, thickness (px), slant, width, shift_x
        and shift_y (px); and bending coefficients (CHUNK, 2, modes).
    """
    label = rng.integers(10, size=CHUNK)
    mean, sd, low, high = SLANT
    slant = np.clip(rng.normal(mean, sd, CHUNK), low, high)
    mean, sd, low, high = WIDTH
    width = np.clip(rng.normal(mean, sd, CHUNK), low, high)
    factors = pd.DataFrame(
        {
            "label": label,
            "variant": sample_variants(rng, label),
            "thickness": rng.triangular(*THICKNESS, CHUNK),
            "slant": slant,
            "width": width,
            "shift_x": rng.uniform(-MAX_SHIFT_PX, MAX_SHIFT_PX, CHUNK),
            "shift_y": rng.uniform(-MAX_SHIFT_PX, MAX_SHIFT_PX, CHUNK),
        }
    )
    return factors, sample_bends(rng)


def sample_variants(
    rng: np.random.Generator, label: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Draw a handwriting (N,) for each digit of `label` (N,), uniformly."""
    return rng.integers(np.array([len(VARIANTS[d]) for d in range(10)])[label])


def sample_bends(rng: np.random.Generator) -> Floats:
    """Draw the bending coefficients (CHUNK, 2, modes) of one chunk."""
    return rng.standard_normal((CHUNK, 2, _MODES.shape[1]), np.float32)


def skeletons(
    factors: pd.DataFrame, bends: Floats, height: float
) -> tuple[Floats, NDArray[np.bool]]:
    """Return the skeletons of digits, with their boxes centred at 0.

    The caller adds the shifts.

    Args:
        factors: columns of `sample`, N rows.
        bends: bending coefficients (N, 2, modes).
        height: height of a skeleton in px.

    Returns:
        points (N, 2, K) in px, and which segments between them are ink (N, K - 1).
    """
    glyph = _FIRST[factors["label"]] + factors["variant"].to_numpy()
    points = _SKELETONS[glyph] + bends @ _MODES[glyph]
    y = points[:, 1] * height
    x = points[:, 0] * (height * factors["width"].to_numpy(np.float32))[:, None]
    x = x - y * factors["slant"].to_numpy(np.float32)[:, None]
    points = np.stack([x, y], axis=1)
    # Centred by mass, a thick, shifted 7 would leave the image.
    centre = (points.max(2, keepdims=True) + points.min(2, keepdims=True)) / 2
    return points - centre, _IS_INK[glyph]


def geometry(points: Floats, valid: NDArray[np.bool]) -> tuple[Floats, Floats]:
    """Return slant (N,) and horizontal extent (N,) of skeletons.

    Args:
        points: (N, 2, K), in px.
        valid: which segments between points are ink, (N, K - 1).

    Returns:
        shear dx/dy from second moments, and extent in px after that shear is undone.
    """
    lengths = np.hypot(*np.diff(points, axis=2).swapaxes(0, 1)) * valid
    weights = np.zeros(points.shape[::2], np.float32)  # arc length of each point
    weights[:, :-1] += lengths / 2
    weights[:, 1:] += lengths / 2
    weights /= weights.sum(axis=1, keepdims=True)
    x, y = (points - (points @ weights[:, :, None])).swapaxes(0, 1)
    slant = -(weights * x * y).sum(axis=1) / (weights * y * y).sum(axis=1)
    return slant, np.ptp(x + slant[:, None] * y, axis=1)


def cover(points: Floats, diameters: Floats, height: int, width: int) -> Floats:
    """Return the share of each pixel that round pens cover with ink.

    Args:
        points: centres of the pens (N, 2, K), in px.
        diameters: diameters of the pens (N,), in px.
        height: height H of the images.
        width: width W of the images.

    Returns:
        shares (N, H, W) from 0 to 1.
    """
    covers = np.empty((len(points), height, width), np.float32)
    rows, columns = (np.arange(n, dtype=np.float32)[:, None] for n in (height, width))
    for low in range(0, len(points), _BATCH_IMAGES):
        part = slice(low, low + _BATCH_IMAGES)
        # Images are the last axis, along which numpy's loops are contiguous.
        x, y = points[part].transpose(1, 2, 0)
        nearest = np.full((height, width, x.shape[1]), np.inf, np.float32)
        squared = np.empty_like(nearest)
        for point_x, point_y in zip(x, y, strict=True):
            across, down = (columns - point_x) ** 2, (rows - point_y) ** 2
            np.add(down[:, None], across[None], out=squared)
            np.minimum(nearest, squared, out=nearest)
        inked = np.clip(diameters[part] / 2 + 0.5 - np.sqrt(nearest), 0, 1)
        covers[part] = inked.transpose(2, 0, 1)
    return covers


def _sample_glyph(glyph: Glyph) -> tuple[Floats, Floats, NDArray[np.bool]]:
    """Return a glyph as points (2, K), bending modes (modes, K) and ink (K - 1,).

    Points are equally spaced along the strokes. The glyph has height 1, and its box is
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

    # Modes along the path open loops and move strokes apart. Modes of the plane bend
    # the digit as a whole, so that strokes that touch stay together.
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
    """Return a smooth curve (samples, 2) through control points (n, 2)."""
    # Unlike uniform knots, centripetal ones neither overshoot nor make cusps.
    knots = np.cumsum([0, *np.sqrt(np.hypot(*np.diff(points, axis=0).T))])
    spline = CubicSpline(knots, points, bc_type="natural")
    curve: NDArray[np.float64] = spline(np.linspace(0, knots[-1], samples))
    return curve


def _arc_length(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of a curve (n, 2) from its start to each point (n,)."""
    return np.cumsum([0, *np.hypot(*np.diff(curve, axis=0).T)])


_SAMPLED = [_sample_glyph(g) for d in range(10) for g in GLYPHS[d].values()]
_SKELETONS = np.array([points for points, _, _ in _SAMPLED])  # (glyphs, 2, K)
_MODES = np.array([modes for _, modes, _ in _SAMPLED])  # (glyphs, modes, K)
_IS_INK = np.array([is_ink for _, _, is_ink in _SAMPLED])  # (glyphs, K - 1)
_FIRST = np.cumsum(
    [0, *(len(VARIANTS[d]) for d in range(9))]
)  # first glyph of each digit
