"""Colours of ground and ink of images that show one ink on one ground.

The pixels of an image are projected on the axis along which their colours vary most
and cut in two where that leaves the least variance (Otsu, IEEE Trans. SMC 9(1), 1979;
here without a histogram). The smaller part is the ink. Blurred edges lie between the
two colours, so that each colour is the mean over the part's core: its pixels that are
farthest from the other part. The ink's core is small, for a blurred thin line reaches
its full colour along its middle only.
"""

import numpy as np
from numpy.typing import NDArray

MEASURES = ("background_colour", "ink_colour", "polarity")

GROUND_CORE = 0.5  # share of the ground's pixels in its core
INK_CORE = 0.1  # the same of the ink
MINIMUM = 0.02  # distance of the two colours below which an image is flat: 5 of 256

_BATCH = 500  # images measured at once: bounds the memory, tens of MB

Floats = NDArray[np.float64]


def measure(images: NDArray[np.floating]) -> dict[str, Floats]:
    """`background_colour` and `ink_colour` (N, C), 0..1; `polarity` (N,).

    The polarity is 1 where the ink is lighter (its channels have the larger sum) than
    the ground, else 0. All are NaN for a flat image.
    """
    count, channels, height, width = images.shape
    pixels = images.reshape(count, channels, height * width).swapaxes(1, 2)
    starts = range(0, max(len(pixels), 1), _BATCH)
    parts = [_two_colours(pixels[i : i + _BATCH].astype(np.float64)) for i in starts]
    ground, ink = (np.concatenate(colours) for colours in zip(*parts, strict=True))
    lighter = (ink - ground).sum(axis=1)
    polarity = np.where(np.isnan(lighter), np.nan, lighter > 0)
    return {"background_colour": ground, "ink_colour": ink, "polarity": polarity}


def _two_colours(pixels: Floats) -> tuple[Floats, Floats]:
    """Colours (N, C) of the larger and of the smaller part of pixels (N, P, C)."""
    count = pixels.shape[1]
    centred = pixels - pixels.mean(axis=1, keepdims=True)
    axes = np.linalg.eigh(centred.swapaxes(1, 2) @ centred)[1][:, :, -1:]
    along = (centred @ axes)[:, :, 0]
    order = np.argsort(along, axis=1)
    pixels = np.take_along_axis(pixels, order[:, :, None], axis=1)
    low = _cut(np.take_along_axis(along, order, axis=1))

    is_low_ink = low < count / 2
    cores = np.where([is_low_ink, ~is_low_ink], INK_CORE, GROUND_CORE)
    sizes = np.ceil(cores * [low, count - low]).astype(int)
    first, last = map(_mean_of_first, (pixels, pixels[:, ::-1]), sizes)
    ground, ink = np.where(is_low_ink[:, None], [last, first], [first, last])
    is_flat = np.linalg.norm(ink - ground, axis=1, keepdims=True) < MINIMUM
    return np.where(is_flat, np.nan, ground), np.where(is_flat, np.nan, ink)


def _cut(values: Floats) -> NDArray[np.int64]:
    """How many (N,) of the ascending values (N, P) to put in the lower of two parts.

    It is the cut with the greatest variance between the parts, the least within them.
    """
    count = values.shape[1]
    sizes = np.arange(1, count)
    sums = values.cumsum(axis=1)
    deviation = count * sums[:, :-1] - sizes * sums[:, -1:]
    return np.argmax(deviation**2 / (sizes * (count - sizes)), axis=1) + 1


def _mean_of_first(pixels: Floats, sizes: NDArray[np.int64]) -> Floats:
    """Mean (N, C) over the first `sizes` (N,) of pixels (N, P, C)."""
    sums = pixels.cumsum(axis=1)[np.arange(len(pixels)), sizes - 1]
    means: Floats = sums / sizes[:, None]
    return means
