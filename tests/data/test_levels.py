"""What stored numbers mean: certain, stated or refused; and the levels they become."""

import numpy as np
import pytest

from vlae.data.levels import FoundRange, recognised
from vlae.system.errors import UserError


def read(numbers, stated=None):
    """Levels of all numbers, and what is said about them."""
    numbers = np.asarray(numbers)
    found = recognised(FoundRange.of(numbers), stated, "f.npz: 'X'", "mine.levels")
    return found.to_uint8(numbers).tolist(), str(found)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (np.array([0, 7, 255], np.uint8), [0, 7, 255]),
        (np.array([3, 64], np.uint8), [3, 64]),
        (np.array([0, 255], ">i4"), [0, 255]),
        (np.array([0.0, 128, 255]), [0, 128, 255]),
        (np.array([0, 1], np.uint8), [0, 255]),
        (np.array([1, 1], np.int8), [255, 255]),
        (np.array([False, True]), [0, 255]),
        (np.array([0.0, 1.0], np.float16), [0, 255]),
        (np.array([0.1, 0.25], ">f4"), [26, 64]),
        (np.array([0, 257, 32768, 65535], np.uint16), [0, 1, 128, 255]),
        (np.array([0, 65535], ">u2"), [0, 255]),
    ],
)
def test_numbers_with_one_meaning(numbers, expected):
    assert read(numbers)[0] == expected


@pytest.mark.parametrize(
    ("numbers", "suggested"),
    [
        (np.array([0, 0], np.uint8), "[0, 1]"),  # black, or one of several levels
        (np.array([0, 2], np.uint8), "[0, 2], or [0, 255] if they are dark"),
        (np.array([0, 16.0]), "[0, 16]"),
        (np.array([0, 63], np.uint8), "[0, 63], or [0, 255] if they are dark"),
        (np.array([0, 127], np.int8), "[0, 127]"),  # a type without 255
        (np.array([0, 256]), "[0, 511]"),
        (np.array([0, 4095], np.uint16), "[0, 4095]"),
        (np.array([0, 65535], np.int32), "[0, 65535]"),
        (np.array([0.1, 0.2]), "[0, 1]"),
        (np.array([0.5, 200.0]), "[0, 200]"),
        (np.array([-1.0, 0.5]), "[-1, 1]"),
        (np.array([-128, 127], np.int8), "[-128, 128]"),
    ],
)
def test_numbers_with_several_meanings_are_refused(numbers, suggested):
    with pytest.raises(UserError) as caught:
        read(numbers)
    said = str(caught.value)
    assert f"f.npz: 'X': {numbers.dtype.newbyteorder('=')} from {numbers[0]:g}" in said
    assert "can mean several things. State the numbers of black and of white" in said
    assert said.endswith(f"for example mine.levels: {suggested}.")


@pytest.mark.parametrize(
    ("numbers", "stated", "expected"),
    [
        (np.array([0, 8, 16]), [0, 16], [0, 128, 255]),
        (np.array([-1.0, 0, 1]), [-1, 1], [0, 128, 255]),
        (np.array([0, 1], np.uint8), [0, 255], [0, 1]),
        (np.array([0.4, 254.6]), [0, 255], [0, 255]),  # rounded, not cut off
        (np.array([0, 1, 4], np.uint8), [4, 0], [255, 191, 0]),  # ink on paper
        (np.array([0, 1023], np.uint16), [0, 4095], [0, 64]),
    ],
)
def test_stated_levels(numbers, stated, expected):
    assert read(numbers, stated)[0] == expected


@pytest.mark.parametrize("stated", [[0, 15], [1, 16], [16, 1], [7, 7]])
def test_stated_levels_that_do_not_hold_all_numbers(stated):
    with pytest.raises(UserError, match=r"int64 from 0 to 16, but mine\.levels is \["):
        read(np.array([0, 16]), stated)


def test_equal_levels_are_refused_even_if_all_numbers_are_theirs():
    with pytest.raises(UserError, match=r"but mine\.levels is \[0, 0\]"):
        read(np.zeros(2, np.uint8), [0, 0])


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("stated", [None, [0, 1]])
@pytest.mark.filterwarnings("error")
def test_numbers_that_are_not_finite(wrong, stated):
    with pytest.raises(UserError, match="'X': holds numbers that are not finite"):
        read(np.array([0, wrong, 1]), stated)


def test_what_is_said():
    assert read(np.array([0, 200], np.uint8))[1] == (
        "uint8 from 0 to 200, taken as levels from 0 to 255"
    )
    assert read(np.array([0, 0.5, 1], np.float32))[1] == (
        "float32 from 0 to 1, scaled so that 0 becomes level 0 and 1 becomes level 255"
    )


def test_ranges_are_joined():
    dark, bright = (FoundRange.of(np.array([x, 1.0])) for x in (0.5, 7))
    both = dark.joined(bright)
    assert (both.lowest, both.highest, both.whole) == (0.5, 7, False)
    assert np.isnan(dark.joined(FoundRange.of(np.array([np.nan]))).highest)
    assert FoundRange.of(np.array([2.0])).joined(bright).whole
