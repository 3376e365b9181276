"""Densities, divergences and quantiles against torch.distributions."""

import pytest
import torch
from torch import distributions as reference

from vlae.models.nn.distributions import (
    gaussian_kl,
    gaussian_log_density,
    gaussian_product,
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


def test_gaussian_product_is_proportional_to_the_product_of_both_densities():
    first = normal(7, 1, seed=1), normal(7, 1, seed=2).exp()
    second = normal(7, 1, seed=3), normal(7, 1, seed=4).exp()
    together = gaussian_product(*first, *second)
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    log_ratio = sum(reference.Normal(*p).log_prob(x) for p in (first, second))
    log_ratio = log_ratio - reference.Normal(*together).log_prob(x)
    torch.testing.assert_close(log_ratio, log_ratio[:, :1].expand_as(log_ratio))
    # The factor is known: the density of one mean under both spreads.
    spread = torch.hypot(first[1], second[1])
    factor = reference.Normal(second[0], spread).log_prob(first[0])
    torch.testing.assert_close(log_ratio, factor.expand_as(log_ratio))


def test_gaussian_product_adds_precisions_and_keeps_to_the_sharper_one():
    """By hand: precisions 1 and 3; and scales whose squares no float32 holds."""
    one, scale = torch.tensor([[1.0]]), torch.tensor([[3**-0.5]])
    mean, found = gaussian_product(0 * one, one, 4 * one, scale)
    torch.testing.assert_close(mean, 3 * one)
    torch.testing.assert_close(found, one / 2)
    for extreme in (1e-30, 1e30):
        mean, found = gaussian_product(0 * one, one, 4 * one, extreme * one)
        torch.testing.assert_close(mean, (4.0 if extreme < 1 else 0.0) * one)
        torch.testing.assert_close(found, min(extreme, 1.0) * one)


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
