"""Pictures as data addresses, so that a page holds all that it shows.

WebP without loss: every pixel is that of the file, in half of the bytes of its PNG.
"""

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlae.errors import UserError

SETTINGS = {"format": "WEBP", "lossless": True, "method": 1, "quality": 25}
"""`quality` is here what is spent on looking for small files: a second a figure."""


def pixels(picture: NDArray[np.uint8]) -> str:
    """Of a picture (height, width, 3)."""
    return _address(Image.fromarray(picture))


def file(path: Path) -> str:
    """Of an image file; what is transparent in it becomes white.

    Raises:
        UserError: if it is missing or no image.
    """
    try:
        with Image.open(path) as image:
            whole = image.convert("RGBA")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error}). Delete it and run again."
        ) from None
    ground = Image.new("RGBA", whole.size, "white")
    return _address(Image.alpha_composite(ground, whole).convert("RGB"))


def _address(image: Image.Image) -> str:
    written = io.BytesIO()
    image.save(written, **SETTINGS)
    content = base64.b64encode(written.getvalue()).decode()
    return f"data:image/webp;base64,{content}"
