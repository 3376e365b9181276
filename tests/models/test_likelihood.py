"""The observation model: every family, scale and body."""

import math

import pytest
import torch
from helpers import layer_settings, objective, randomise

from vlae.models.hvae import HVAE
from vlae.models.nn.layers import Builder
from vlae.models.nn.likelihood import MINIMUM_SCALE, Likelihood
from vlae.models.vlae import VLAE
from vlae.networks.notation import size

IMAGE = (1, 28, 28)
MODELS = {"vlae": VLAE, "hvae": HVAE}


def plain_builder():
    return Builder(layer_settings(), "relu")


# The likelihood

FEATURES = {"dense": (6,), "conv": (4, 14, 14)}
FAMILIES = {
    "gaussian": torch.distributions.Normal,
    "laplace": torch.distributions.Laplace,
}


def likelihood(family, scale, body, value=0.2):
    settings = objective(likelihood=family, scale=scale, scale_value=value)
    stride = None if body == "dense" else 2
    return Likelihood(settings, plain_builder(), FEATURES[body], IMAGE, stride)


@pytest.mark.parametrize("body", FEATURES)
@pytest.mark.parametrize("scale", ["fixed", "scalar", "network"])
@pytest.mark.parametrize("family", FAMILIES)
def test_likelihood_of_every_kind(family, scale, body):
    model, features = likelihood(family, scale, body), torch.randn(3, *FEATURES[body])
    mean, found = model(features)
    assert mean.shape == (3, *IMAGE)
    assert found.shape == ((3, *IMAGE) if scale == "network" else ())
    x = torch.rand(3, *IMAGE)
    expected = FAMILIES[family](mean, found).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(model.log_density(x, mean, found), expected)
    model.log_density(x, mean, found).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    learned = {"fixed": [], "scalar": ["log_scale"]}
    if scale in learned:
        names = [n for n, _ in model.named_parameters() if not n.startswith("mean.")]
        assert names == learned[scale]


@pytest.mark.parametrize("value", [0.05, 0.25, 2.0])
@pytest.mark.parametrize("scale", ["fixed", "scalar", "network"])
def test_scale_starts_where_it_is_told(scale, value):
    model = randomise(likelihood("gaussian", scale, "dense", value), 0.0)
    if scale == "scalar":
        model = likelihood("gaussian", scale, "dense", value)
    _, found = model(torch.randn(3, 6))
    offset = 0 if scale == "fixed" else MINIMUM_SCALE  # keeps a learned one above 0
    torch.testing.assert_close(found, torch.full_like(found, value + offset))


@pytest.mark.parametrize("scale", ["scalar", "network"])
def test_learned_scale_never_reaches_zero(scale):
    model = likelihood("gaussian", scale, "dense")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("mean."):
                parameter.fill_(-1e4)
        _, found = model(torch.rand(3, 6))
    torch.testing.assert_close(found, torch.full_like(found, MINIMUM_SCALE))


@pytest.mark.parametrize(("family", "sd"), [("gaussian", 1.0), ("laplace", 2**0.5)])
def test_samples_have_mean_and_scale(family, sd):
    model, scale = likelihood(family, "fixed", "dense"), 0.3
    mean = torch.rand(200, *IMAGE)
    stream = torch.Generator().manual_seed(0)
    drawn = model.sample(mean, torch.tensor(scale), stream)
    residue, count = (drawn - mean).double() / scale, mean.numel()
    assert residue.mean().item() == pytest.approx(0, abs=5 * sd / count**0.5)
    # E|r| is sqrt(2 / pi) of a Gaussian and 1 of a Laplace: it tells them apart.
    absolute = {"gaussian": math.sqrt(2 / math.pi), "laplace": 1.0}[family]
    error = math.sqrt((sd**2 - absolute**2) / count)
    assert residue.abs().mean().item() == pytest.approx(absolute, abs=5 * error)


def test_size_counts_elements():
    assert size((3, 4, 5)) == 60
