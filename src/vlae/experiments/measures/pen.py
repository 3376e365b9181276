"""Colours of ground and ink in images that show one ink on one ground.

The pixels of an image are projected on the axis along which their colours vary most,
and split where the variance within the two parts is smallest (Otsu, IEEE Trans. SMC
9(1), 1979; here without a histogram). The smaller part is the ink. Blurred edges lie
between the two colours, so each colour is the mean over the core of its part: the
pixels that are farthest from the other part. The core of the ink is small because a
blurred thin line only reaches its full colour along its middle.
"""

import numpy as np
from numpy.typing import NDArray

MEASURES = ("background_colour", "ink_colour", "polarity")

GROUND_CORE_SHARE = 0.5
"""Share of the ground's pixels in its core."""
INK_CORE_SHARE = 0.1
"""Share of the ink's pixels in its core."""
MIN_COLOUR_DISTANCE = 0.02
"""Distance of the two colours below which an image is flat: 5 of 256 levels."""

_BATCH_SIZE = 500  # images measured at once: tens of MB in memory

Floats = NDArray[np.float64]


def measure(images: NDArray[np.floating]) -> dict[str, Floats]:
    """Return `background_colour`, `ink_colour` (N, C), in [0, 1], and `polarity` (N,).

    The polarity is 1 if the ink is lighter than the ground (its channels have the
    larger sum), else 0. All are NaN for a flat image.

    Args:
        images: (N, C, H, W) in [0, 1].
    """
    count, channels, height, width = images.shape
    pixels = images.reshape(count, channels, height * width).swapaxes(1, 2)
    starts = range(0, max(len(pixels), 1), _BATCH_SIZE)
    parts = [
        _two_colours(pixels[i : i + _BATCH_SIZE].astype(np.float64)) for i in starts
    ]
    ground, ink = (np.concatenate(colours) for colours in zip(*parts, strict=True))
    lighter = (ink - ground).sum(axis=1)
    polarity = np.where(np.isnan(lighter), np.nan, lighter > 0)
    return {"background_colour": ground, "ink_colour": ink, "polarity": polarity}


def _two_colours(pixels: Floats) -> tuple[Floats, Floats]:
    """Return colours (N, C) of the larger and the smaller part of pixels (N, P, C)."""
    count = pixels.shape[1]
    centred = pixels - pixels.mean(axis=1, keepdims=True)
    axes = np.linalg.eigh(centred.swapaxes(1, 2) @ centred)[1][:, :, -1:]
    along = (centred @ axes)[:, :, 0]
    order = np.argsort(along, axis=1)
    pixels = np.take_along_axis(pixels, order[:, :, None], axis=1)
    low = _cut(np.take_along_axis(along, order, axis=1))

    is_low_ink = low < count / 2
    cores = np.where([is_low_ink, ~is_low_ink], INK_CORE_SHARE, GROUND_CORE_SHARE)
    sizes = np.ceil(cores * [low, count - low]).astype(int)
    first, last = map(_mean_of_first, (pixels, pixels[:, ::-1]), sizes)
    ground, ink = np.where(is_low_ink[:, None], [last, first], [first, last])
    is_flat = np.linalg.norm(ink - ground, axis=1, keepdims=True) < MIN_COLOUR_DISTANCE
    return np.where(is_flat, np.nan, ground), np.where(is_flat, np.nan, ink)


def _cut(values: Floats) -> NDArray[np.int64]:
    """Return how many (N,) of the ascending values (N, P) belong to the lower part.

    This split has the largest variance between the parts and the smallest within them.
    """
    count = values.shape[1]
    sizes = np.arange(1, count)
    sums = values.cumsum(axis=1)
    deviation = count * sums[:, :-1] - sizes * sums[:, -1:]
    return np.argmax(deviation**2 / (sizes * (count - sizes)), axis=1) + 1


def _mean_of_first(pixels: Floats, sizes: NDArray[np.int64]) -> Floats:
    """Return the mean (N, C) over the first `sizes` (N,) of pixels (N, P, C)."""
    sums = pixels.cumsum(axis=1)[np.arange(len(pixels)), sizes - 1]
    means: Floats = sums / sizes[:, None]
    return means
