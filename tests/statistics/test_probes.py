"""Probes of codes whose knowledge is known."""

import math

import numpy as np
import pytest

from vlae.statistics.probes import probe
from vlae.system.errors import UserError

COUNT = 5000


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


CODES = normal(COUNT, 4)
NOISE = normal(COUNT, seed=1)


@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_a_linear_property_with_noise_has_its_share_of_variance(kind):
    # y = 2 z1 + e: 4 of 5 parts of its variance can be known.
    found = probe(CODES, 2 * CODES[:, 0] + NOISE, kind, level=0.999)
    assert found.value == pytest.approx(0.8, abs=0.03)
    assert found.low < found.value < found.high
    if kind == "linear":
        assert found.low < 0.8 < found.high


def test_trees_see_what_a_linear_probe_cannot():
    parabola = CODES[:, 0] ** 2
    assert probe(CODES, parabola, "linear").value == pytest.approx(0, abs=0.02)
    assert probe(CODES, parabola, "trees").value > 0.95


@pytest.mark.parametrize("kind", ["linear", "trees"])
@pytest.mark.parametrize("is_class", [True, False])
def test_independent_codes_know_nothing(kind, is_class):
    """Held out: on its own rows the probe of trees would know a third of it."""
    values = (NOISE > 0).astype(int) if is_class else NOISE
    assert probe(CODES, values, kind).value == pytest.approx(0, abs=0.12)
    assert probe(CODES, values, kind).value < 0.05


@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_a_class_that_the_code_names_is_known(kind):
    classes = np.random.default_rng(2).integers(0, 5, COUNT)
    means = 10 * np.eye(5)[classes]
    found = probe(means + normal(COUNT, 5, seed=3), classes, kind)
    assert found.value > 0.99


def test_chance_is_zero_however_unequal_the_classes():
    rare = (NOISE > 1.6).astype(int)  # 5 %: naming the other is 95 % accurate
    assert abs(probe(CODES, rare, "linear").value) < 0.02


def test_half_known_classes_score_half():
    # Four classes; the code tells the pair, not which of the two: accuracy 1/2,
    # (1/2 - 1/4) / (3/4).
    classes = np.random.default_rng(2).integers(0, 4, COUNT)
    codes = np.stack([classes // 2, NOISE], 1).astype(float)
    assert probe(codes, classes, "linear").value == pytest.approx(1 / 3, abs=0.04)


def test_components_of_a_vector_count_by_their_variance():
    vector = np.stack([3 * CODES[:, 0], NOISE], 1)
    for kind in ("linear", "trees"):
        assert probe(CODES, vector, kind).value == pytest.approx(0.9, abs=0.02)


def test_scale_of_a_code_does_not_matter():
    values = 2 * CODES[:, 0] + NOISE
    scaled = CODES * [1e-3, 1e3, 1, 1]
    assert probe(scaled, values, "linear").value == pytest.approx(0.8, abs=0.03)


def test_undefined_rows_do_not_count():
    values = 2 * CODES[:, 0]
    values[::3] = np.nan
    assert probe(CODES, values, "linear").value > 0.999


def test_a_property_that_does_not_vary_was_not_measured():
    assert math.isnan(probe(CODES, np.ones(COUNT)).value)
    assert math.isnan(probe(CODES, np.ones(COUNT, int)).value)


def test_a_rare_class_raises_no_warning(recwarn):
    classes = (NOISE > 0).astype(int)
    classes[:3] = 7
    probe(CODES, classes, "trees", resamples=20)
    assert not recwarn.list


def test_input_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match="99 is too few"):
        probe(CODES[:99], NOISE[:99])
    with pytest.raises(ValueError, match="codes are"):
        probe(CODES, NOISE[:-1])
    with pytest.raises(ValueError, match="one axis"):
        probe(CODES, np.ones((COUNT, 2), int))
