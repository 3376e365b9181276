"""Levels of grey or colour: what stored numbers mean, and how they become 0 to 255."""

from dataclasses import dataclass

import numpy as np

from vlae.system.errors import UserError

WHITE = 255
"""Largest level of a prepared image; 0 is black."""
DIM_SHARE = 0.25
"""Largest number found, as a share of white, below which white must be stated."""


@dataclass(frozen=True)
class FoundRange:
    """Range of the numbers that have been read from a file.

    Args:
        dtype: type of the numbers, for example `uint8`.
        lowest: smallest number.
        highest: largest number; NaN if any number is.
        whole: whether all numbers are whole.
    """

    dtype: np.dtype
    lowest: float
    highest: float
    whole: bool

    @classmethod
    def of(cls, numbers: np.ndarray) -> "FoundRange":
        """Return the range of an array that is not empty."""
        whole = numbers.dtype.kind in "biu" or bool((numbers == np.rint(numbers)).all())
        native = numbers.dtype.newbyteorder("=")
        return cls(native, float(numbers.min()), float(numbers.max()), whole)

    def joined(self, other: "FoundRange") -> "FoundRange":
        """Return the range of the numbers of both."""
        return FoundRange(
            self.dtype,
            float(np.minimum(self.lowest, other.lowest)),
            float(np.maximum(self.highest, other.highest)),
            self.whole and other.whole,
        )

    def __str__(self) -> str:
        return f"{self.dtype} from {self.lowest:g} to {self.highest:g}"


@dataclass(frozen=True)
class Levels:
    """Conversion of stored numbers to levels.

    Args:
        black: number that becomes 0.
        white: number that becomes 255; it may be the smaller one.
        found: what was found in the file.
    """

    black: float
    white: float
    found: FoundRange

    @property
    def as_they_come(self) -> bool:
        """Whether the numbers are levels already."""
        return (self.black, self.white) == (0, WHITE) and self.found.whole

    def to_uint8(self, numbers: np.ndarray) -> np.ndarray:
        """Return levels of the shape of `numbers`, rounded to whole ones.

        Args:
            numbers: between `black` and `white`.
        """
        if self.as_they_come:
            return numbers.astype(np.uint8)
        share = (numbers.astype("float64") - self.black) / (self.white - self.black)
        return np.rint(share * WHITE).astype(np.uint8)

    def __str__(self) -> str:
        if self.as_they_come:
            return f"{self.found}, taken as levels from 0 to 255"
        return (
            f"{self.found}, scaled so that {self.black:g} becomes level 0 and "
            f"{self.white:g} becomes level 255"
        )


def recognised(
    found: FoundRange, stated: list[float] | None, where: str, key: str
) -> Levels:
    """Return the conversion of numbers whose range is known.

    Numbers are converted without a statement only where one meaning is possible.

    Args:
        found: range of all numbers.
        stated: numbers that are black and white, as the user states them; None if the
            range decides.
        where: file and array, for messages.
        key: the data set's key of `stated`, for messages.

    Raises:
        UserError: if the range has several meanings, or if numbers lie outside of what
            is stated.
    """
    if np.isnan(found.highest) or np.isinf([found.lowest, found.highest]).any():
        raise UserError(f"{where}: holds numbers that are not finite.")
    if stated is not None:
        black, white = stated
        low, high = sorted(stated)
        if black == white or not low <= found.lowest <= found.highest <= high:
            raise UserError(
                f"{where}: {found}, but {key} is [{black:g}, {white:g}]. State the "
                "numbers of black and of white, between which all others lie."
            )
        return Levels(black, white, found)
    certain = _certain_white(found)
    if certain is None:
        raise UserError(
            f"{where}: {found}, which can mean several things. State the numbers of "
            f"black and of white, for example {key}: {_suggestion(found)}."
        )
    return Levels(0, certain, found)


def _certain_white(found: FoundRange) -> float | None:
    """Return the number that must be white, or None if that is not certain."""
    low, high = found.lowest, found.highest
    if low < 0 or high == 0:
        return None
    if high <= 1:
        dim = not found.whole and high < DIM_SHARE
        return None if dim else 1
    if found.whole and WHITE * DIM_SHARE <= high <= WHITE and _holds_white(found.dtype):
        return WHITE
    sixteen_bits = np.iinfo(np.uint16).max
    if found.dtype == np.uint16 and high > sixteen_bits // 2:
        return sixteen_bits
    return None


def _holds_white(dtype: np.dtype) -> bool:
    """Whether 255 is a number of the type, as it is not for int8."""
    return dtype.kind == "f" or np.iinfo(dtype).max >= WHITE


def _suggestion(found: FoundRange) -> str:
    """Return an example of black and white that holds all numbers found."""
    low, high = found.lowest, found.highest
    if low < 0:
        bound = 1 if max(-low, high) <= 1 else int(np.ceil(max(-low, high)))
        return f"[-{bound}, {bound}]"
    if high <= 1:
        return "[0, 1]"
    if high <= WHITE:
        dark = found.dtype == np.uint8
        return f"[0, {high:g}]" + (
            f", or [0, {WHITE}] if they are dark" if dark else ""
        )
    return f"[0, {2 ** int(high).bit_length() - 1}]"
