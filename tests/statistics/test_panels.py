"""Effects on grids and variances of panels, against closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from vlae.statistics.panels import Grid, defined, normal_masses, panel_variances

SIDE = 20
GRID = Grid.square(SIDE, 2.0)
FIRST, SECOND = GRID.codes.T


def noise(seed, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=SIDE**2)


def variance(values):
    """Variance of a function of the code in the prior, as the grid has it."""
    mean = GRID.weights @ values
    return GRID.weights @ (values - mean) ** 2


def effect(make, seeds=6):
    """The mean effect over draws of the other layers, and its standard error."""
    found = [GRID.effects([make(seed)]).values[0] for seed in range(seeds)]
    return np.mean(found), np.std(found, ddof=1) / np.sqrt(seeds)


def test_masses_are_those_of_the_prior():
    axis = np.linspace(-2, 2, SIDE)
    masses = normal_masses(axis)
    assert masses.sum() == pytest.approx(1)
    assert masses == pytest.approx(masses[::-1])
    assert masses[0] == pytest.approx(norm.cdf((axis[0] + axis[1]) / 2))
    assert GRID.weights.sum() == pytest.approx(1)


def test_codes_run_along_rows_and_columns():
    assert GRID.codes.reshape(SIDE, SIDE, 2)[0, :, 0] == pytest.approx(
        np.linspace(-2, 2, SIDE)
    )
    assert {*FIRST[:SIDE]} == {*SECOND[::SIDE]}


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_linear_effect_has_its_closed_form(scale):
    signal = FIRST - 2 * SECOND
    truth = variance(signal) / (variance(signal) + scale**2)
    found, error = effect(lambda seed: signal + noise(seed, scale))
    assert found == pytest.approx(truth, abs=4 * error + 0.01)


@pytest.mark.parametrize("function", ["square", "wave", "product"])
def test_any_smooth_effect_is_found(function):
    signal = {
        "square": FIRST**2,
        "wave": np.sin(3 * FIRST),
        "product": FIRST * SECOND,
    }[function]
    signal = signal / np.sqrt(variance(signal))
    found, error = effect(lambda seed: signal + noise(seed))
    assert found == pytest.approx(0.5, abs=4 * error + 0.03)


def test_regions_of_classes_lose_a_fifth_at_their_borders():
    regions = (FIRST > 0).astype(int) + 2 * (SECOND > 0)
    classes = np.eye(4)[regions]
    truth = 0.64  # the class is that of the region in 80 %, else any of the four

    def make(seed):
        random = np.random.default_rng(seed)
        kept = random.random(SIDE**2) < 0.8
        return np.where(kept[:, None], classes, np.eye(4)[random.integers(0, 4, 400)])

    found, _ = effect(make)
    assert 0.75 * truth < found < 0.9 * truth


def test_no_effect_is_nearly_zero():
    found, error = effect(noise, seeds=8)
    assert abs(found) < 0.02 + 3 * error


def test_dimensions_are_summed():
    one, other = FIRST + noise(0, 0.3), noise(1, 2.0)
    both = GRID.effects([np.stack([one, other], 1)]).values[0]
    alone = GRID.effects([one]).values[0]
    share = variance(one) / (variance(one) + variance(other))
    assert both == pytest.approx(alone * share, abs=0.03)


def test_a_property_that_does_not_vary_has_no_effect_that_is_defined():
    (found,) = GRID.effects([np.ones(SIDE**2)]).intervals()
    assert np.isnan([found.value, found.low, found.high]).all()


def test_images_without_the_property_do_not_count():
    values = FIRST + noise(0, 0.5)
    missing = values.copy()
    missing[::7] = np.nan
    whole, part = GRID.effects([values, missing]).values
    assert part == pytest.approx(whole, abs=0.03)
    assert defined(missing) == SIDE**2 - len(values[::7])
    nothing = GRID.effects([np.full(SIDE**2, np.nan)]).values
    assert np.isnan(nothing).all()


def test_scale_and_origin_do_not_matter():
    values = FIRST + noise(0)
    found = GRID.effects([values, 1000 - 7 * values]).values
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_intervals_cover_and_the_leader_leads():
    truth = variance(FIRST) / (variance(FIRST) + 1)
    hits = 0
    for seed in range(12):
        panels = [FIRST + noise(seed), noise(100 + seed), noise(200 + seed)]
        found = GRID.effects(panels)
        interval = found.intervals()[0]
        hits += interval.low <= truth <= interval.high
        leads = found.leads(["f"] * 3)
        assert leads[0].low > 0 > leads[1].high
    assert hits >= 9


def test_variances_of_panels():
    random = np.random.default_rng(0)
    panels = [scale * random.normal(size=(400, 2)) for scale in (1, 3, 0)]
    found = panel_variances(panels)
    truth = [np.var(panel, axis=0, ddof=1).sum() for panel in panels]
    assert found.values == pytest.approx(np.array(truth) / truth[1])
    assert found.values[1] == 1
    assert found.intervals()[1].low == found.intervals()[1].high == 1
    assert panel_variances(panels, 1.0).values == pytest.approx(truth)
    assert panel_variances(panels, 4.0).values == pytest.approx(np.array(truth) / 4)


def test_classes_of_which_all_are_alike_have_all_of_their_variance():
    classes = np.eye(10)[np.arange(400) % 10]
    found = panel_variances([classes, classes[[0] * 400]], 1 - 1 / 10).values
    assert found == pytest.approx([400 / 399, 0])


def test_panels_that_do_not_vary_have_no_shares():
    found = panel_variances([np.ones(9), np.ones(9)])
    assert np.isnan(found.values).all()


def test_small_grids_do_not_find_effects_that_are_not_there():
    grid = Grid.square(4, 2.0)
    random = np.random.default_rng(0)
    found = grid.effects([random.normal(size=(16, 300))]).values[0]
    assert abs(found) < 0.02
