"""The numbers that an image file stores, and what they mean.

The header of a file with one bit, a palette or printing colours says what its numbers
mean. Files with 8 or 16 bits usually range from black, 0, to white, 255 or 65535; but
masks of 0 and 1, and measurements of 12 bits, come in such files, too. Files of floats
or of 32 bits can mean anything. So the images of a data set are looked at together,
until their range leaves one meaning.
"""

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from vlae.data import image_formats
from vlae.data.levels import WHITE, FoundRange, Levels, recognised
from vlae.system.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

Meanings = Mapping[str, Levels]
"""What numbers mean, by their type: `uint8`, `uint16`, `int32` or `float32`."""

_WHITES = {"uint8": WHITE, "uint12": (1 << 12) - 1, "uint16": (1 << 16) - 1}
"""White, by type, for files of a type that none of the inspected files has."""
_BITS_PER_SAMPLE_TAG = 258


class OutsideLevels(UserError):
    """Raised for an image with numbers that the meaning of the others excludes."""


def kind(image: "Image.Image") -> str | None:
    """Return the type of the numbers of a file that Pillow has opened, or None.

    None means that the file has no numbers but one bit, a palette or printing colours,
    which Pillow turns into levels.
    """
    if image.mode.startswith("I;16"):
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE_TAG)
        return "uint12" if bits == (12,) else "uint16"
    if image.mode == "I":  # Pillow spreads the levels of PGM files over 16 bits.
        return "uint16" if image.format == "PPM" else "int32"
    if image.mode == "F":
        return "float32"
    return "uint8" if image.mode in ("L", "LA", "La", "RGB", "RGBA", "RGBa") else None


def numbers(image: "Image.Image", kind: str) -> np.ndarray:
    """Return the numbers (H, W) or (H, W, C) of an image, without transparency.

    Args:
        image: the image, which may have been turned since it was opened.
        kind: type of its numbers.
    """
    stored = np.asarray(image)
    if image.mode.endswith(("A", "a")):
        stored = stored[..., 0] if stored.shape[-1] == 2 else stored[..., :-1]
    return stored.astype("uint16" if kind == "uint12" else kind, copy=False)


def to_levels(stored: np.ndarray, kind: str, meanings: Meanings) -> np.ndarray:
    """Return numbers as levels, uint8, of the same shape.

    Args:
        stored: numbers of one file.
        kind: type of its numbers.
        meanings: what numbers mean; those of 8 and of 16 bits that it leaves out range
            from black at 0 to white at 255 or 65535.

    Raises:
        OutsideLevels: if a number is not between black and white.
    """
    if kind not in meanings and kind not in _WHITES:
        raise OutsideLevels(
            f"has numbers of type {kind}, unlike the files before it; expected files "
            "of one kind"
        )
    meant = meanings.get(kind) or Levels(0, _WHITES[kind], FoundRange.of(stored))
    if meant.as_they_come and kind == "uint8":
        return stored
    low, high = float(stored.min()), float(stored.max())
    black, white = sorted([meant.black, meant.white])
    if not black <= low <= high <= white:
        raise OutsideLevels(
            f"has numbers from {low:g} to {high:g}, but {meant.black:g} is black and "
            f"{meant.white:g} is white, by the key 'levels' or by the range of the "
            "others"
        )
    return meant.to_uint8(stored)


def eight_bits(
    image: "Image.Image", kind: str | None, meanings: Meanings
) -> "Image.Image":
    """Return an image whose numbers are levels; transparency is kept.

    Args:
        image: the image, which may have been turned since it was opened.
        kind: type of its numbers; None returns the image as it is.
        meanings: what numbers mean.

    Raises:
        OutsideLevels: see `to_levels`.
    """
    from PIL import Image

    meant = meanings.get(kind or "")
    if kind is None or (kind == "uint8" and (meant is None or meant.as_they_come)):
        return image
    if image.mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert("RGBA")
    scaled = Image.fromarray(to_levels(numbers(image, kind), kind, meanings))
    if image.mode.endswith(("A", "a")):
        scaled.putalpha(image.getchannel(image.getbands()[-1]))
    return scaled


def meanings(
    files: Iterable[tuple[str, bytes]],
    stated: list[float] | None,
    where: str,
    key: str,
) -> tuple[dict[str, Levels], str]:
    """Return what the numbers of a data set mean, and a sentence about it.

    Files are read until the answer is settled, which for photos the first one does.
    Files that cannot be read are passed over.

    Args:
        files: names and contents of all images.
        stated: numbers that are black and white, as the user states them; None if the
            range decides.
        where: the archive, for messages.
        key: the data set's key of `stated`, for messages.

    Raises:
        UserError: if the range has several meanings, or if `stated` does not fit it.
    """
    ranges: dict[str, FoundRange] = {}
    examples: dict[str, str] = {}
    settled, seen = False, 0
    for name, content in files:
        seen += 1
        found = _range(content, header_only=stated is not None and bool(ranges))
        if found is not None:
            before = ranges.get(found.dtype.name)
            ranges[found.dtype.name] = before.joined(found) if before else found
            examples.setdefault(found.dtype.name, name)
        settled = bool(ranges) and all(map(_settled, ranges.values()))
        if settled and stated is None:
            break
    if stated is not None and len(ranges) > 1:
        shown = ", ".join(f"{kind} ({name})" for kind, name in examples.items())
        raise UserError(
            f"{where}: {key} is stated, but the files have numbers of several kinds: "
            f"{shown}. Use files of one kind."
        )
    found_levels = {
        kind: recognised(found, stated, where, key) for kind, found in ranges.items()
    }
    sentence = "; ".join(map(str, found_levels.values()))
    if stated is not None and sentence:
        return found_levels, f"{sentence} (the first image, by the key 'levels')"
    if settled and sentence:
        first = "the first image" if seen == 1 else f"the first {seen} images"
        sentence += f" (found in {first})"
    return found_levels, sentence or "as the headers of the files say"


def _settled(found: FoundRange) -> bool:
    """Return whether more numbers of this type cannot change their meaning."""
    if found.dtype == np.uint8:
        return found.highest >= WHITE // 4 + 1
    return found.dtype == np.uint16 and found.highest > np.iinfo(np.uint16).max // 2


def _range(content: bytes, header_only: bool) -> FoundRange | None:
    """Return the range of a file's numbers; None if its header says their meaning."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=image_formats.formats()) as image:
            found = kind(image)
            if found in (None, "uint12"):
                return None
            if header_only:
                return FoundRange(np.dtype(found), np.inf, -np.inf, True)
            return FoundRange.of(numbers(image, found))
    except Exception:  # readers of formats raise many kinds; decoding reports them
        return None
