"""Colour and contrast of whole images."""

import numpy as np
from numpy.typing import NDArray

MEASURES = ("mean_colour", "contrast")

REC_709 = np.array([0.2126, 0.7152, 0.0722])
"""Weights of red, green and blue in luminance."""


def measure(images: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """Return `mean_colour` and `contrast` of images.

    Args:
        images: (N, C, H, W) in [0, 1].

    Returns:
        `mean_colour` (N, C), in [0, 1]: the mean over pixels. `contrast` (N,), in
        [0, 0.5]: the standard deviation of luminance over pixels. The luminance is the
        Rec. 709 weighted sum of the channels as stored (gamma is not undone), or the
        only channel of a grey image.
    """
    weights = REC_709 if images.shape[1] == 3 else np.ones(1)
    luminance = np.einsum("c,nchw->nhw", weights, images)
    return {
        "mean_colour": images.mean(axis=(2, 3), dtype=np.float64),
        "contrast": luminance.std(axis=(1, 2)),
    }
