"""Stroke measures of grey images: thickness, slant, width and ink.

They follow Morpho-MNIST (Castro et al., JMLR 20(178), 2019): the image is scaled up and
cut at half its maximum; the thickness comes from distances between skeleton and
background, the slant from second moments, the width from percentiles of the ink once
the slant is undone. They take any image with ink on a 0 background, also a blurry one
from a decoder: contrast and faint haze matter to `ink` alone.

An image without ink (no positive pixel) has thickness, slant and width NaN. Anything
else has finite measures: a single pixel is a round blot with slant 0.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from skimage.morphology import skeletonize

MEASURES = ("thickness", "slant", "width", "ink")
CHANNELS = [1]

SCALE = 4  # upsampling, as in Morpho-MNIST
TRIM = (0.1, 0.5)  # quantiles of the skeleton's distances that `thickness` averages
TAIL = 0.005  # share of the ink left out on either side by `width`

_BATCH = 250  # images measured at once: bounds the memory, tens of MB
_STEPS = 14  # of bisection: quantiles to 0.01 px at usual slants

Floats = NDArray[np.float64]
Masks = NDArray[np.bool]


def measure(images: ArrayLike) -> dict[str, Floats]:
    """All measures (N,) of images (N, H, W) or (N, 1, H, W), by name.

    Intensities are floats, 0 (background) .. 1 (ink). For units see the functions of
    the same names.
    """

    def shapes(masks: Masks) -> Floats:
        slants = _slant(masks)
        return np.stack([_thickness(masks), slants, _width(masks, slants)])

    thickness, slant, width = _by_batch(shapes, images)
    found = (thickness, slant, width, ink(images))
    return dict(zip(MEASURES, found, strict=True))


def thickness(images: ArrayLike) -> Floats:
    """Pen diameter (N,) in px: twice the distance from skeleton to background.

    Morpho-MNIST takes the mean over the skeleton. Here it is the mean between two
    quantiles (``TRIM``), which leaves out crossings and filled-in loops above and the
    ends of strokes below: on drawn digits (:mod:`vlae.data.datasets.strokes`) it follows the
    true diameter with r = 0.99 instead of 0.96.
    """
    return _by_batch(_thickness, images)


def slant(images: ArrayLike) -> Floats:
    """Shear dx/dy (N,) of the ink from its second moments; leaning right is positive.

    0 is upright, 1 leans right by 45 degrees.
    """
    return _by_batch(_slant, images)


def width(images: ArrayLike) -> Floats:
    """Horizontal extent (N,) of the ink in px after undoing its slant.

    It runs from the ``TAIL`` to the 1 - ``TAIL`` quantile of the ink's position.
    """
    return _by_batch(lambda masks: _width(masks, _slant(masks)), images)


def ink(images: ArrayLike) -> Floats:
    """Mean intensity (N,), 0..1."""
    means: Floats = _as_stack(images).mean(axis=(1, 2), dtype=np.float64)
    return means


def _thickness(masks: Masks) -> Floats:
    count, rows, columns = masks.shape
    rim = np.zeros_like(masks)  # background pixels that touch the ink
    rim[:, 1:] |= masks[:, :-1]
    rim[:, :-1] |= masks[:, 1:]
    rim[:, :, 1:] |= masks[:, :, :-1]
    rim[:, :, :-1] |= masks[:, :, 1:]
    rim &= ~masks

    # One strip of all images: their blank margins keep them apart. Distances are only
    # needed on the skeleton, where a tree is faster than a transform of all pixels.
    skeleton = np.argwhere(skeletonize(masks.reshape(-1, columns)))
    if len(skeleton) == 0:
        return np.full(count, np.nan)
    edges = np.argwhere(rim.reshape(-1, columns))
    tree = KDTree(edges, balanced_tree=False, compact_nodes=False)
    distances = tree.query(skeleton)[0]

    image = skeleton[:, 0] // rows
    order = np.lexsort((distances, image))
    distances, image = distances[order], image[order]
    sizes = np.bincount(image, minlength=count)
    starts = np.cumsum(sizes) - sizes
    rank = (np.arange(len(image)) - starts[image] + 0.5) / sizes[image]
    kept = (rank >= TRIM[0]) & (rank <= TRIM[1])
    sums = np.bincount(image, distances * kept, count)
    return 2 / SCALE * _ratio(sums, np.bincount(image, kept, count))


def _slant(masks: Masks) -> Floats:
    rows, columns = (np.arange(n, dtype=np.float32) for n in masks.shape[1:])
    mass = masks.sum(axis=2)
    y = rows - _ratio(mass @ rows, mass.sum(axis=1))[:, None]
    mu11 = (y * (masks.astype(np.float32) @ columns)).sum(axis=1)
    mu02 = (y * y * mass).sum(axis=1)
    return -_ratio(mu11, mu02)  # minus: rows count downwards


def _width(masks: Masks, slants: Floats) -> Floats:
    count, rows, columns = masks.shape
    shifts = np.nan_to_num(slants)[:, None] * (np.arange(rows) - (rows - 1) / 2)
    ink_left = np.zeros((count, rows, columns + 1), np.int16)  # of each pixel's edges
    np.cumsum(masks, axis=2, out=ink_left[:, :, 1:], dtype=np.int16)
    low, high = (_quantile(ink_left, shifts, q) for q in (TAIL, 1 - TAIL))
    return np.where(np.isnan(slants), np.nan, (high - low) / SCALE)


def _quantile(ink_left: NDArray[np.int16], shifts: Floats, share: float) -> Floats:
    """Position x (N,) left of which lies a share of the ink.

    `ink_left` (N, H, W + 1) is the ink of each row left of each edge between pixels;
    `shifts` (N, H) moves the rows to the right.
    """
    count, rows, edges = ink_left.shape
    flat = ink_left.reshape(-1)
    first = np.arange(count * rows).reshape(count, rows) * edges
    target = share * ink_left[:, :, -1].sum(axis=1)
    low, high = shifts.min(axis=1), edges - 1 + shifts.max(axis=1)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        place = np.clip(middle[:, None] - shifts, 0, edges - 1)
        left = np.minimum(place.astype(int), edges - 2)
        below, above = flat[first + left], flat[first + left + 1]
        is_left = (below + (place - left) * (above - below)).sum(axis=1) < target
        low, high = np.where(is_left, middle, low), np.where(is_left, high, middle)
    found: Floats = (low + high) / 2
    return found


def _by_batch(measure: Callable[[Masks], Floats], images: ArrayLike) -> Floats:
    """`measure` of the masks of all images, joined along the last axis."""
    stack = _as_stack(images)
    starts = range(0, max(len(stack), 1), _BATCH)
    return np.concatenate(
        [measure(_masks(stack[i : i + _BATCH])) for i in starts], axis=-1
    )


def _masks(images: NDArray[np.floating]) -> Masks:
    """Where ink is, in images scaled up linearly, with a blank margin of a pixel."""

    def weights(size: int) -> NDArray[np.float32]:
        places = (np.arange((size + 2) * SCALE) + 0.5) / SCALE - 1.5
        gaps = np.abs(places[:, None] - np.arange(size))
        linear: NDArray[np.float32] = np.maximum(0, 1 - gaps).astype(np.float32)
        return linear

    rows, columns = images.shape[1:]
    peaks = images.max(axis=(1, 2), keepdims=True)
    fine = weights(rows) @ images.astype(np.float32) @ weights(columns).T
    masks: Masks = (fine > peaks / 2) & (peaks > 0)
    return masks


def _as_stack(images: ArrayLike) -> NDArray[np.floating]:
    """Images as floats (N, H, W)."""
    stack = np.asarray(images)
    if stack.ndim == 4 and stack.shape[1] == 1:
        stack = stack[:, 0]
    if stack.ndim != 3 or not np.issubdtype(stack.dtype, np.floating):
        raise ValueError(
            "images must be floats of shape (N, H, W) or (N, 1, H, W), "
            f"got {stack.dtype} {stack.shape}"
        )
    return stack


def _ratio(numerator: NDArray[np.number], denominator: NDArray[np.number]) -> Floats:
    """Their quotient; NaN, without a warning, where the denominator is not positive."""
    result = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result
