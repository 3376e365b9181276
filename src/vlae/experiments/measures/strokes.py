"""Stroke measures of grey images: thickness, slant, width and ink.

They follow Morpho-MNIST (Castro et al., JMLR 20(178), 2019): the image is scaled up and
cut at half its maximum; the thickness comes from distances between skeleton and
background, the slant from second moments, the width from percentiles of the ink after
the slant is undone. They work for any image with ink on a background of 0, also for a
blurry one from a decoder: contrast and faint haze only affect `ink`.

For an image without ink (no positive pixel) thickness, slant and width are NaN. For all
others every measure is finite: a single pixel is a round blot with slant 0.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from skimage.morphology import skeletonize

MEASURES = ("thickness", "slant", "width", "ink")
WITHIN_CLASS = ("thickness", "slant", "width")
CHANNELS = [1]

UPSAMPLING = 4
"""Factor by which images are scaled up, as in Morpho-MNIST."""
TRIM_QUANTILES = (0.1, 0.5)
"""Range of the skeleton's distances that `thickness` averages."""
TAIL_SHARE = 0.005
"""Share of the ink that `width` leaves out on each side."""

_BATCH_SIZE = 250  # images measured at once: tens of MB in memory
_BISECTION_STEPS = 14  # gives quantiles to 0.01 px at usual slants

Floats = NDArray[np.float64]
Masks = NDArray[np.bool]


def measure(images: ArrayLike) -> dict[str, Floats]:
    """Return all measures (N,) of images by name.

    Args:
        images: floats (N, H, W) or (N, 1, H, W), from 0 (background) to 1 (ink).

    Returns:
        see the functions of the same names for units.

    Raises:
        ValueError: if the images have another type or shape.
    """

    def shapes(masks: Masks) -> Floats:
        slants = _slant(masks)
        return np.stack([_thickness(masks), slants, _width(masks, slants)])

    thickness, slant, width = _by_batch(shapes, images)
    found = (thickness, slant, width, ink(images))
    return dict(zip(MEASURES, found, strict=True))


def thickness(images: ArrayLike) -> Floats:
    """Return the pen diameter (N,) in px: twice the skeleton's distance to background.

    Morpho-MNIST takes the mean over the skeleton. Here it is the mean between two
    quantiles (`TRIM_QUANTILES`), which leaves out crossings and filled-in loops above
    and the ends of strokes below. On drawn digits (`vlae.data.datasets.strokes`) it
    follows the true diameter with r = 0.99 instead of 0.96.
    """
    return _by_batch(_thickness, images)


def slant(images: ArrayLike) -> Floats:
    """Return the shear dx/dy (N,) of the ink from its second moments.

    0 is upright, 1 leans right by 45 degrees.
    """
    return _by_batch(_slant, images)


def width(images: ArrayLike) -> Floats:
    """Return the horizontal extent (N,) of the ink in px after its slant is undone.

    It runs from the `TAIL_SHARE` to the 1 - `TAIL_SHARE` quantile of the ink's
    position.
    """
    return _by_batch(lambda masks: _width(masks, _slant(masks)), images)


def ink(images: ArrayLike) -> Floats:
    """Return the mean intensity (N,), in [0, 1]."""
    means: Floats = _as_stack(images).mean(axis=(1, 2), dtype=np.float64)
    return means


def _thickness(masks: Masks) -> Floats:
    masks = _in_the_corner(masks)  # thinning takes time for blank pixels, too
    count, rows, columns = masks.shape
    rim = np.zeros_like(masks)  # background pixels that touch the ink
    rim[:, 1:] |= masks[:, :-1]
    rim[:, :-1] |= masks[:, 1:]
    rim[:, :, 1:] |= masks[:, :, :-1]
    rim[:, :, :-1] |= masks[:, :, 1:]
    rim &= ~masks

    # All images form one strip; their blank margins separate them. Distances are only
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
    kept = (rank >= TRIM_QUANTILES[0]) & (rank <= TRIM_QUANTILES[1])
    sums = np.bincount(image, distances * kept, count)
    return 2 / UPSAMPLING * _ratio(sums, np.bincount(image, kept, count))


def _in_the_corner(masks: Masks) -> Masks:
    """Return the ink of each image moved to a corner, in frames as large as needed.

    A margin of one pixel stays. Masks must have one already.
    """
    starts, sizes = [], []
    for axis in (2, 1):
        inked = np.asarray(masks.any(axis=axis))
        first, last = inked.argmax(axis=1), inked[:, ::-1].argmax(axis=1)
        extents = (inked.shape[1] - last - first)[inked.any(axis=1)]
        starts.append(np.maximum(first - 1, 0))
        sizes.append(int(extents.max(initial=1)) + 2)
    places = [
        np.minimum(start[:, None] + np.arange(size), length - 1)
        for start, size, length in zip(starts, sizes, masks.shape[1:], strict=True)
    ]
    images = np.arange(len(masks))[:, None, None]
    found: Masks = masks[images, places[0][:, :, None], places[1][:, None, :]]
    return found


def _slant(masks: Masks) -> Floats:
    rows, columns = (np.arange(n, dtype=np.float32) for n in masks.shape[1:])
    mass = masks.sum(axis=2)
    y = rows - _ratio(mass @ rows, mass.sum(axis=1))[:, None]
    mu11 = (y * (masks.astype(np.float32) @ columns)).sum(axis=1)
    mu02 = (y * y * mass).sum(axis=1)
    return -_ratio(mu11, mu02)  # minus, since rows are counted downwards


def _width(masks: Masks, slants: Floats) -> Floats:
    count, rows, columns = masks.shape
    shifts = np.nan_to_num(slants)[:, None] * (np.arange(rows) - (rows - 1) / 2)
    ink_left = np.zeros(
        (count, rows, columns + 1), np.int16
    )  # of each edge between pixels
    np.cumsum(masks, axis=2, out=ink_left[:, :, 1:], dtype=np.int16)
    low, high = (_quantile(ink_left, shifts, q) for q in (TAIL_SHARE, 1 - TAIL_SHARE))
    return np.where(np.isnan(slants), np.nan, (high - low) / UPSAMPLING)


def _quantile(ink_left: NDArray[np.int16], shifts: Floats, share: float) -> Floats:
    """Return the position x (N,) that has a share of the ink to its left.

    Args:
        ink_left: ink of each row left of each edge between pixels, (N, H, W + 1).
        shifts: how far each row is moved to the right, (N, H).
        share: of the ink, in (0, 1).
    """
    count, rows, edges = ink_left.shape
    flat = ink_left.reshape(-1)
    first = np.arange(count * rows).reshape(count, rows) * edges
    target = share * ink_left[:, :, -1].sum(axis=1)
    low, high = shifts.min(axis=1), edges - 1 + shifts.max(axis=1)
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2
        place = np.clip(middle[:, None] - shifts, 0, edges - 1)
        left = np.minimum(place.astype(int), edges - 2)
        below, above = flat[first + left], flat[first + left + 1]
        is_left = (below + (place - left) * (above - below)).sum(axis=1) < target
        low, high = np.where(is_left, middle, low), np.where(is_left, high, middle)
    found: Floats = (low + high) / 2
    return found


def _by_batch(measure: Callable[[Masks], Floats], images: ArrayLike) -> Floats:
    """Return `measure` of the masks of all images, joined along the last axis."""
    stack = _as_stack(images)
    starts = range(0, max(len(stack), 1), _BATCH_SIZE)
    return np.concatenate(
        [measure(_masks(stack[i : i + _BATCH_SIZE])) for i in starts], axis=-1
    )


def _masks(images: NDArray[np.floating]) -> Masks:
    """Return where ink is in images scaled up linearly, with a margin of one pixel."""

    def weights(size: int) -> NDArray[np.float32]:
        places = (np.arange((size + 2) * UPSAMPLING) + 0.5) / UPSAMPLING - 1.5
        gaps = np.abs(places[:, None] - np.arange(size))
        linear: NDArray[np.float32] = np.maximum(0, 1 - gaps).astype(np.float32)
        return linear

    rows, columns = images.shape[1:]
    peaks = images.max(axis=(1, 2), keepdims=True)
    fine = weights(rows) @ images.astype(np.float32) @ weights(columns).T
    masks: Masks = (fine > peaks / 2) & (peaks > 0)
    return masks


def _as_stack(images: ArrayLike) -> NDArray[np.floating]:
    """Return images as floats (N, H, W)."""
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
    """Return the quotient; NaN, without a warning, if the denominator is at most 0."""
    result = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result
