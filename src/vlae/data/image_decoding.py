"""Decoding images to uint8 arrays of one shape, in several threads.

torchvision decodes JPEG files. Pillow decodes all other formats, and JPEG files that
are incomplete or are rotated by their Exif data. Both use libjpeg-turbo and give the
same pixels, but Pillow takes a third more time and holds Python's lock while it reads
headers. Images are resized several at a time by torch's antialiased bilinear filter,
which is four times as fast as Pillow's and differs from it by at most one grey level.
Threads suffice, because decoder and filter release Python's lock.
"""

import importlib
import importlib.util
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from vlae.data import image_formats, image_numbers
from vlae.data.image_numbers import Meanings, OutsideLevels
from vlae.system.errors import UserError

CHUNK_IMAGES = 32
"""Number of images that a thread reads at a time."""
RESIZE_BYTES = 1 << 23
"""Size of the cropped images that are resized together, at most."""
MAX_NAMED_FILES = 10
"""Number of files that a message names, at most."""


class Source(Protocol):
    """A place of encoded images, for example `vlae.data.zip_archive.Archive`."""

    def read(self, name: str) -> bytes:
        """Return the encoded image `name`."""


class BrokenImages(Exception):
    """Raised for images that cannot be used; `found` holds their names and reasons."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        super().__init__(found)
        self.found = found


@dataclass(frozen=True)
class Framing:
    """Rule for making all images of one shape: crop the centre and resize it.

    If the margins cannot be equal, the lower and the right one are larger.

    Args:
        shape: channels (1 or 3), height and width of the result.
        crop: side of the centre square in px, or None for the largest centre part with
            the proportions of `shape`.
        meanings: what stored numbers mean; without it, those of 8 and of 16 bits range
            from black to white.

    Raises:
        UserError: if `shape` does not have 1 or 3 channels, or if there is a `crop` but
            `shape` is not square.
    """

    shape: tuple[int, int, int]
    crop: int | None
    meanings: Meanings = field(default_factory=dict)

    def __post_init__(self) -> None:
        channels, height, width = self.shape
        if channels not in (1, 3):
            raise UserError(
                f"shape: {list(self.shape)} has {channels} channels; expected 1 (grey) "
                "or 3 (colour)."
            )
        if self.crop is not None and height != width:
            raise UserError(
                f"crop: {self.crop} is the side of a square, but the 'shape' "
                f"{list(self.shape)} is not square. Set crop: null."
            )

    def __str__(self) -> str:
        """Return what is done to the images, for the card."""
        channels, height, width = self.shape
        part = (
            f"centre {self.crop}x{self.crop} px"
            if self.crop is not None
            else f"largest centre part of the proportions {width}:{height}"
        )
        colour = "grey" if channels == 1 else "RGB"
        return (
            f"{part}, resized to {width}x{height} px where it is not of that size "
            f"(bilinear, antialiased), {colour} levels 0-255"
        )

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return the part of an image (H, W, C) that is kept.

        Raises:
            ValueError: if the image is smaller than that part.
        """
        height, width = image.shape[:2]
        _, out_height, out_width = self.shape
        if self.crop is not None:
            tall = wide = self.crop
            if min(height, width) < self.crop:
                raise ValueError(f"{width}x{height} px, smaller than crop: {self.crop}")
        elif height * out_width >= width * out_height:
            tall, wide = max(width * out_height // out_width, 1), width
        else:
            tall, wide = height, max(height * out_width // out_height, 1)
        top, left = (height - tall) // 2, (width - wide) // 2
        return image[top : top + tall, left : left + wide]

    def resize(self, images: list[np.ndarray]) -> np.ndarray:
        """Return images (h, w, C) of one size as an array (n, C, H, W) of `shape`."""
        import torch

        stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
        if stacked.shape[2:] != self.shape[1:]:
            stacked = torch.nn.functional.interpolate(
                stacked, size=self.shape[1:], mode="bilinear", antialias=True
            )
        return stacked.contiguous().numpy()


def decode(
    data: bytes, channels: int, meanings: Meanings = MappingProxyType({})
) -> np.ndarray:
    """Return the pixels of an encoded image, upright, in grey or RGB.

    Transparent parts become white. If a file has several images, the first is used.

    Args:
        data: content of the image file.
        channels: 1 for grey or 3 for RGB.
        meanings: what stored numbers mean, see `Framing`.

    Returns:
        uint8 (H, W, channels).

    Raises:
        OutsideLevels: if numbers do not fit `meanings`.
        Exception: of any kind if the image is broken, because Pillow's readers raise
            many kinds.
    """
    import torch

    # torchvision would fill the rest of an incomplete file with grey.
    complete = data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")
    if complete and b"Exif\0\0" not in data:
        buffer = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        try:  # torchvision's mode is 1 for grey and 3 for RGB
            pixels = jpeg_decoder()(buffer, channels, False).numpy().transpose(1, 2, 0)
        except RuntimeError:
            pass  # Pillow reads more files, and says what is wrong with others
        else:
            return image_numbers.to_levels(pixels, "uint8", meanings)
    return _decode_any(data, channels, meanings)


def load() -> None:
    """Load all decoders, before threads start and time is measured."""
    jpeg_decoder()
    image_formats.formats()


@cache
def jpeg_decoder() -> Callable[..., Any]:
    """Return torchvision's JPEG decoder, without importing the rest of torchvision.

    The rest takes 150 MB and seconds. The decoder is a function of the file's bytes, of
    the mode, and of whether to rotate by Exif data; it returns uint8 (C, H, W).
    """
    import torch

    found = importlib.util.find_spec("torchvision")
    assert found is not None and found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0])
    libraries = [*folder.glob("image.so"), *folder.glob("image.pyd")]
    if libraries:
        torch.ops.load_library(libraries[0])
    else:
        importlib.import_module("torchvision.io")
    decoder: Callable[..., Any] = torch.ops.image.decode_jpeg
    return decoder


def _decode_any(data: bytes, channels: int, meanings: Meanings) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data), formats=image_formats.formats()) as opened:
        kind = image_numbers.kind(opened)
        image = ImageOps.exif_transpose(opened)
    image = image_numbers.eight_bits(image, kind, meanings)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def read(source: Source, names: list[str], framing: Framing) -> np.ndarray:
    """Return images, cropped and resized, as uint8 (n, C, H, W).

    Args:
        source: where the encoded images are.
        names: names of the images in `source`.
        framing: how to crop and resize.

    Raises:
        BrokenImages: if images cannot be read or are too small; it names all of them.
        UserError: if the source is damaged, or if numbers do not fit the meaning of the
            others.
    """
    done: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    broken = []
    for name in names:
        try:
            content = source.read(name)
            part = framing.cut(decode(content, framing.shape[0], framing.meanings))
        except OutsideLevels as error:
            where = getattr(source, "path", "archive")
            raise UserError(f"{where}: {name} {error}.") from error
        except UserError:  # the source is damaged, and other images are, too
            raise
        except Exception as error:  # readers of formats raise many kinds
            broken.append((name, _reason(error)))
            continue
        size = part.nbytes * (len(waiting) + 1)
        if waiting and (part.shape != waiting[0].shape or size > RESIZE_BYTES):
            done.append(framing.resize(waiting))
            waiting = []
        waiting.append(part.copy())  # a view would keep the whole image in memory
    if broken:
        raise BrokenImages(broken)
    done.append(framing.resize(waiting))
    return np.concatenate(done)


def _reason(error: Exception) -> str:
    text = re.sub(r"<_io\.BytesIO object at \w+>", "it", str(error))
    return text or type(error).__name__


def stream(
    source: Source, names: list[str], framing: Framing, start: int, threads: int
) -> Iterator[np.ndarray]:
    """Return an iterator over chunks, uint8 (n, C, H, W), of images in order.

    Only a few chunks per thread are in memory at once.

    Args:
        source: where the encoded images are.
        names: names of all images in `source`.
        framing: how to crop and resize.
        start: number of the first image.
        threads: number of threads that decode.

    Raises:
        UserError: while iterating, if images are broken; it names up to
            `MAX_NAMED_FILES` of them.
    """
    load()
    return _stream(source, names, framing, start, threads)


def _stream(
    source: Source, names: list[str], framing: Framing, start: int, threads: int
) -> Iterator[np.ndarray]:
    done = start
    try:
        for chunk in chunks(source, names, framing, start, threads):
            yield chunk
            done += len(chunk)
    except BrokenImages as error:
        # Later images are still read, so that a message names those that are broken.
        rest = broken(source, names[done:], framing, threads)
        every = chain.from_iterable(found for _, found in rest)
        some = list(islice(every, MAX_NAMED_FILES))
        more = "at least " if len(some) == MAX_NAMED_FILES else ""
        raise UserError(
            f"{getattr(source, 'path', 'archive')}: {more}{len(some)} images that "
            f"cannot be used:\n{listed(some)}\nRepair or remove them."
        ) from error


def chunks(
    source: Source, names: list[str], framing: Framing, start: int, threads: int
) -> Iterator[np.ndarray]:
    """Yield what `stream` does, up to the first chunk with an image that is broken.

    Raises:
        BrokenImages: while iterating; it names those of one chunk.
    """
    for future in _in_order(source, names[start:], framing, threads):
        yield future.result()


def broken(
    source: Source, names: list[str], framing: Framing, threads: int
) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Yield images that cannot be used, chunk by chunk, in order.

    Yields:
        number of images read so far, and names and reasons of those of one chunk.
    """
    done = 0
    for future in _in_order(source, names, framing, threads):
        done = min(done + CHUNK_IMAGES, len(names))
        try:
            future.result()
        except BrokenImages as error:
            yield done, error.found
        else:
            yield done, []


def listed(found: list[tuple[str, str]]) -> str:
    """Return lines that name up to `MAX_NAMED_FILES` broken images, with reasons."""
    lines = [f"  {name}: {why}" for name, why in found[:MAX_NAMED_FILES]]
    more = len(found) - len(lines)
    return "\n".join([*lines, *([f"  and {more} more"] if more else [])])


def _in_order(
    source: Source, names: list[str], framing: Framing, threads: int
) -> Iterator[Future[np.ndarray]]:
    """Yield the futures of chunks in order, while `threads` of them are read."""
    import torch

    # Otherwise torch would start more threads in each of these.
    pool = ThreadPoolExecutor(threads, "decode", torch.set_num_threads, (1,))
    waiting: deque[Future[np.ndarray]] = deque()
    try:
        for low in range(0, len(names), CHUNK_IMAGES):
            part = names[low : low + CHUNK_IMAGES]
            waiting.append(pool.submit(read, source, part, framing))
            if len(waiting) > 2 * threads:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        pool.shutdown(cancel_futures=True)
