"""Importance-weighted bounds of models whose log p(x) is known."""

import dataclasses
import math

import msgspec
import numpy as np
import pytest
import torch
from experiments_helpers import run as run_experiment
from experiments_helpers import trained, with_data_noise
from helpers import GENERATIVE, SHAPE, noise, randomise, run_of, spec
from linear_gaussian import elbo, empty_hvae, exact_hvae, normal, set_linear
from torch import distributions as reference

from vlae.config.experiment_outputs import DEQUANTISED, GREY_LEVELS, NOISY
from vlae.experiments import likelihood
from vlae.experiments.likelihood import log_weights
from vlae.statistics.importance import importance_bound
from vlae.training import trained_run

COUNTS = [1, 10, 100, 1000]
SHIFT, FACTOR = 0.3, 1.3


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def weights_of(model, x, count, seed=0):
    """Weigh draws in double precision, in which the linear models compute."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return log_weights(model, x, x, count, stream(seed))
    finally:
        torch.set_default_dtype(before)


def off_target():
    """A model, log p(x) as a function, and KL(q(z|x) || p(z|x)), equal for all x."""
    exact, gap = exact_hvae(), 0.0
    for conditional, (matrix, offset, scale) in zip(
        exact.model.posteriors, (exact.bottom, exact.top), strict=True
    ):
        set_linear(conditional.head, matrix, offset + SHIFT * scale, FACTOR * scale)
        wrong = reference.Normal(SHIFT * scale, FACTOR * scale)
        right = reference.Normal(torch.zeros_like(scale), scale)
        gap += reference.kl_divergence(wrong, right).sum().item()
    return exact, gap


def test_at_the_exact_posterior_every_draw_weighs_p_of_x():
    exact = exact_hvae()
    x = 3 * normal(1, 1, 2, 2, seed=5)  # any x will do, also an unlikely one
    expected = exact.density().log_prob(x.flatten(1)).item()
    assert weights_of(exact.model, x, 700) == pytest.approx(np.full(700, expected))


def test_elsewhere_the_bound_rises_from_the_elbo_to_log_p_and_the_gap_is_the_kl():
    """KL(q(z|x) || p(z|x)) = log p(x) - ELBO, at each of several images."""
    exact, gap = off_target()
    x = exact.data(40, seed=6)
    images = enumerate(x.split(1))
    weights = np.stack([weights_of(exact.model, x, 10_000, seed=i) for i, x in images])
    bounds = {k: importance_bound(weights, k) for k in [*COUNTS, 10_000]}
    errors = {}
    truth = exact.density().log_prob(x.flatten(1)).numpy()
    for draws, found in bounds.items():
        errors[draws] = (found - truth).std(ddof=1) / math.sqrt(len(x))
    rises = np.diff([*bounds.values()], axis=0)
    assert (rises >= 0).all()
    assert (rises[:2].min(1) > 0).all()
    assert (bounds[1] - truth).mean() == pytest.approx(-gap, abs=5 * errors[1])
    assert (bounds[10_000] - truth).mean() == pytest.approx(0, abs=5 * errors[10_000])
    found = (bounds[10_000] - bounds[1]).mean()
    assert found == pytest.approx(gap, abs=0.02)
    assert gap > 0.5, "far more than the tolerance"
    # An estimate from below at every K, up to its error.
    for draws in COUNTS:
        assert (bounds[draws] - bounds[1]).mean() < gap + 5 * errors[1]


def test_a_wrong_posterior_does_not_change_what_the_bound_converges_to():
    """Negative control: a wrong p does."""
    exact, _ = off_target()
    x = exact.data(1, seed=6)
    truth = exact.density().log_prob(x.flatten(1)).item()
    found = importance_bound(weights_of(exact.model, x, 20_000)[None], 20_000)
    assert found == pytest.approx([truth], abs=0.05)
    with torch.no_grad():
        exact.model.priors[0].head.mean.affine.bias += 1.0
    other = importance_bound(weights_of(exact.model, x, 20_000)[None], 20_000)
    assert abs(other - truth) > 0.1


def test_where_a_kl_is_in_closed_form_the_weights_still_have_the_elbo_as_mean():
    model = randomise(empty_hvae("deterministic"), std=0.5, seed=1)
    x = normal(1, 1, 2, 2, seed=2)
    found = weights_of(model, x, 100_000)
    other = elbo(model, x.expand(100_000, -1, -1, -1), seed=4).numpy()
    error = math.sqrt((found.var() + other.var()) / 100_000)
    assert found.mean() == pytest.approx(other.mean(), abs=5 * error)
    assert abs(found.std() - other.std()) > 20 * error, "a draw's ratio varies more"


@torch.no_grad()
@pytest.mark.parametrize("name", GENERATIVE)
def test_one_image_with_many_draws_is_as_many_copies_of_it(name):
    model = trained(name).model
    x, e = torch.rand(1, *SHAPE), noise(model, 9)
    one = model.draw_posterior(x, e)
    many = model.draw_posterior(x.expand(9, -1, -1, -1), e)
    for z, other in zip(one.latents, many.latents, strict=True):
        torch.testing.assert_close(z, other, rtol=1e-4, atol=1e-5)
    pairs = (
        (one.log_ratios(), many.log_ratios()),
        (one.kl().expand(9, -1), many.kl()),
    )
    for found, expected in pairs:
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    assert many.kl().shape == many.log_ratios().shape == (9, len(e))


def test_draws_in_batches_are_the_same_draws(monkeypatch):
    model = trained("hvae").model
    x = torch.rand(1, *SHAPE)
    with torch.no_grad():
        whole = log_weights(model, x, x, 20, stream())
        monkeypatch.setattr(trained_run, "BATCH", 7)
        parts = log_weights(model, x, x, 20, stream())
    assert parts == pytest.approx(whole, rel=1e-4)


# The experiment


def test_the_table_has_a_row_per_image_and_number_of_draws(data):
    settings = {"images": 5, "draws": [4, 1, 2]}
    table = run_experiment("likelihood", trained(), data, settings=settings).table
    assert [*table.columns] == likelihood.COLUMNS
    assert set(table["reason"]) == {""}
    assert table["image"].tolist() == sorted([*range(5)] * 3)
    assert table["draws"].tolist() == [1, 2, 4] * 5
    by_image = table.pivot(index="image", columns="draws", values="bound")
    assert (by_image.diff(axis=1).dropna(axis=1) >= 0).all(axis=None)
    assert table["effective"].between(1, table["draws"] + 1e-9).all()


@pytest.mark.parametrize(
    ("noise_of_run", "density"),
    [
        ({}, GREY_LEVELS),
        ({"denoising": 0.2}, GREY_LEVELS),
        ({"dequantise": True}, DEQUANTISED),
        ({"dequantise": True, "denoising": 0.2}, DEQUANTISED),
        ({"dequantise": True, "scale": 0.3}, NOISY),
        ({"scale": 0.3}, NOISY),
    ],
)
def test_only_dequantised_images_have_comparable_bits(data, noise_of_run, density):
    run = trained()
    changed = msgspec.structs.replace(run.spec.data_noise, **noise_of_run)
    run = dataclasses.replace(run, spec=run.spec.replace(data_noise=changed))
    settings = {"images": 2, "draws": [1, 2]}
    table = run_experiment("likelihood", run, data, settings=settings).table
    assert set(table["density"]) == {density}


def test_batch_statistics_leave_an_image_without_a_density(data):
    table = run_experiment("likelihood", trained(batch_norm="batch"), data).table
    assert [*table.columns] == likelihood.COLUMNS
    assert table["bound"].isna().tolist() == [True]
    assert table["reason"].tolist() == [likelihood.BATCH_STATISTICS]


class Even(torch.nn.Module):
    """p(x|z) is the same whatever x and z are: one nat per pixel and unit of e."""

    latent_sizes = (1,)
    likelihood: torch.nn.Module

    def draw_noise(self, count, generator):
        return [torch.zeros(count, 1)]

    def draw_posterior(self, x, noise):
        zeros = torch.zeros(len(noise[0]), 1)
        draw = type("Draw", (), {"latents": noise, "log_ratios": lambda _: zeros})
        return draw()

    def decoder(self, latents):
        return latents[0]


class Level(torch.nn.Module):
    """A density of `value` per pixel."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, features):
        return features, torch.ones(())

    def log_density(self, target, mean, scale):
        return torch.full((len(mean),), target[0].numel() * math.log(self.value))


@pytest.mark.parametrize(("value", "bits"), [(1.0, 8.0), (16.0, 4.0), (256.0, 0.0)])
def test_bits_of_a_density_that_is_even(data, value, bits):
    """A uniform density on [0, 1] gives every one of 256 levels the same share."""
    model = Even()
    model.likelihood = Level(value)
    wanted = spec(data_noise={"dequantise": True})
    settings = {"images": 2, "draws": [1, 2]}
    run = run_of(wanted, model)
    table = run_experiment("likelihood", run, data, settings=settings).table
    assert table["bits"].to_numpy() == pytest.approx(bits, abs=1e-5)


def test_noise_of_the_data_is_part_of_what_is_explained(data):
    settings = {"images": 3, "draws": [1, 2]}
    clean, noisy = (
        run_experiment(
            "likelihood", with_data_noise(trained(), scale), data, settings=settings
        )
        for scale in (0.0, 0.5)
    )
    assert noisy.table["bound"].mean() < clean.table["bound"].mean()
