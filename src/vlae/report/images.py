"""Pictures for pages and references.

A page holds its pictures as data URLs in WebP. It is lossless, in about half of the
bytes of a PNG, unless a file takes more than `MAX_LOSSLESS_BYTES`: such figures are
compressed as photographs are, and their exact pixels are in `results/figures`. So are
pictures of references, whose exact pixels are in `reference/`.
"""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlae.system.errors import UserError

WEBP_METHOD, WEBP_QUALITY = 1, 25
"""Effort of the lossless compression; the largest figure takes about a second."""
MAX_LOSSLESS_BYTES = 150_000
LOSSY_QUALITY = 90
"""At it, neither text nor images of a figure look different at the size of the page."""
PREVIEW_QUALITY = 75
"""Quality of a picture whose exact pixels are in a file of the repository."""
MAX_BYTES = 300_000
"""Size of a picture that `small` returns."""
MAX_COLOURS = 256
"""Colours of a picture that `small` makes smaller."""
MIN_WIDTH = 500
"""Width in pixels below which `small` gives up."""


@dataclass(frozen=True)
class Picture:
    """A picture in a page, with a title."""

    title: str
    url: str
    """Data URL of the picture."""


def pixels(picture: NDArray[np.uint8]) -> str:
    """Return a picture (height, width, 3) as a data URL, pixel by pixel."""
    return _data_url(_lossless(Image.fromarray(picture)))


def file(path: Path) -> str:
    """Return an image file as a data URL, with white for what is transparent.

    Raises:
        UserError: if the file is missing or is not an image.
    """
    try:
        with Image.open(path) as image:
            whole = image.convert("RGBA")
    except OSError as error:
        raise _unreadable(path, error) from None
    ground = Image.new("RGBA", whole.size, "white")
    picture = Image.alpha_composite(ground, whole).convert("RGB")
    content = _lossless(picture)
    return _data_url(content if len(content) <= MAX_LOSSLESS_BYTES else _lossy(picture))


def preview(content: bytes, name: str) -> str:
    """Return a picture of a reference as a data URL that is smaller than the file.

    Args:
        content: of the file.
        name: the file, for messages.

    Raises:
        UserError: if the content is not an image.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            return _data_url(_lossy(image.convert("RGB"), PREVIEW_QUALITY))
    except OSError as error:
        raise UserError(
            f"{name}: cannot be read as a picture ({error}). Get it back from git."
        ) from None


def small(path: Path) -> bytes | None:
    """Return a picture as a png of at most `MAX_BYTES`.

    A file of that size is returned as it is. A larger one gets fewer colours and, if
    that does not suffice, fewer pixels.

    Returns:
        the content of the png; None if it would be narrower than `MIN_WIDTH` pixels.

    Raises:
        UserError: if the file is missing or is not an image.
    """
    try:
        content = path.read_bytes()
        picture = Image.open(io.BytesIO(content)).convert("RGB")
    except OSError as error:
        raise _unreadable(path, error) from None
    width = picture.width
    while len(content) > MAX_BYTES:
        if width < MIN_WIDTH:
            return None
        size = width, round(picture.height * width / picture.width)
        buffer = io.BytesIO()
        scaled = picture.resize(size, Image.Resampling.LANCZOS)
        scaled.quantize(MAX_COLOURS).save(buffer, "png", optimize=True)
        content, width = buffer.getvalue(), round(width * 0.85)
    return content


def _data_url(content: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"


def _lossless(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(
        written,
        format="WEBP",
        lossless=True,
        method=WEBP_METHOD,
        quality=WEBP_QUALITY,
    )
    return written.getvalue()


def _lossy(image: Image.Image, quality: int = LOSSY_QUALITY) -> bytes:
    written = io.BytesIO()
    image.save(written, format="WEBP", quality=quality)
    return written.getvalue()


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: cannot be read ({error}). Delete it and run again.")
