"""Labels as they come become the numbers of classes, or are named."""

import numpy as np
import pytest

from vlae.data.datasets._classes import numbered
from vlae.system.errors import UserError


def classes(labels, count):
    found = numbered(np.asarray(labels), count, "t.csv", "mine.classes")
    assert found.numbers.dtype == np.int64
    return found.numbers.tolist(), found.facts


@pytest.mark.parametrize(
    ("labels", "count", "expected"),
    [
        ([0, 2, 1], 3, [0, 2, 1]),
        ([0, 2], 3, [0, 2]),  # a class without images
        ([1, 2], 3, [1, 2]),
        (np.array([1, 0], np.uint8), 2, [1, 0]),
        (np.array([1.0, 0.0], np.float32), 2, [1, 0]),
        ([True, False], 2, [1, 0]),
        (np.array([3, 0], ">i4"), 4, [3, 0]),
    ],
)
def test_numbers_in_range_are_classes(labels, count, expected):
    assert classes(labels, count) == (expected, {})


@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        ([1, 2, 3, 1], [0, 1, 2, 0], ["1", "2", "3"]),
        ([10, 900, 2], [1, 2, 0], ["2", "10", "900"]),
        ([-1, 1, 0, -1], [0, 2, 1, 0], ["-1", "0", "1"]),
        ([5.0, 7.0, 6.0], [0, 2, 1], ["5", "6", "7"]),
        (["cat", "ant", "bee"], [2, 0, 1], ["ant", "bee", "cat"]),
        (["NA", "None", "nan"], [0, 1, 2], ["NA", "None", "nan"]),
        (["p10", "p9", "p1"], [2, 1, 0], ["p1", "p9", "p10"]),
        (["007", "7", "08"], [0, 1, 2], ["007", "7", "08"]),
        ([" ant", "bee", "ant ", "cat"], [0, 1, 0, 2], ["ant", "bee", "cat"]),
        (
            ["caf\u00e9", "cafe\u0301", "tea", "x"],
            [0, 0, 1, 2],
            ["caf\u00e9", "tea", "x"],
        ),
        (
            [b"ant", "k\u00e4fer".encode(), b"bee"],
            [0, 2, 1],
            ["ant", "bee", "k\u00e4fer"],
        ),
        (np.array([2**63, 1, 2], np.uint64), [2, 0, 1], ["1", "2", str(2**63)]),
    ],
)
def test_other_labels_are_numbered_in_their_order(labels, expected, names):
    assert classes(labels, 3) == (expected, {"class_names": names})


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 5, 5], "t.csv has 2 different labels: 0 (1x), 5 (2x). Set classes: 2"),
        ([-1, 0, 1, 2], "4 different labels: -1 (1x), 0 (1x), 1 (1x), 2 (1x)"),
        (["b", "a", "b"], "2 different labels: a (1x), b (2x)"),
        ([*range(20)], "20 different labels: 0 (1x), "),
        ([0.5, 1], "t.csv: labels have fractions or are missing"),
        ([np.nan, 1], "labels have fractions or are missing"),
        ([np.inf, 1], "labels have fractions or are missing"),
        ([1e300, 1], "labels have fractions or are missing"),
        (["a", " ", ""], "t.csv: 2 images have no label"),
        ([b"\xff", b"a"], "t.csv: labels are not text in UTF-8"),
    ],
)
def test_labels_that_cannot_be(labels, said):
    with pytest.raises(UserError) as caught:
        classes(labels, 3)
    assert said in str(caught.value)


def test_many_labels_are_cut_short():
    with pytest.raises(UserError, match=r" 11 \(1x\) and 8 more\. Set classes: 20"):
        classes([*range(20)], 3)
