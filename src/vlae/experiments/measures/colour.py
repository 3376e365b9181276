"""Colour and contrast of whole images."""

import numpy as np
from numpy.typing import NDArray

from vlae.experiments.measures._colour_axes import chromaticity, luminance

MEASURES = ("mean_colour", "mean_luminance", "mean_chromaticity", "contrast")
PART_OF = {"mean_luminance": "mean_colour", "mean_chromaticity": "mean_colour"}


def measure(images: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """Return the mean colour of images, its two parts, and their contrast.

    Args:
        images: (N, C, H, W) in [0, 1].

    Returns:
        `mean_colour` (N, C), in [0, 1]: the mean over pixels. `mean_luminance` (N,), in
        [0, 1], and `mean_chromaticity` (N, 2), in [-1, 1]: Y = 0.2126 R + 0.7152 G +
        0.0722 B, and (R - G, B - (R + G) / 2), of the mean colour. `contrast` (N,), in
        [0, 0.5]: the standard deviation of luminance over pixels.
    """
    mean = images.mean(axis=(2, 3), dtype=np.float64)
    return {
        "mean_colour": mean,
        "mean_luminance": luminance(mean),
        "mean_chromaticity": chromaticity(mean),
        "contrast": luminance(images).std(axis=(1, 2)),
    }
