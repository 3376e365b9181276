"""Exact tests: autoregressive HVAE, LVAE and flat VAE as linear Gaussian models.

Layers of one number each make every conditional of a joint Gaussian one that a model
can have, whatever the maps: the posteriors of any p are known, and can be set. The
flat VAE has a code of several numbers, with orthogonal maps.
"""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from helpers import network, noise, objective, randomise
from linear_gaussian import (
    ALPHA,
    MINIMUM,
    assert_mean,
    elbo,
    linearised,
    moments_p_value,
    normal,
    orthonormal,
    set_linear,
)
from torch import Tensor
from torch import distributions as reference

from vlae.experiments._gibbs_chain import gibbs_step
from vlae.models.hvae import HVAE
from vlae.models.hvae_autoregressive import AutoregressiveHVAE
from vlae.models.lvae import LVAE
from vlae.models.vae import VAE

IMAGE, PIXELS = (1, 2, 3), 6
LAYERS = 3
SCALE = 0.5  # of p(x | z)
OBJECTIVE = objective(scale_value=SCALE)
DENSE = {"posterior": [""] * 3, "prior": [""] * 2, "decoder": ""}


@dataclass
class Joint:
    """N(mean, covariance) of (z_1, ..., z_L, x)."""

    mean: Tensor
    covariance: Tensor

    def of(self, places):
        return reference.MultivariateNormal(
            self.mean[places], self.covariance[places][:, places]
        )

    def given(self, place, known):
        """p(one number | others): matrix (1, known), shift (1,), scale (1,)."""
        among = self.covariance[known][:, known]
        gain = self.covariance[[place]][:, known] @ torch.linalg.inv(among)
        shift = self.mean[[place]] - gain @ self.mean[known]
        variance = self.covariance[[place]][:, [place]]
        variance = variance - gain @ self.covariance[known][:, [place]]
        return gain, shift, variance[0].sqrt()


@dataclass
class Exact:
    """A model at its optimum, the joint density of its p, where z and x stand there."""

    model: Any
    joint: Joint
    size: int  # numbers in z

    @property
    def z(self):
        return [*range(self.size)]

    @property
    def x(self):
        return [*range(self.size, self.size + PIXELS)]

    def data(self, count, seed=0):
        density = self.joint.of(self.x)
        x = density.loc + normal(count, PIXELS, seed=seed) @ density.scale_tril.T
        return x.reshape(count, *IMAGE)


def joint_of(weights, shift, scale):
    """The joint of v = weights v + shift + scale * e, for nilpotent weights."""
    inverse = torch.linalg.inv(torch.eye(len(weights)).double() - weights)
    return Joint(inverse @ shift, inverse @ torch.diag(scale**2) @ inverse.T)


def hierarchy(kind, seen, settings):
    """A model whose conditionals of p, of layers that they see, are random maps.

    Args:
        seen: from a layer (x is layer -1) to the layers above that it depends on.
    """
    weights = torch.zeros(LAYERS + PIXELS, LAYERS + PIXELS).double()
    shift, scale = normal(LAYERS + PIXELS, seed=2), 0.5 + normal(9, seed=3).abs()
    shift[LAYERS - 1], scale[LAYERS - 1], scale[LAYERS:] = 0, 1, SCALE
    for layer in range(LAYERS - 1):
        weights[layer, seen(layer)] = 1.5 * normal(len(seen(layer)), seed=layer)
    weights[LAYERS:, seen(-1)] = normal(PIXELS, len(seen(-1)), seed=5)
    model = linearised(kind(settings, OBJECTIVE, IMAGE), OBJECTIVE, IMAGE)
    for layer, prior in enumerate(model.priors):
        matrix = weights[[layer]][:, seen(layer)]
        set_linear(prior.head, matrix, shift[[layer]], scale[[layer]])
    set_decoder(model, weights[LAYERS:, seen(-1)], shift[LAYERS:])
    return Exact(model, joint_of(weights, shift, scale), LAYERS)


def set_decoder(model, matrix, shift):
    with torch.no_grad():
        model.likelihood.mean.affine.weight.copy_(matrix)
        model.likelihood.mean.affine.bias.copy_(shift)


def scalar(name, **changes):
    return network(name, latents=[1] * LAYERS, scale_minimum=MINIMUM, **changes)


def autoregressive():
    settings = scalar("hvae_autoregressive", **DENSE)
    exact = hierarchy(
        AutoregressiveHVAE, lambda layer: [*range(layer + 1, LAYERS)], settings
    )
    for layer, conditional in enumerate(exact.model.posteriors):
        known = [*exact.x, *range(layer)]
        set_linear(conditional.head, *exact.joint.given(layer, known))
    return exact


def ladder():
    exact = hierarchy(LVAE, lambda layer: [layer + 1], scalar("lvae", **DENSE))
    for layer, conditional in enumerate(exact.model.posteriors):
        set_linear(conditional.head, *evidence(exact, layer))
    return exact


def evidence(exact, layer):
    """What times p(z_l|z_{l+1}) is p(z_l|z_{l+1}, x); at the top, p(z_L|x) itself."""
    if layer == LAYERS - 1:
        return exact.joint.given(layer, exact.x)
    matrix, shift, scale = exact.joint.given(layer, [layer + 1, *exact.x])
    above, offset, prior_scale = exact.joint.given(layer, [layer + 1])
    precision = scale**-2 - prior_scale**-2
    # What z_{l+1} says is in the prior alone.
    torch.testing.assert_close(matrix[:, :1] / scale**2, above / prior_scale**2)
    mean = shift / scale**2 - offset / prior_scale**2
    return matrix[:, 1:] / scale**2 / precision, mean / precision, precision**-0.5


def flat():
    parts = [2, 1]
    settings = network(
        "vae", latents=parts, encoder="", decoder="", scale_minimum=MINIMUM
    )
    model = linearised(VAE(settings, OBJECTIVE, IMAGE), OBJECTIVE, IMAGE)
    strength = torch.tensor([1.3, 0.8, 0.4]).double()
    matrix, shift = orthonormal(PIXELS, 3, seed=1) * strength, normal(PIXELS, seed=2)
    set_decoder(model, matrix, shift)
    precision = 1 + strength**2 / SCALE**2
    gain = matrix.T / SCALE**2 / precision[:, None]
    set_linear(model.encoder.head, gain, -gain @ shift, precision**-0.5)
    # Layers one after the other are the code in another order.
    weights = torch.zeros(9, 9).double()
    weights[3:, :3] = matrix[:, model.partition]
    scale = torch.cat([torch.ones(3), torch.full((PIXELS,), SCALE)]).double()
    offset = torch.cat([torch.zeros(3).double(), shift])
    return Exact(model, joint_of(weights, offset, scale), 3)


MODELS = {"autoregressive": autoregressive, "ladder": ladder, "flat": flat}


@pytest.fixture(params=MODELS)
def exact(request):
    return MODELS[request.param]()


# p


@torch.no_grad()
def joint_draws(exact, count=20_000):
    """(z, x) of ancestral sampling, (count, 9)."""
    model = exact.model
    latents = model.generate(noise(model, count, 8, dtype=torch.float64))
    stream = torch.Generator().manual_seed(9)
    x = model.likelihood.sample(*model.likelihood(model.decoder(latents)), stream)
    return torch.cat([*latents, x.flatten(1)], 1)


def test_ancestral_samples_of_all_layers_and_x_have_the_moments_of_p(exact):
    draws, joint = joint_draws(exact), exact.joint
    assert moments_p_value(draws, joint.mean, joint.covariance) > ALPHA
    wrong = joint.covariance.clone()
    wrong[0, 0] *= 1.1
    assert moments_p_value(draws, joint.mean, wrong) < ALPHA


def test_prior_is_p_of_every_layer_given_those_above(exact):
    latents = [normal(7, d, seed=d + 3) for d in exact.model.latent_sizes]
    found = exact.model.prior(latents)
    together = torch.cat(latents, 1)
    log_density = torch.stack(
        [
            reference.Normal(*p).log_prob(z).sum(1)
            for p, z in zip(found, latents, strict=True)
        ]
    ).sum(0)
    expected = exact.joint.of(exact.z).log_prob(together)
    torch.testing.assert_close(log_density, expected)


# The ELBO at the exact posterior


@pytest.mark.parametrize("name", ["ladder", "flat"])
def test_the_mean_elbo_at_the_exact_posterior_is_the_log_likelihood(name):
    exact = MODELS[name]()
    x = exact.data(1, seed=6)
    expected = exact.joint.of(exact.x).log_prob(x.flatten(1)).item()
    assert_mean(elbo(exact.model, x.expand(50_000, -1, -1, -1)), expected)


def test_elsewhere_the_mean_elbo_is_lower(exact):
    """Negative control: the equality above is none of any inference."""
    encoder = getattr(exact.model, "encoder", None) or exact.model.posteriors[0]
    with torch.no_grad():
        encoder.head.mean.affine.bias += 0.5
    x = exact.data(1, seed=6)
    found = elbo(exact.model, x.expand(50_000, -1, -1, -1))
    expected = exact.joint.of(exact.x).log_prob(x.flatten(1)).item()
    assert found.mean() < expected - 10 * found.std() / len(found) ** 0.5


def test_the_autoregressive_elbo_has_no_variance_at_the_exact_posterior():
    exact = autoregressive()
    x = 3 * normal(500, *IMAGE, seed=5)  # any x will do, also an unlikely one
    expected = exact.joint.of(exact.x).log_prob(x.flatten(1))
    for seed in range(3):
        found = elbo(exact.model, x, seed)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-8)


@torch.no_grad()
def test_at_the_exact_posterior_every_draw_weighs_p_of_x(exact):
    """p(x, z) / q(z|x), with one image encoded once for all draws."""
    model, x = exact.model, 3 * normal(1, *IMAGE, seed=5)
    draw = model.draw_posterior(x, noise(model, 500, 2, dtype=torch.float64))
    mean, scale = model.likelihood(model.decoder(draw.latents))
    log_weights = model.likelihood.log_density(x, mean, scale)
    log_weights = log_weights - draw.log_ratios().sum(1)
    expected = exact.joint.of(exact.x).log_prob(x.flatten(1)).expand(500)
    torch.testing.assert_close(log_weights, expected, rtol=0, atol=1e-8)


@torch.no_grad()
def test_ladder_inference_draws_from_the_exact_posterior_from_the_top():
    """z_3 of x, z_2 of z_3 and x, z_1 of z_2 and x; each KL is that of torch."""
    exact = ladder()
    x, e = exact.data(50, seed=1), noise(exact.model, 50, 2, dtype=torch.float64)
    latents, kl = exact.model.infer(x, e)
    above = torch.empty(50, 0).double()
    priors = exact.model.prior(latents)
    for layer in reversed(range(LAYERS)):
        places = [layer + 1] if layer < LAYERS - 1 else []
        matrix, shift, scale = exact.joint.given(layer, [*places, *exact.x])
        mean = torch.cat([above, x.flatten(1)], 1) @ matrix.T + shift
        torch.testing.assert_close(latents[layer], mean + scale * e[layer])
        q, p = reference.Normal(mean, scale), reference.Normal(*priors[layer])
        expected = reference.kl_divergence(q, p).sum(1)
        torch.testing.assert_close(kl[:, layer], expected)
        above = latents[layer]


@torch.no_grad()
def test_flat_inference_is_exact_and_its_layers_share_one_kl():
    exact = flat()
    x, e = exact.data(50, seed=1), noise(exact.model, 50, 2, dtype=torch.float64)
    latents, kl = exact.model.infer(x, e)
    terms = [exact.joint.given(place, exact.x) for place in exact.z]
    means = torch.cat([x.flatten(1) @ m.T + shift for m, shift, _ in terms], 1)
    scales = torch.cat([scale for *_, scale in terms]).expand_as(means)
    drawn = means + scales * torch.cat(e, 1)
    torch.testing.assert_close(torch.cat(latents, 1), drawn)
    code = reference.kl_divergence(
        reference.Normal(means, scales), reference.Normal(0.0, 1.0)
    )
    assert kl.shape == (50, 2)
    torch.testing.assert_close(kl.sum(1), code.sum(1))
    torch.testing.assert_close(kl[:, 1], code[:, 2])


@torch.no_grad()
def test_elbo_of_deterministic_autoregressive_inference_is_the_mean_log_ratio():
    """E[log p(x, z) - log q(z|x)], written out, with closed forms per layer."""
    settings = network(
        "hvae_autoregressive",
        **DENSE | {"latents": [3, 2, 2], "inference": "deterministic"},
    )
    kind = AutoregressiveHVAE(settings, OBJECTIVE, IMAGE)
    model = randomise(linearised(kind, OBJECTIVE, IMAGE), std=0.5, seed=1)
    x = normal(1, *IMAGE, seed=2).expand(100_000, -1, -1, -1)
    e = noise(model, len(x), 4, dtype=torch.float64)
    latents, kl = model.infer(x, e)
    mean, scale = model.likelihood(torch.cat(latents, 1))
    ratio = reference.Normal(mean, scale).log_prob(x).flatten(1).sum(1)
    above = [
        model.priors[0](torch.cat(latents[1:], 1))[:2],
        model.priors[1](latents[2])[:2],
        (torch.zeros_like(latents[2]), torch.ones_like(latents[2])),
    ]
    for layer, z in enumerate(latents):
        q = reference.Normal(*model.posteriors[layer](x)[:2])
        p = reference.Normal(*above[layer])
        ratio += (p.log_prob(z) - q.log_prob(z)).sum(1)
        expected = reference.kl_divergence(q, p).sum(1)
        torch.testing.assert_close(kl[:, layer], expected)
    assert_mean(ratio - elbo(model, x, seed=4), 0.0)


# The chain z ~ q(z|x), x ~ p(x|z)


@torch.no_grad()
def chain(exact, steps=20, count=20_000):
    """x of `count` chains that started at p(x)."""
    x = exact.data(count, seed=10)
    stream = torch.Generator().manual_seed(11)
    for _ in range(steps):
        mean, x = gibbs_step(exact.model, x, stream)
    assert mean.shape == x.shape == (count, *IMAGE)
    return x.flatten(1)


def marginal_p_value(exact):
    density = exact.joint.of(exact.x)
    return moments_p_value(chain(exact), density.mean, density.covariance_matrix)


def test_gibbs_chain_at_the_exact_posterior_leaves_p_as_it_is(exact):
    assert marginal_p_value(exact) > ALPHA


def test_gibbs_chain_of_a_wrong_posterior_does_not(exact):
    encoder = getattr(exact.model, "encoder", None) or exact.model.posteriors[0]
    with torch.no_grad():
        encoder.head.mean.affine.bias += 0.1
    assert marginal_p_value(exact) < ALPHA


def test_autoregressive_chain_does_without_the_prior_of_any_layer():
    """Claim P2: only q(z|x) and p(x|z) are looked at."""
    exact = autoregressive()
    randomise(exact.model.priors, std=3.0)
    assert marginal_p_value(exact) > ALPHA


def test_ladder_chain_does_not():
    """Its inference comes down through the prior."""
    exact = ladder()
    randomise(exact.model.priors, std=3.0)
    assert marginal_p_value(exact) < ALPHA


def test_all_layers_are_redrawn(exact):
    model = exact.model
    assert model.resampled_sizes == model.latent_sizes
    x, e = exact.data(5), noise(model, 5, dtype=torch.float64)
    for z, expected in zip(model.resample(x, e), model.infer(x, e)[0], strict=True):
        assert torch.equal(z, expected)


def test_but_for_the_markov_hvae_which_redraws_the_bottom_layer_alone():
    model = HVAE(network("hvae"), OBJECTIVE, (1, 28, 28)).eval()
    assert model.resampled_sizes == model.latent_sizes[:1]
    x, e = torch.rand(5, 1, 28, 28), noise(model, 5)
    (bottom,) = model.resample(x, e[:1])
    assert torch.equal(bottom, model.infer(x, e)[0][0])
