"""Stored arrays of images: which axis is which, what numbers mean, and their size."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np

from vlae.data.image_decoding import Framing
from vlae.data.levels import FoundRange, Levels, recognised
from vlae.system.errors import UserError

_CHANNELS_FIRST, _CHANNELS_LAST = (0, 1, 2, 3), (0, 3, 1, 2)
_GREY_SHARES, _GREY_BITS = (19595, 38470, 7471), 16
"""Shares of red, green and blue in Pillow's grey, in units of 2**-16."""
HELD_BYTES = 1 << 26
"""Size of the images that are in memory at once, at most, if their order is random."""


class RawArray(Protocol):
    """An array (N, ...) in a file; as text it is the place, for messages."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""

    @property
    def dtype(self) -> np.dtype:
        """Type of its numbers."""

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield all rows from front to back, in parts (n, ...)."""


@dataclass(frozen=True)
class Layout:
    """Order of the axes of a stored image.

    Args:
        stored: sizes of its axes as they are stored, three of them.
        axes: transposition that turns (n, *stored) into (n, C, H, W).
    """

    stored: tuple[int, ...]
    axes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width of the image."""
        return tuple(self.stored[axis - 1] for axis in self.axes[1:])

    def ordered(self, part: np.ndarray) -> np.ndarray:
        """Return stored images as (n, C, H, W)."""
        return part.reshape(len(part), *self.stored).transpose(self.axes)


@dataclass(frozen=True)
class Images:
    """A stored array of which every image becomes uint8 (C, H, W) of one shape.

    Args:
        raw: the array.
        layout: order of its axes.
        levels: meaning of its numbers.
        framing: how images are cropped and resized; None if they have the shape.
    """

    raw: RawArray
    layout: Layout
    levels: Levels
    framing: Framing | None

    def chosen(
        self, rows: np.ndarray, start: int, threads: int
    ) -> Iterator[np.ndarray]:
        """Yield the images `rows` from position `start` of them on.

        The file is read from front to back. Rows in another order are put together in
        memory, `HELD_BYTES` at a time, and each time the file is read again.

        Raises:
            UserError: while iterating, if the file is damaged.
        """
        del threads  # Reading takes most of the time.
        wanted = rows[start:]
        if (np.diff(wanted) > 0).all():
            for _, images in self._in_order(wanted):
                yield images
            return
        held = max(1, HELD_BYTES // math.prod(self._shape))
        for first in range(0, len(wanted), held):
            some = wanted[first : first + held]
            order = np.argsort(some)
            found = np.empty((len(some), *self._shape), np.uint8)
            for places, images in self._in_order(some[order]):
                found[order[places]] = images
            yield found

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.layout.shape if self.framing is None else self.framing.shape

    def _in_order(self, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the images `rows`, which ascend, in parts with their positions."""
        first = 0
        for part in self.raw.chunks():
            low, high = np.searchsorted(rows, [first, first + len(part)])
            if low < high:
                images = self._finished(part[rows[low:high] - first])
                yield slice(int(low), int(high)), images
            first += len(part)
            if high == len(rows):
                return

    def _finished(self, part: np.ndarray) -> np.ndarray:
        images = self.levels.to_uint8(self.layout.ordered(part))
        return images if self.framing is None else framed(images, self.framing)


def opened(raws: Sequence[RawArray], definition: dict[str, Any]) -> list[Images]:
    """Return the images in arrays, after a look at all of their numbers.

    Arrays of one type share their range, so that a dark split stays dark.

    Args:
        raws: the arrays of a data set.
        definition: `shape` of all images, and the optional keys `levels`, `transposed`
            and `resize`.

    Raises:
        UserError: if an array does not hold such images, if the meaning of its numbers
            is not certain, or if it is damaged.
    """
    framing = Framing(tuple(definition["shape"]), None)
    layouts = [_layout(raw, definition) for raw in raws]
    found = [reduce(FoundRange.joined, map(FoundRange.of, r.chunks())) for r in raws]
    key = f"datasets.{definition.get('name', '')}.levels"
    levels = {}
    for dtype in {one.dtype for one in found}:
        same = [i for i, one in enumerate(found) if one.dtype == dtype]
        levels[dtype] = recognised(
            reduce(FoundRange.joined, [found[i] for i in same]),
            definition.get("levels"),
            " with ".join(str(raws[i]) for i in same),
            key,
        )
    return [
        Images(
            raw,
            layout,
            levels[one.dtype],
            None if layout.shape == framing.shape else framing,
        )
        for raw, layout, one in zip(raws, layouts, found, strict=True)
    ]


def framed(images: np.ndarray, framing: Framing) -> np.ndarray:
    """Return images of any size as uint8 (n, C, H, W) of the shape of `framing`.

    Args:
        images: uint8 (n, c, h, w) in grey or RGB.
        framing: channels, and how to crop and resize.
    """
    channels = framing.shape[0]
    if channels < images.shape[1]:
        shares = np.asarray(_GREY_SHARES, np.uint32)[:, None, None]
        half = 1 << (_GREY_BITS - 1)
        total = (images * shares).sum(1, np.uint32, keepdims=True) + half
        images = (total >> _GREY_BITS).astype(np.uint8)
    elif channels > images.shape[1]:
        images = np.repeat(images, channels, axis=1)
    return framing.resize([framing.cut(i) for i in images.transpose(0, 2, 3, 1)])


def _layout(raw: RawArray, definition: dict[str, Any]) -> Layout:
    """Return the order of axes that fits `shape`, or any if images are resized."""
    shape = tuple(definition["shape"])
    if raw.dtype.kind not in "biuf":
        raise UserError(f"{raw}: is {raw.dtype}; expected images of numbers.")
    if not raw.shape or not raw.shape[0]:
        raise UserError(f"{raw} holds no images.")
    transposed = definition.get("transposed", False)
    layouts = _layouts(raw.shape[1:], shape, transposed)
    for layout in layouts:
        if layout.shape == shape:
            return layout
    pictures = [x for x in layouts if x.shape[0] in (1, 3) and min(x.shape) > 0]
    if pictures and definition.get("resize", False):
        return pictures[0]
    swapped = _layouts(raw.shape[1:], shape, not transposed)
    raise UserError(
        f"{raw} has shape {raw.shape}, but the data set's 'shape' in the configuration "
        f"is {list(shape)} (channels, height, width). "
        + _advice(raw, pictures, any(x.shape == shape for x in swapped))
    )


def _layouts(
    stored: tuple[int, ...], shape: tuple[int, ...], transposed: bool
) -> list[Layout]:
    """Return what the axes of a stored image may be, the likeliest first."""
    channels, height, width = shape
    found: list[tuple[tuple[int, ...], tuple[int, int, int, int]]] = []
    sides = (width, height) if transposed else (height, width)
    match stored:
        case (size,) if channels == 1 and size == height * width:
            found = [((1, *sides), _CHANNELS_FIRST)]
        case (_, _):
            found = [((1, *stored), _CHANNELS_FIRST)]
        case (_, _, _):
            found = [(stored, _CHANNELS_FIRST), (stored, _CHANNELS_LAST)]
    if transposed:
        found = [(sizes, (n, c, w, h)) for sizes, (n, c, h, w) in found]
    return [Layout(sizes, axes) for sizes, axes in found]


def _advice(raw: RawArray, pictures: list[Layout], swapped: bool) -> str:
    """Return what can be done about images that do not have the shape."""
    if swapped:
        return "Set transposed: true if rows and columns are swapped in the file."
    if pictures:
        channels, height, width = pictures[0].shape
        kind = "grey" if channels == 1 else "in colour"
        return (
            f"Its images are {kind}, {width}x{height} px. Set shape: "
            f"{list(pictures[0].shape)}, with a network for it; or set resize: true, "
            "and they are cropped to the proportions of 'shape', resized, and turned "
            "into grey or colour as needed."
        )
    if len(raw.shape) == 4:
        return (
            "Images have 1 channel (grey) or 3 (red, green, blue), as the first or the "
            "last axis. Write the file again with the channels to be learned, for "
            "example images[..., :3] without transparency."
        )
    if len(raw.shape) == 1:
        return "It has one number per image, as labels do. Name the array of images."
    return "Expected an array (N, H, W) or (N, H, W, C)."
