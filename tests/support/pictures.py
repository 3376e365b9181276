"""Pictures of panels as matplotlib draws them, made by Pillow: known images inside."""

import numpy as np
from matplotlib import colormaps
from PIL import Image

GAP = 40


def canvas(images, side):
    """Images (side * side, C, H, W) in [0, 1] side by side, RGB levels (h, w, 3)."""
    _, channels, height, width = images.shape
    cells = images.reshape(side, side, channels, height, width)
    joined = cells.transpose(0, 3, 1, 4, 2).reshape(side * height, side * width, -1)
    if channels == 1:
        joined = colormaps["Greys"](joined[..., 0])[..., :3]
    return np.round(joined * 255).astype(np.uint8)


def framed(images, side, pixels):
    """A panel of this size, with the rim of a frame over its outermost two pixels."""
    drawn = Image.fromarray(canvas(images, side))
    drawn = drawn.resize((pixels, pixels), Image.Resampling.BILINEAR)
    levels = np.pad(np.asarray(drawn), ((1, 1), (1, 1), (0, 0)))
    for ring, (share, level) in enumerate([(0.0, 205), (0.0, 0), (0.8, 0)]):
        inside = np.zeros(levels.shape[:2], bool)
        inside[ring + 1 : -ring - 1, ring + 1 : -ring - 1] = True
        around = ~inside
        around[:ring] = around[:, :ring] = False
        if ring:
            around[-ring:] = around[:, -ring:] = False
        levels[around] = np.round(share * levels[around] + level)
    return levels


def picture(panels):
    """Framed panels side by side on white."""
    height = panels[0].shape[0] + 2 * GAP
    white = np.full((height, GAP, 3), 255, np.uint8)
    parts = [white]
    for panel in panels:
        page = np.full((height, panel.shape[1], 3), 255, np.uint8)
        page[GAP : GAP + panel.shape[0]] = panel
        parts += [page, white]
    return np.concatenate(parts, 1)


def save(levels, path):
    Image.fromarray(levels).save(path)
    return path
