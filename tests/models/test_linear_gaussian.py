"""Exact tests: an HVAE whose densities are all known in closed form.

Everything the training maximises, and the chain of Proposition 1, can be compared
with numbers (see linear_gaussian.py).
"""

import math

import pytest
import scipy.stats
import torch
from helpers import network, noise, objective, randomise
from linear_gaussian import (
    ALPHA,
    IMAGE,
    LATENTS,
    PIXELS,
    assert_mean,
    elbo,
    empty_hvae,
    exact_hvae,
    moments_p_value,
    normal,
    set_linear,
)
from torch import distributions as reference

from vlae.experiments._gibbs_chain import gibbs_step
from vlae.experiments._residuals import explained
from vlae.models.vlae import VLAE
from vlae.statistics.normality import normality


@pytest.fixture
def exact():
    return exact_hvae()


# The test's own instruments


def test_the_statistic_accepts_the_right_moments_and_rejects_wrong_ones(exact):
    x = exact.data(20_000).flatten(1)
    mean, covariance = exact.mean, exact.covariance
    identity = torch.eye(PIXELS, dtype=torch.float64)
    assert moments_p_value(x, mean, covariance) > ALPHA
    assert moments_p_value(x, mean + 0.1, covariance) < ALPHA
    assert moments_p_value(x, mean, 1.1 * covariance) < ALPHA
    assert moments_p_value(x, mean, covariance * identity) < ALPHA


def test_the_posteriors_of_the_fixture_are_exact(exact):
    """Bayes' rule for the joint Gaussian of (z1, z2, x), without any factorisation."""
    model = exact.model
    b_matrix = model.priors[0].head.mean.affine.weight
    c_matrix = model.likelihood.mean.affine.weight
    s1 = model.priors[0](torch.zeros(1, 2).double())[1][0]
    marginal = b_matrix @ b_matrix.T + torch.diag(s1**2)
    gain = marginal @ c_matrix.T @ torch.linalg.inv(exact.covariance)
    torch.testing.assert_close(gain, exact.bottom[0])
    posterior = marginal - gain @ c_matrix @ marginal
    torch.testing.assert_close(posterior, torch.diag(exact.bottom[2] ** 2))
    gain = b_matrix.T @ torch.linalg.inv(marginal)
    torch.testing.assert_close(gain, exact.top[0])
    identity = torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(
        identity - gain @ b_matrix, torch.diag(exact.top[2] ** 2)
    )


# The ELBO of the HVAE


def test_at_the_exact_posterior_every_draw_gives_the_log_likelihood(exact):
    x = 3 * normal(500, *IMAGE, seed=5)  # any x will do, also an unlikely one
    expected = exact.density().log_prob(x.flatten(1))
    for seed in range(3):
        found = elbo(exact.model, x, seed)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-8)


def test_elsewhere_the_elbo_is_below_by_the_kl_to_the_posterior(exact):
    """log p(x) - ELBO = KL(q(z1|x) || p(z1|x)) + E KL(q(z2|z1) || p(z2|z1))."""
    gap = 0.0
    shift, factor = 0.2, torch.tensor(1.2, dtype=torch.float64)
    for conditional, (matrix, offset, scale) in zip(
        exact.model.posteriors, (exact.bottom, exact.top), strict=True
    ):
        set_linear(conditional.head, matrix, offset + shift, factor * scale)
        wrong = reference.Normal(torch.full_like(scale, shift), factor * scale)
        right = reference.Normal(torch.zeros_like(scale), scale)
        gap += reference.kl_divergence(wrong, right).sum().item()
    x = exact.data(1, seed=6)
    expected = exact.density().log_prob(x.flatten(1)).item() - gap
    found = elbo(exact.model, x.expand(100_000, -1, -1, -1))
    assert_mean(found, expected)
    # The gap itself is far above the error of this comparison.
    assert gap > 50 * found.std().item() / math.sqrt(len(found))


def test_over_the_model_s_own_data_the_best_elbo_is_minus_their_entropy(exact):
    x = exact.data(50_000, seed=7)
    assert_mean(elbo(exact.model, x), -exact.density().entropy().item())


def test_a_wrong_prior_or_decoder_breaks_the_equality(exact):
    """Negative control: the equality of the first test is not an identity."""
    x = exact.data(100)
    expected = exact.density().log_prob(x.flatten(1))
    with torch.no_grad():
        exact.model.priors[0].head.mean.affine.bias += 0.1
    assert (elbo(exact.model, x) - expected).abs().min() > 1e-6


# Sampling


@torch.no_grad()
def test_ancestral_samples_have_the_moments_of_p(exact):
    model, count = exact.model, 20_000
    latents = model.generate(noise(model, count, 8, dtype=torch.float64))
    stream = torch.Generator().manual_seed(9)
    x = model.likelihood.sample(*model.likelihood(model.decoder(latents)), stream)
    assert moments_p_value(x.flatten(1), exact.mean, exact.covariance) > ALPHA


@torch.no_grad()
def gibbs_chain(exact, count=20_000):
    """Last x of `count` chains from far away, long enough to forget their start."""
    # E[x'|x] = C A x + ...: what is left of the start shrinks by the spectral radius.
    matrix = exact.model.likelihood.mean.affine.weight @ exact.bottom[0]
    radius = torch.linalg.eigvals(matrix).abs().max().item()
    assert radius < 1
    start, forgotten = 10.0, 1e-3 / math.sqrt(count)
    steps = math.ceil(math.log(forgotten / start) / math.log(radius))
    x = start + normal(count, *IMAGE, seed=10)
    stream = torch.Generator().manual_seed(11)
    assert moments_p_value(x.flatten(1), exact.mean, exact.covariance) < ALPHA
    for _ in range(steps):
        mean, x = gibbs_step(exact.model, x, stream)
    assert mean.shape == x.shape == (count, *IMAGE)
    return x.flatten(1)


def test_gibbs_chain_converges_to_p_without_the_upper_layers(exact):
    """Proposition 1; the prior p(z1|z2) and q(z2|z1) are made useless first."""
    randomise(exact.model.priors, std=3.0)
    randomise(exact.model.posteriors[1], std=3.0)
    x = gibbs_chain(exact)
    assert moments_p_value(x, exact.mean, exact.covariance) > ALPHA


@pytest.mark.parametrize(
    ("shift", "factor"), [(0.1, 1.0), (0.0, 1.1)], ids=["mean", "scale"]
)
def test_gibbs_chain_of_a_wrong_posterior_goes_elsewhere(exact, shift, factor):
    """Negative control: the comparison above notices a posterior that is off."""
    matrix, offset, scale = exact.bottom
    head = exact.model.posteriors[0].head
    set_linear(head, matrix, offset + shift, factor * scale)
    x = gibbs_chain(exact)
    assert moments_p_value(x, exact.mean, exact.covariance) < ALPHA


@torch.no_grad()
def test_gibbs_step_gives_the_mean_of_what_it_draws(exact):
    model = exact.model
    x = exact.data(50_000)
    mean, drawn = gibbs_step(model, x, torch.Generator().manual_seed(0))
    residue = (drawn - mean).flatten(1)
    sx = model.likelihood.get_buffer("scale").double()
    identity = torch.eye(PIXELS, dtype=torch.float64)
    zero = torch.zeros(PIXELS, dtype=torch.float64)
    assert moments_p_value(residue, zero, sx**2 * identity) > ALPHA


# Residuals of inferred latents under the prior (Section 3.2)


@torch.no_grad()
def residuals(exact, count=20_000):
    """(z_l - mu_p) / sigma_p of z ~ q(z | x) and x ~ p(x), layers side by side."""
    drawn = noise(exact.model, count, 12, dtype=torch.float64)
    latents, _ = exact.model.infer(exact.data(count, seed=13), drawn)
    return torch.cat(exact.model.residuals(latents), 1)


def test_residuals_at_the_exact_posterior_are_standard_normal(exact):
    found = residuals(exact)
    size = sum(LATENTS)
    identity = torch.eye(size, dtype=torch.float64)
    assert moments_p_value(found, torch.zeros(size).double(), identity) > ALPHA
    table = normality(found.numpy())
    critical = scipy.stats.kstwo.isf(ALPHA / size, len(found))
    assert (table["ks"] < critical).all()
    above = found[:, LATENTS[0] :].numpy()
    share = explained(found[:, : LATENTS[0]].numpy(), above)
    # n R^2 is chi^2 of as many degrees of freedom as there are numbers above.
    limit = scipy.stats.chi2.isf(ALPHA / LATENTS[0], above.shape[1]) / len(found)
    assert (share < limit).all()


@pytest.mark.parametrize("factor", [0.8, 1.5])
def test_a_wrong_prior_scale_shows_in_the_variance_of_residuals(exact, factor):
    head = exact.model.priors[0].head
    affine = head.mean.affine
    _, scale = head(torch.zeros(1, LATENTS[1], dtype=torch.float64))
    set_linear(head, affine.weight.clone(), affine.bias.clone(), factor * scale[0])
    variance = normality(residuals(exact).numpy())["variance"].to_numpy()
    error = 5 * math.sqrt(2 / 20_000)
    assert variance[: LATENTS[0]] == pytest.approx(factor**-2, rel=error)
    assert variance[LATENTS[0] :] == pytest.approx(1, rel=error)


def test_a_wrong_prior_mean_shows_in_mean_and_in_what_is_explained(exact):
    head = exact.model.priors[0].head
    _, scale = head(torch.zeros(1, LATENTS[1], dtype=torch.float64))
    with torch.no_grad():
        head.mean.affine.bias += 0.5 * scale[0]
        head.mean.affine.weight[:, 0] += scale[0]  # so z_2 in its first number
    found = residuals(exact).numpy()
    error = 5 / math.sqrt(20_000)
    assert found[:, : LATENTS[0]].mean(0) == pytest.approx(-0.5, abs=2 * error)
    share = explained(found[:, : LATENTS[0]], found[:, LATENTS[0] :])
    assert share == pytest.approx(0.5, abs=2 * error), "as much as is noise"


# KL of deterministic inference, and of the VLAE


@torch.no_grad()
def test_kl_of_deterministic_inference_is_the_mean_of_its_log_ratio():
    model = randomise(empty_hvae("deterministic"), std=0.5, seed=1)
    x = normal(1, *IMAGE, seed=2).expand(100_000, -1, -1, -1)
    latents, kl = model.infer(x, noise(model, len(x), 3, dtype=torch.float64))
    posteriors = [reference.Normal(*c(x)[:2]) for c in model.posteriors]
    above = model.priors[0](latents[1])
    priors = [reference.Normal(*above[:2]), reference.Normal(0.0, 1.0)]
    for layer, (z, q, p) in enumerate(zip(latents, posteriors, priors, strict=True)):
        ratio = (q.log_prob(z) - p.log_prob(z)).sum(1)
        assert ratio.std() > 0.1
        assert_mean(ratio - kl[:, layer], 0.0)
        expected = reference.kl_divergence(q, p).sum(1)
        torch.testing.assert_close(kl[:, layer], expected)


def test_elbo_of_deterministic_inference_is_the_mean_log_ratio_of_joint_densities():
    """Its ELBO is E[log p(x, z) - log q(z|x)], written out by hand."""
    model = randomise(empty_hvae("deterministic"), std=0.5, seed=1)
    x = normal(1, *IMAGE, seed=2).expand(100_000, -1, -1, -1)
    with torch.no_grad():
        latents, _ = model.infer(x, noise(model, len(x), 4, dtype=torch.float64))
        mean, scale = model.likelihood(model.decoder(latents))
        z1, z2 = latents
        log_p = reference.Normal(mean, scale).log_prob(x).flatten(1).sum(1)
        log_p += reference.Normal(*model.priors[0](z2)[:2]).log_prob(z1).sum(1)
        log_p += reference.Normal(0.0, 1.0).log_prob(z2).sum(1)
        for z, conditional in zip(latents, model.posteriors, strict=True):
            log_p -= reference.Normal(*conditional(x)[:2]).log_prob(z).sum(1)
        assert_mean(log_p - elbo(model, x, seed=4), 0.0)


@pytest.fixture
def vlae():
    settings = network("vlae", input=[1, 8, 8], batch_norm="none")
    settings["heads"][0], settings["trunks"][0] = "c4,2", "c4,2 lin16"
    settings["decoder"][0]["body"] = "f4x4x4"
    laplace = objective(likelihood="laplace", scale_value=0.3)
    model = VLAE(settings, laplace, (1, 8, 8)).double()
    return randomise(model, std=0.4)


@pytest.fixture
def vlae_terms(vlae):
    x, target = normal(6, 1, 8, 8, seed=1), normal(6, 1, 8, 8, seed=2)
    drawn = noise(vlae, 6, dtype=torch.float64)
    labels = torch.zeros(6, dtype=torch.long)
    return x, target, drawn, vlae.terms(x, target, labels, drawn)


def test_vlae_kl_of_each_layer_is_that_of_torch(vlae, vlae_terms):
    x, _, _, terms = vlae_terms
    for layer, parameters in enumerate(vlae.posterior(x)):
        q = reference.Normal(*parameters)
        expected = reference.kl_divergence(q, reference.Normal(0.0, 1.0)).sum(1)
        torch.testing.assert_close(terms[f"kl_{layer + 1}"], expected)


def test_vlae_reconstruction_is_at_the_target_and_the_draw(vlae, vlae_terms):
    x, target, drawn, terms = vlae_terms
    latents = [m + s * e for (m, s), e in zip(vlae.posterior(x), drawn, strict=True)]
    mean, scale = vlae.likelihood(vlae.decoder(latents))
    expected = reference.Laplace(mean, scale).log_prob(target).flatten(1).sum(1)
    torch.testing.assert_close(terms["reconstruction"], expected)


def test_vlae_generates_from_the_standard_normal_prior(vlae):
    drawn = noise(vlae, 5, dtype=torch.float64)
    for z, e in zip(vlae.generate(drawn), drawn, strict=True):
        assert torch.equal(z, e)


def test_loss_at_full_weight_is_the_negative_mean_elbo(vlae, vlae_terms):
    terms = vlae_terms[-1]
    summary = vlae.summary(terms)
    expected = terms["reconstruction"] - terms["kl_1"] - terms["kl_2"]
    torch.testing.assert_close(summary["elbo"], expected)
    assert summary.keys() == {*terms, "elbo"}
    torch.testing.assert_close(vlae.loss(terms, 1.0), -expected.mean())


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_loss_weights_the_kl_alone(vlae, vlae_terms, weight):
    terms = vlae_terms[-1]
    kl = terms["kl_1"] + terms["kl_2"]
    expected = (weight * kl - terms["reconstruction"]).mean()
    torch.testing.assert_close(vlae.loss(terms, weight), expected)


def test_a_weak_kl_is_weaker_in_higher_layers(vlae, vlae_terms, monkeypatch):
    """Each layer is nearly an autoencoder of the one below."""
    monkeypatch.setattr(vlae, "kl_weight", 0.1)
    terms = vlae_terms[-1]
    kl = 0.1 * terms["kl_1"] + 0.01 * terms["kl_2"]
    expected = (0.5 * kl - terms["reconstruction"]).mean()
    torch.testing.assert_close(vlae.loss(terms, 0.5), expected)
