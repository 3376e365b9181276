"""Formats of image files: which ones are read, and which ones need another library."""

import importlib.util
import io
from functools import cache
from pathlib import PurePosixPath

LACKING = {
    **dict.fromkeys(
        (".heic", ".heics", ".heif", ".heifs", ".hif"), "pillow-heif is not installed"
    ),
    **dict.fromkeys((".avif", ".avifs"), "this Pillow was built without AVIF"),
}
"""Why files with these endings cannot be read, where they cannot."""
GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
"""Modes of Pillow without colour."""
ORIENTATION_TAG, TURNED = 0x0112, {5, 6, 7, 8}
"""Exif's tag of orientation, and its values that exchange height and width."""
LONGEST_ENDING = 11
"""Largest number of characters of an ending, with its dot."""

# They call other programs, or name the format without reading its pixels.
_UNUSABLE = ("EPS", "WMF", "MPEG", "BUFR", "GRIB", "HDF5")


@cache
def formats() -> list[str]:
    """Return the formats that Pillow reads, and does so without another program."""
    from PIL import Image

    if importlib.util.find_spec("pillow_heif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()
    return [form for form in Image.OPEN if form not in _UNUSABLE]


@cache
def endings() -> frozenset[str]:
    """Return the endings of names, in lower case, of files in one of `formats`."""
    from PIL import Image

    known = {*formats(), "MPO"}  # two photos in one file, which the JPEG reader opens
    registered = Image.registered_extensions().items()
    return frozenset(ending for ending, form in registered if form in known)


def ending(name: str) -> str:
    """Return the ending of a name in lower case, or "" if it does not have one.

    What follows the last dot is not an ending if it has no letter, as in `photo 12.30`,
    or if it is long.
    """
    found = PurePosixPath(name).suffix.lower()
    usual = len(found) <= LONGEST_ENDING and found[1:].isalnum()
    return found if usual and not found[1:].isdecimal() else ""


def header(content: bytes) -> tuple[int, int, bool] | None:
    """Return height, width and whether there is colour, or None if it is not an image.

    Args:
        content: an image file; height and width are those of the image as it is shown.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=formats()) as image:
            width, height = image.size
            if image.getexif().get(ORIENTATION_TAG) in TURNED:
                width, height = height, width
            return height, width, image.mode not in GREY_MODES
    except Exception:  # readers of formats raise many kinds
        return None


def is_image(content: bytes) -> bool:
    """Return whether a file without an ending is an image, by its first bytes."""
    from PIL import Image

    # Formats without a mark at the start would take some other files for images.
    marked = [form for form in formats() if Image.OPEN[form][1] is not None]
    try:
        with Image.open(io.BytesIO(content), formats=marked):
            return True
    except Exception:  # readers of formats raise many kinds
        return False
