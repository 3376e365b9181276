"""Colours of skin, hair and surroundings of aligned faces.

The boxes are for CelebA's aligned images cut to the central 108 x 108 pixels, as in the
code of the VLAE's authors. They were chosen from the mean and the standard deviation of
the 64 x 64 crops: cheeks and nose vary least, hair is darkest above the forehead, and
the upper corners have the grey of mixed surroundings. On 3,000 crops the luminance of
the hair box separates blond from black hair, as labelled in CelebA, with an area under
the ROC curve of 0.94, and its correlation with that of the face box is 0.1. Long hair
reaches the corners too (correlation 0.36).
"""

import numpy as np
from numpy.typing import NDArray

from vlae.experiments.measures._colour_axes import chromaticity, luminance

MEASURES = (
    "face_colour",
    "face_luminance",
    "hair_colour",
    "hair_luminance",
    "corner_colour",
    "corner_chromaticity",
)
PART_OF = {
    "face_luminance": "face_colour",
    "hair_luminance": "hair_colour",
    "corner_chromaticity": "corner_colour",
}

BOXES = {
    "face_colour": [(0.58, 0.75, 0.2, 0.8)],
    "hair_colour": [(0.0, 0.06, 0.2, 0.8)],
    "corner_colour": [(0.0, 0.1, 0.0, 0.1), (0.0, 0.1, 0.9, 1.0)],
}
"""Top, bottom, left and right of boxes, as fractions of the height and the width."""


def measure(images: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """Return the mean colour over the boxes of each region, and parts of it.

    How light skin and hair are is one matter and the tint of the surroundings another,
    so the luminance of the former and the chromaticity of the latter stand apart.

    Args:
        images: (N, C, H, W) in [0, 1].

    Returns:
        `face_colour`, `hair_colour`, `corner_colour` (N, C), in [0, 1];
        `face_luminance`, `hair_luminance` (N,), in [0, 1]: Y = 0.2126 R + 0.7152 G +
        0.0722 B; `corner_chromaticity` (N, 2), in [-1, 1]: (R - G, B - (R + G) / 2).
    """
    height, width = images.shape[2:]

    def mean(top: float, bottom: float, left: float, right: float) -> np.ndarray:
        rows = slice(round(top * height), round(bottom * height))
        columns = slice(round(left * width), round(right * width))
        return images[:, :, rows, columns].mean(axis=(2, 3), dtype=np.float64)

    face, hair, corner = (
        np.mean([mean(*box) for box in boxes], axis=0) for boxes in BOXES.values()
    )
    return {
        "face_colour": face,
        "face_luminance": luminance(face),
        "hair_colour": hair,
        "hair_luminance": luminance(hair),
        "corner_colour": corner,
        "corner_chromaticity": chromaticity(corner),
    }
