"""Luminance and chromaticity: how light a colour is, and which hue it has and how much.

Together they are the colour: a change of one alone leaves the other as it is if it is
along grey (luminance), or keeps the weighted sum of the channels (chromaticity).
"""

import numpy as np
from numpy.typing import NDArray

REC_709 = np.array([0.2126, 0.7152, 0.0722])
"""Weights of red, green and blue in luminance."""


def luminance(colours: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the luminance of colours, in [0, 1].

    It is Y = 0.2126 R + 0.7152 G + 0.0722 B (Rec. 709) of the channels as stored (gamma
    is not undone), or the only channel of grey.

    Args:
        colours: (N, C, ...) in [0, 1].

    Returns:
        (N, ...).
    """
    weights = REC_709 if colours.shape[1] == 3 else np.ones(1)
    found: NDArray[np.float64] = np.einsum("c,nc...->n...", weights, colours)
    return found


def chromaticity(colours: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how far colours are from grey, on two opponent axes, each in [-1, 1].

    The first is R - G, from green to red; the second B - (R + G) / 2, from yellow to
    blue. Both are 0 for every grey, and whatever is added to all channels alike changes
    neither.

    Args:
        colours: (N, C) in [0, 1].

    Returns:
        (N, 2).
    """
    if colours.shape[1] != 3:
        return np.zeros((len(colours), 2))
    red, green, blue = colours.T
    return np.stack([red - green, blue - (red + green) / 2], axis=1)
