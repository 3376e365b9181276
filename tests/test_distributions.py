"""Densities, divergences and quantiles against torch.distributions."""

import pytest
import torch
from torch import distributions as reference

from vlae.distributions import (
    gaussian_kl,
    gaussian_log_density,
    laplace_log_density,
    laplace_sample,
)

DENSITIES = [
    pytest.param(gaussian_log_density, reference.Normal, id="gaussian"),
    pytest.param(laplace_log_density, reference.Laplace, id="laplace"),
]
IMAGES = (5, 2, 3, 4)


def normal(*shape, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=stream, dtype=torch.float64)


@pytest.mark.parametrize(("density", "family"), DENSITIES)
@pytest.mark.parametrize("scale_shape", [(), (1,), (4,), (2, 1, 1), IMAGES])
def test_log_density_is_that_of_torch(density, family, scale_shape):
    x, mean = normal(*IMAGES, seed=1), normal(*IMAGES, seed=2)
    scale = normal(*scale_shape, seed=3).exp()
    expected = family(mean, scale).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(density(x, mean, scale), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("density", "family"), DENSITIES)
def test_log_density_of_a_broadcast_mean(density, family):
    x, mean, scale = (
        normal(*IMAGES),
        normal(2, 3, 4, seed=1),
        torch.tensor(0.3).double(),
    )
    expected = family(mean.expand_as(x), scale).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(density(x, mean, scale), expected)


@pytest.mark.parametrize(("density", "family"), DENSITIES)
def test_density_integrates_to_one(density, family):
    x = torch.linspace(-60, 60, 200_001, dtype=torch.float64)
    mean, scale = torch.tensor(0.7).double(), torch.tensor(1.3).double()
    heights = density(x[:, None], mean, scale).exp()
    assert torch.trapezoid(heights, x).item() == pytest.approx(1, abs=1e-6)


def test_gaussian_kl_is_that_of_torch():
    mean, scale = normal(7, 3, seed=1), normal(7, 3, seed=2).exp()
    prior_mean, prior_scale = normal(7, 3, seed=3), normal(7, 3, seed=4).exp()
    q, p = reference.Normal(mean, scale), reference.Normal(prior_mean, prior_scale)
    expected = reference.kl_divergence(q, p).sum(1)
    found = gaussian_kl(mean, scale, prior_mean, prior_scale)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_gaussian_kl_to_the_standard_normal_is_the_default():
    mean, scale = normal(7, 3, seed=1), normal(7, 3, seed=2).exp()
    standard = reference.Normal(torch.zeros(3).double(), torch.ones(3).double())
    expected = reference.kl_divergence(reference.Normal(mean, scale), standard).sum(1)
    torch.testing.assert_close(gaussian_kl(mean, scale), expected)


def test_gaussian_kl_of_equal_distributions_is_zero():
    mean, scale = normal(7, 3, seed=1), normal(7, 3, seed=2).exp()
    assert gaussian_kl(mean, scale, mean, scale).abs().max() == 0


def test_laplace_sample_is_the_quantile_function():
    uniform = torch.linspace(1e-6, 1 - 1e-6, 9_999, dtype=torch.float64)
    mean, scale = torch.tensor(0.4).double(), torch.tensor(0.125).double()
    expected = reference.Laplace(mean, scale).icdf(uniform)
    found = laplace_sample(mean, scale, uniform)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_laplace_sample_is_finite_at_the_ends_of_the_unit_interval():
    ends = torch.tensor([0.0, torch.finfo(torch.float32).eps, 0.5, 1 - 2**-24])
    found = laplace_sample(torch.zeros(4), torch.ones(4), ends)
    assert found.isfinite().all()
    assert (found.diff() > 0).all()
    assert found[2] == 0
