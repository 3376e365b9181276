"""Residuals under the prior: what the experiment says of them, and the history."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from experiments_helpers import OTHERS, run, trained
from helpers import GENERATIVE, SHAPE, noise, spec, untrained

from vlae.data.noise import observe
from vlae.experiments._residuals import (
    COLUMNS,
    MEASURES,
    compared,
    draw_correlation,
    explained,
)
from vlae.statistics.moments import moments, overall, powers
from vlae.statistics.normality import gaussian_divergence, normality
from vlae.system.random_streams import generator
from vlae.training.trainer import train

IMAGES = OTHERS["inference"]["images"]


class Noise:
    """Images of noise."""

    def __init__(self, count=IMAGES):
        stream = np.random.default_rng(0)
        self.pixels = stream.integers(0, 256, (count, *SHAPE), dtype=np.uint8)

    def images(self, split):
        assert split == "test"
        return self.pixels


def values(result):
    return result.tables["residuals"].set_index(["layer", "dimension", "measure"])[
        "value"
    ]


# Residuals of a model


@pytest.mark.parametrize("model", GENERATIVE)
@torch.no_grad()
def test_residuals_of_what_the_model_generates_are_its_noise(model):
    found = trained(model).model.double()
    drawn = noise(found, 50, dtype=torch.float64)
    residuals = found.residuals(found.generate(drawn))
    for residual, e in zip(residuals, drawn, strict=True):
        torch.testing.assert_close(residual, e)


# Moments


def test_moments_are_those_of_scipy():
    x = np.random.default_rng(0).gamma(2.0, 1.5, (300, 3)) - 1
    parts = [powers(torch.tensor(part)) for part in np.split(x, [100, 120])]
    means = torch.stack([part.sum(0) for part in parts]).sum(0) / len(x)
    found = [part.numpy() for part in moments(means)]
    assert found[0] == pytest.approx(x.mean(0))
    assert found[1] == pytest.approx(x.var(0))
    assert found[2] == pytest.approx(scipy.stats.skew(x))
    assert found[3] == pytest.approx(scipy.stats.kurtosis(x))


def test_overall_moments_of_a_layer():
    """Dimensions N(2, 1) and N(-2, 4), in closed form: signs do not cancel."""
    mean, variance = torch.tensor([2.0, -2.0]), torch.tensor([1.0, 4.0])
    second = mean**2 + variance
    third = mean**3 + 3 * mean * variance
    fourth = mean**4 + 6 * mean**2 * variance + 3 * variance**2
    found = overall(torch.stack([mean, second, third, fourth]).double(), 10**12)
    assert found == {
        "mean": pytest.approx(2),
        "variance": pytest.approx(2.5),
        "skewness": pytest.approx(0, abs=1e-12),
        "kurtosis": pytest.approx(0, abs=1e-12),
        "kl": pytest.approx((2 + (4 + 4 - 1 - math.log(4)) / 2) / 2),
    }


def test_what_does_not_vary_has_finite_moments():
    found = overall(powers(torch.full((10, 2), 3.0)).mean(0), 10)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_what_few_draws_have_by_chance_does_not_count(shift):
    """Of 100 draws, means have a root mean square of .1 and skewnesses of .24."""
    x = shift + torch.randn(100, 2000, generator=torch.Generator().manual_seed(0))
    found = overall(powers(x).mean(0), 100)
    assert found["mean"] == pytest.approx(shift, abs=0.03)
    assert found["skewness"] == pytest.approx(0, abs=0.06)


def test_far_residuals_do_not_overflow():
    assert powers(torch.full((1, 1), 1e12))[0, 3, 0] == pytest.approx(1e48)


# The experiment


@pytest.mark.parametrize("model", GENERATIVE)
def test_table_and_arrays(model):
    weights = trained(model)
    result = run("inference", weights, Noise())
    table, sizes = result.tables["residuals"], weights.model.latent_sizes
    assert [*table.columns] == COLUMNS
    rows = [*zip(table["layer"], table["dimension"], table["measure"], strict=True)]
    expected = set()
    for layer, size in enumerate(sizes, start=1):
        expected |= {(layer, d, m) for d in range(size + 1) for m in MEASURES}
        expected |= {(layer, 0, m) for m in ("divergence", "active", "draws")}
    assert len(rows) == len(expected)
    assert set(rows) == expected
    known = table.dropna(subset="low")
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()
    assert len(known) > len(table) / 2
    top = table[(table["layer"] == 2) & (table["measure"] == "explained")]
    assert top["value"].isna().all(), "nothing is above"
    for layer in (1, 2):
        density = result.arrays[f"density_{layer}"]
        width = np.diff(result.arrays["edges"])
        assert 0 <= (density * width).sum() <= 1 + 1e-9, "the rest is farther out"


def test_results_follow_from_the_seed():
    first, again = (run("inference", trained(), Noise()) for _ in range(2))
    other = run("inference", trained(seed=2), Noise())
    for name, table in first.tables.items():
        assert table.equals(again.tables[name])
        assert not table.equals(other.tables[name])


@torch.no_grad()
def test_of_independent_layers_they_are_the_codes():
    weights, data = trained(), Noise()
    stream = weights.stream("inference")
    x, _ = observe(torch.tensor(data.pixels), weights.spec.data_noise, stream)
    latents, _ = weights.model.infer(x, weights.model.draw_noise(len(x), stream))
    found = values(run("inference", weights, data))
    for layer, z in enumerate(latents, start=1):
        expected = normality(z.numpy())
        for row in expected.itertuples():
            for measure in expected.columns[1:]:
                value = found[layer, row.dimension, measure]
                assert value == pytest.approx(getattr(row, measure), rel=1e-4, abs=1e-5)
    expected = explained(latents[0].double().numpy(), latents[1].double().numpy())
    assert found[1, 1, "explained"] == pytest.approx(expected[0], abs=1e-5)


def blind(weights, layer):
    """q(z_l | x) = N(0, 1) whatever x, of the tiny VLAE."""
    head = weights.model.heads[layer]
    with torch.no_grad():
        for affine in (head.mean.affine, head.raw_scale.affine):
            affine.weight.zero_()
            affine.bias.zero_()
        head.raw_scale.affine.bias.fill_(20.0)
    head.minimum = 0.0
    return weights


def test_a_layer_that_ignores_the_image_is_standard_normal_and_inactive():
    result = run("inference", blind(trained(), 0), Noise())
    found = values(result)
    assert result.arrays["density_1"].sum() * 0.1 == pytest.approx(1)
    assert found[1, 0, "active"] == 0
    assert math.isnan(found[1, 0, "kl"])
    assert found[2, 0, "active"] > 0
    for dimension in (1, 2):
        assert abs(found[1, dimension, "mean"]) < 5 / math.sqrt(IMAGES)
        assert found[1, dimension, "variance"] == pytest.approx(
            1, abs=5 * math.sqrt(2 / IMAGES)
        )
        assert abs(found[1, dimension, "draw_correlation"]) < 0.2
    assert abs(found[1, 1, "explained"]) < 0.05


def test_of_a_layer_there_are_means_over_active_dimensions():
    result = run("inference", trained(), Noise())
    found = values(result)
    layer = found[2]
    correlations = [layer[d, "draw_correlation"] for d in (1, 2, 3)]
    active = [d for d in (1, 2, 3) if correlations[d - 1] >= 0.2]
    assert active, "else the test shows nothing"
    assert layer[0, "active"] == len(active)
    assert layer[0, "draw_correlation"] == pytest.approx(np.mean(correlations))
    means = ("variance", "ks", "kl", "negentropy", "excess_kurtosis")
    for measure in (*means, "signal_negentropy"):
        of_each = [layer[d, measure] for d in active]
        assert layer[0, measure] == pytest.approx(np.mean(of_each))
    chance = {"mean": layer[0, "variance"] / IMAGES, "skewness": 6 / IMAGES}
    for measure, by_chance in chance.items():
        squares = [layer[d, measure] ** 2 for d in active]
        expected = math.sqrt(max(np.mean(squares) - by_chance, 0))
        assert layer[0, measure] == pytest.approx(expected)


def test_explained_share_of_a_linear_dependence():
    """r = above + noise of thrice the variance: a quarter; nothing of other noise."""
    stream = np.random.default_rng(0)
    above, other = stream.normal(size=(20_000, 1)), stream.normal(size=(20_000, 2))
    residual = np.hstack([above, 0 * above]) + math.sqrt(3) * other
    found = explained(residual, np.hstack([above, stream.normal(size=(20_000, 5))]))
    assert found == pytest.approx([0.25, 0.0], abs=0.02)
    assert np.isnan(explained(residual, np.empty((20_000, 0)))).all()


def test_explained_share_of_nothing_is_nothing_on_average():
    """Its adjustment for the number of regressors: few rows, many of them."""
    stream = np.random.default_rng(0)
    residual, above = stream.normal(size=(60, 500)), stream.normal(size=(60, 20))
    assert explained(residual, above).mean() == pytest.approx(0, abs=0.03)


def test_the_signal_is_free_of_the_posteriors_noise():
    """Two values of correlation .6: of eight draws' means, and of a single draw."""
    stream = np.random.default_rng(0)
    shared, noise = stream.choice([-1, 1], 10_000), stream.normal(size=(8, 10_000))
    drawn = (math.sqrt(0.6) * shared + math.sqrt(0.4) * noise)[..., None]
    table, _ = compared([1], drawn, drawn[0], 0.05)
    found = table.set_index(["dimension", "measure"])
    assert found["value"][1, "signal_negentropy"] == pytest.approx(0.57, abs=0.04)
    assert found["value"][1, "negentropy"] == pytest.approx(0.027, abs=0.015)
    assert found["value"][0, "draws"] == 8
    row = found.loc[(1, "signal_negentropy")]
    assert row["low"] < row["value"] < row["high"]


def test_draw_correlation():
    stream = np.random.default_rng(0)
    shared, first, second = stream.normal(size=(3, 20_000, 2))
    weights = np.array([1.0, 0.0])
    found = draw_correlation(weights * shared + first, weights * shared + second)
    assert found == pytest.approx([0.5, 0.0], abs=5 / math.sqrt(20_000))
    assert draw_correlation(np.ones((9, 1)), first[:9, :1]) == [0.0]


# Over training


@pytest.mark.parametrize("model", GENERATIVE)
def test_history_has_the_moments_of_held_out_residuals(model, data, tmp_path):
    """The last ones are those of the weights that the training leaves."""
    wanted = spec(model, training={"steps": 4})
    result = train(wanted, data, tmp_path, 1e9)
    weights = untrained(wanted).model
    weights.load_state_dict(result.weights)
    device = torch.device("cpu")
    stream = generator(device, *wanted.stream, "evaluation", "test")
    images = torch.tensor(np.array(data.images("test")))
    x, _ = observe(images, wanted.data_noise, stream)
    with torch.no_grad():
        latents, _ = weights.eval().infer(x, weights.draw_noise(len(x), stream))
        residuals = weights.residuals(latents)
    found = {
        row["term"]: row["value"]
        for row in result.history
        if row["step"] == 4 and row["split"] == "held-out"
    }
    for layer, residual in enumerate(residuals, start=1):
        expected = overall(powers(residual).mean(0), len(x))
        for name, value in expected.items():
            assert found[f"residual_{name}_{layer}"] == pytest.approx(value, rel=1e-6)


def test_divergence_is_that_of_the_active_dimensions():
    weights, data = trained(), Noise()
    found = values(run("inference", weights, data, settings={"correlation": 0.001}))
    assert found[2, 0, "active"] == 3
    stream = weights.stream("inference")
    x, _ = observe(torch.tensor(data.pixels), weights.spec.data_noise, stream)
    with torch.no_grad():
        noise = weights.model.draw_noise(len(x), stream)
        z = weights.model.infer(x, noise)[0][1].numpy()
    assert found[2, 0, "divergence"] == pytest.approx(gaussian_divergence(z), rel=1e-4)
