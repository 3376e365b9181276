"""A property within the class: closed forms of models whose layers are known."""

import numpy as np
import pytest

from vlae.statistics.sensitivity import total_effect
from vlae.statistics.within_class import class_means, within_class

COUNT = 40_000
SURE = np.eye(3)
MEANS = np.array([-1.0, 0.5, 2.0])


def drawn(seed):
    """Independent classes (n,) and standard normal offsets (n,)."""
    random = np.random.default_rng(seed)
    return random.integers(0, 3, COUNT), random.normal(size=COUNT)


def effects(function, probabilities):
    """Return T raw and within the class: the class redrawn, then the offset.

    Args:
        function: from class and offset to the property.
        probabilities: from the class to what the classifier sees, (n, classes).
    """
    (which, offset), (other, moved) = drawn(0), drawn(1)
    base = function(which, offset), probabilities(which)
    means = class_means(*base)
    sides = [
        (function(other, offset), probabilities(other)),
        (function(which, moved), probabilities(which)),
    ]
    raw = [total_effect(base[0], side[0]) for side in sides]
    inner = [
        total_effect(within_class(*base, means), within_class(*side, means))
        for side in sides
    ]
    return raw, inner


def test_a_class_mean_and_an_offset_of_another_layer():
    """Width = mean of the class + s * offset: raw T are the two shares of variance."""
    scale = 0.8
    between = MEANS.var() / (MEANS.var() + scale**2)
    raw, inner = effects(lambda c, u: MEANS[c] + scale * u, lambda c: SURE[c])
    assert raw == pytest.approx([between, 1 - between], abs=0.02)
    assert inner[0] == pytest.approx(0, abs=1e-3), "apart from the error of the means"
    assert inner[1] == pytest.approx(1, abs=0.04)


def test_a_model_that_is_the_papers_figure_exactly():
    """Class in one layer, width within the class in another, .61 between the classes.

    Digits differ in how much their width varies: width = m_c + s_c u. With Var m = .63
    and E s^2 = .37 of the variance and Var s = .03, redrawing u moves E s^2 = .37, and
    redrawing the class Var m + Var s = .66. Within the class it is 1 and .03 / .37.
    """
    spread = np.array([-1.0, 0.0, 1.0]) * np.sqrt(1.5)  # of variance 1
    means = np.sqrt(0.63) * spread[[1, 2, 0]]
    scales = np.sqrt(0.34) + np.sqrt(0.03) * spread
    raw, inner = effects(lambda c, u: means[c] + scales[c] * u, lambda c: SURE[c])
    assert raw == pytest.approx([0.66, 0.37], abs=0.02)
    assert inner == pytest.approx([0.03 / 0.37, 1], abs=0.04)
    assert inner[1] > 0.9 and inner[0] < 0.12


def test_classes_that_are_not_sure_are_taken_as_they_are_believed():
    """The mean of a class is weighted; what is left of a sure class is nothing."""
    values = np.array([1.0, 3.0, 5.0])
    believed = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    means = class_means(values, believed)
    assert means == pytest.approx([(1 + 1.5) / 1.5, (1.5 + 5) / 1.5])
    found = within_class(values, believed, means)
    assert found == pytest.approx(values - [5 / 3, 3, 13 / 3])


def test_a_change_of_all_and_of_the_unit_of_a_property():
    which, offset = drawn(0)
    values, sure = MEANS[which] + offset, SURE[which]
    means = class_means(values, sure)
    found = within_class(values, sure, means)
    assert class_means(found, sure) == pytest.approx([0, 0, 0])
    changed = -3 * values + 7
    again = within_class(changed, sure, class_means(changed, sure))
    np.testing.assert_allclose(again, -3 * found, atol=1e-9)
    # With sure classes the variance is that between and that within.
    between = means[which].var()
    assert values.var() == pytest.approx(between + found.var())


def test_a_property_may_be_a_vector_or_undefined():
    which, offset = (part[:50] for part in drawn(0))
    values = np.stack([MEANS[which] + offset, 2 * offset], 1)
    means = class_means(values, SURE[which])
    assert means.shape == (3, 2)
    found = within_class(values, SURE[which], means)
    for column in (0, 1):
        alone = values[:, column]
        expected = within_class(alone, SURE[which], class_means(alone, SURE[which]))
        np.testing.assert_allclose(found[:, column], expected)
    values[7, 1] = np.nan
    rest = np.arange(50) != 7
    np.testing.assert_allclose(
        class_means(values, SURE[which]), class_means(values[rest], SURE[which[rest]])
    )
    nothing = class_means(np.full(50, np.nan), SURE[which])
    assert nothing.shape == (3,) and np.isnan(nothing).all()


def test_a_class_that_no_image_has_gets_the_mean_of_all():
    values, sure = np.array([1.0, 3.0]), np.eye(3)[[0, 2]]
    assert class_means(values, sure).tolist() == [1, 2, 3]
