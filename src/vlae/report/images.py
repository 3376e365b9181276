"""Pictures as data addresses, so that a page holds all that it shows.

WebP without loss: every pixel is that of the file, in half of the bytes of its PNG.
"""

import base64
import io
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlae.system.errors import UserError

METHOD, EFFORT = 1, 25
"""What WebP spends on looking for a small file: a second for the largest figure."""


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
    image.save(written, format="WEBP", lossless=True, method=METHOD, quality=EFFORT)
    content = base64.b64encode(written.getvalue()).decode()
    return f"data:image/webp;base64,{content}"


LARGEST = 300_000
"""Bytes of a picture."""
COLOURS, SMALLEST = 64, 500
"""Of a picture that is made to fit: its colours, and its least width in pixels."""


def small(path: Path) -> bytes | None:
    """A png of at most `LARGEST` bytes: as it is, with fewer colours, or smaller.

    Returns:
        None if it would be narrower than `SMALLEST` pixels.

    Raises:
        UserError: if it cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        content = path.read_bytes()
        picture = Image.open(BytesIO(content)).convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}). Delete it and run again."
        ) from None
    width = picture.width
    while len(content) > LARGEST:
        if width < SMALLEST:
            return None
        size = width, round(picture.height * width / picture.width)
        buffer = BytesIO()
        scaled = picture.resize(size, Image.Resampling.LANCZOS)
        scaled.quantize(COLOURS).save(buffer, "png", optimize=True)
        content, width = buffer.getvalue(), round(width * 0.85)
    return content
