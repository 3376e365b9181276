"""Encoded images to uint8 arrays of one shape, in parallel.

JPEG goes through torchvision's decoder, anything else (and JPEG that is turned by its
Exif data, or not complete) through Pillow: both are libjpeg-turbo and give the same
pixels, but Pillow spends a third more time and holds Python's lock while it reads
headers. Resizing is torch's antialiased bilinear filter, several images at once: four
times as fast as Pillow's, at most one level away from it. Threads, not processes:
both release Python's lock.
"""

import importlib
import importlib.util
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vlae.system.errors import UserError

CHUNK = 32  # images a thread reads at a time
BATCH_BYTES = 1 << 23  # of cut images that are resized together
MOST_NAMED = 10


class Source(Protocol):
    """Where encoded images come from; `vlae.data.zip_archive.Archive` is one."""

    def read(self, name: str) -> bytes: ...


class BrokenImages(Exception):
    """Images that cannot be used: `found` holds names and reasons."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        super().__init__(found)
        self.found = found


@dataclass(frozen=True)
class Framing:
    """The centre of an image, resized.

    Where the margins cannot be equal, the lower and the right one are larger.

    Args:
        shape: channels (1 or 3), height and width of the result.
        crop: side of the centre square, px; None for the largest centre part that
            has the proportions of `shape`.

    Raises:
        UserError: if `shape` is no shape of images, or not square as `crop` is.
    """

    shape: tuple[int, int, int]
    crop: int | None

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
                f"{list(self.shape)} is none. Set crop: null."
            )

    def __str__(self) -> str:
        """What is done to the images, for the card."""
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
        """The part of an image (H, W, C) that is kept.

        Raises:
            ValueError: if it is smaller than that part.
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
        """Images (h, w, C) of one size to an array (n, C, H, W)."""
        import torch

        stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
        if stacked.shape[2:] != self.shape[1:]:
            stacked = torch.nn.functional.interpolate(
                stacked, size=self.shape[1:], mode="bilinear", antialias=True
            )
        return stacked.contiguous().numpy()


def decode(data: bytes, channels: int) -> np.ndarray:
    """The pixels (H, W, C) of an encoded image, upright, in grey or RGB.

    The first image of several; transparent parts on white.

    Raises:
        Exception: of any kind, if it is broken: Pillow's readers raise many.
    """
    import torch

    # torchvision fills the rest of an incomplete file with grey.
    complete = data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")
    if complete and b"Exif\0\0" not in data:
        buffer = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        try:  # its mode for grey is 1, and for RGB 3
            return jpeg_decoder()(buffer, channels, False).numpy().transpose(1, 2, 0)
        except RuntimeError:
            pass  # Pillow reads more, and says what is wrong
    return _decode_any(data, channels)


@cache
def jpeg_decoder() -> Callable[..., Any]:
    """torchvision's decoder, (bytes, channels, turn by Exif) to a tensor (C, H, W).

    Without the rest of torchvision, which takes 150 MB and seconds to import.
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


@cache
def _formats() -> list[str]:
    """Formats that Pillow reads by itself."""
    from PIL import Image

    Image.init()
    # These call programs of the system, Ghostscript for one, or read no pixels.
    return [form for form in Image.OPEN if form not in ("EPS", "WMF", "MPEG")]


def endings() -> list[str]:
    """Endings, in lower case, of the names of images that `decode` reads."""
    from PIL import Image

    formats = _formats()
    known = Image.registered_extensions().items()
    return [ending for ending, form in known if form in formats]


def _decode_any(data: bytes, channels: int) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data), formats=_formats()) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I;16"):  # Pillow clips these
        levels = np.asarray(image).astype(np.uint32)
        image = Image.fromarray((levels * 255 // 65535).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("32 bits a pixel; expected 8 or 16")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def read(source: Source, names: list[str], framing: Framing) -> np.ndarray:
    """The images `names`, framed, as an array (n, C, H, W).

    Raises:
        BrokenImages: naming those that cannot be read or are too small.
    """
    done: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    broken = []
    for name in names:
        try:
            part = framing.cut(decode(source.read(name), framing.shape[0]))
        except Exception as error:  # whatever a reader of some format raises
            broken.append((name, _reason(error)))
            continue
        size = part.nbytes * (len(waiting) + 1)
        if waiting and (part.shape != waiting[0].shape or size > BATCH_BYTES):
            done.append(framing.resize(waiting))
            waiting = []
        waiting.append(part.copy())  # not a view: the rest of the image can go
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
    """Chunks (n, C, H, W) of the images `names`, in order, from `start` on.

    At most a few chunks a thread are in memory at once.

    Raises:
        UserError: while iterating, naming up to ten images that are broken.
    """
    jpeg_decoder()  # not first in several threads at once, nor while time is taken
    return _stream(source, names, framing, start, threads)


def _stream(
    source: Source, names: list[str], framing: Framing, start: int, threads: int
) -> Iterator[np.ndarray]:
    broken: list[tuple[str, str]] = []
    jobs = (
        (lambda part=names[low : low + CHUNK]: read(source, part, framing))
        for low in range(start, len(names), CHUNK)
    )
    for future in _in_order(jobs, threads):
        try:
            chunk = future.result()
        except BrokenImages as error:
            broken += error.found
        else:
            # The others are still read, for their broken images to be named too.
            if not broken:
                yield chunk
        if len(broken) >= MOST_NAMED:
            break
    if broken:
        lines = "\n".join(f"  {name}: {why}" for name, why in broken[:MOST_NAMED])
        more = "at least " if len(broken) >= MOST_NAMED else ""
        raise UserError(
            f"{getattr(source, 'path', 'archive')}: {more}"
            f"{min(len(broken), MOST_NAMED)} broken or unfit images:\n{lines}\n"
            "Mend them or leave them out."
        )


def _in_order(jobs: Iterator[Callable[[], Any]], threads: int) -> Iterator[Future[Any]]:
    """Futures of `jobs`, which run `threads` at a time, in the order of the jobs."""
    import torch

    # Without this each thread would start as many again.
    pool = ThreadPoolExecutor(threads, "decode", torch.set_num_threads, (1,))
    waiting: deque[Future[Any]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) > 2 * threads:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        pool.shutdown(cancel_futures=True)
