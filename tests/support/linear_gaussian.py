"""Tools of exact tests: models of linear maps, and statistics of their draws.

With empty bodies every conditional mean is linear, and with constant scales a whole
model is a Gaussian, whose densities and posteriors are known in closed form.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from helpers import layer_settings, network, noise, objective
from torch import Tensor
from torch import distributions as reference

from vlae.config.run_spec import Objective
from vlae.models.hvae import HVAE
from vlae.models.nn.layers import Builder
from vlae.models.nn.likelihood import Likelihood

MINIMUM = 0.001  # `scale_minimum` of the networks
ALPHA = 1e-4  # level of the tests; seeds are fixed, so that they do not flicker


class LinearLikelihood(Likelihood):
    """The real likelihood without the sigmoid around its mean."""

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean(features), self.get_buffer("scale")


def linearised(model: Any, objective: Objective, image: tuple[int, ...]) -> Any:
    """Make a model of empty bodies linear, in double precision; return it."""
    builder = Builder(layer_settings(), "relu")
    seen = (model.likelihood.mean.affine.in_features,)
    model.likelihood = LinearLikelihood(objective, builder, seen, image, None)
    return model.double().eval()


def normal(*shape, seed=0):
    """Draw standard normal numbers in double precision."""
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=stream, dtype=torch.float64)


def orthonormal(rows, columns, seed):
    """Draw a matrix (rows, columns) of orthonormal columns."""
    return torch.linalg.qr(normal(rows, columns, seed=seed))[0]


def set_linear(head, matrix, shift, scale):
    """Make a GaussianHead N(matrix y + shift, scale^2)."""
    with torch.no_grad():
        head.mean.affine.weight.copy_(matrix)
        head.mean.affine.bias.copy_(shift)
        head.raw_scale.affine.weight.zero_()
        head.raw_scale.affine.bias.copy_((scale - MINIMUM).expm1().log())


@torch.no_grad()
def elbo(model, x, seed=0):
    """Return ELBO estimates (B,) in nats, from one draw of the latents each."""
    drawn = noise(model, len(x), seed, dtype=torch.float64)
    return model.summary(model.terms(x, x, None, drawn))["elbo"]


def assert_mean(values, expected):
    """Check that independent values have this mean, within five standard errors."""
    error = values.std().item() / math.sqrt(len(values))
    assert values.mean().item() == pytest.approx(expected, abs=5 * error)


def moments_p_value(x, mean, covariance):
    """Return the p-value of independent draws x (n, d) being N(mean, covariance).

    After whitening, the mean has n |m|^2 ~ chi^2(d), and the entries of the covariance
    have variance 2/n on the diagonal and 1/n off it; all are nearly independent.
    """
    count, size = x.shape
    root = torch.linalg.cholesky(covariance)
    y = torch.linalg.solve_triangular(root, (x - mean).T, upper=False).T
    m = y.mean(0)
    excess = (y - m).T @ (y - m) / (count - 1) - torch.eye(size, dtype=x.dtype)
    off_diagonal = excess[np.triu_indices(size, 1)]
    statistic = (m**2).sum() + (excess.diagonal() ** 2).sum() / 2
    statistic = statistic + (off_diagonal**2).sum()
    freedom = size + size * (size + 1) // 2
    return scipy.stats.chi2.sf(count * statistic.item(), freedom)


# An HVAE all of whose densities are known in closed form

IMAGE, LATENTS = (1, 2, 2), [3, 2]
PIXELS = math.prod(IMAGE)


@dataclass
class Exact:
    """A model, its matrices, and what follows from them."""

    model: Any  # HVAE; a module's parts have no types
    mean: Tensor  # of x, (PIXELS,)
    covariance: Tensor
    bottom: tuple[Tensor, Tensor, Tensor]  # p(z1|x): matrix, shift, scale
    top: tuple[Tensor, Tensor, Tensor]  # p(z2|z1)

    def density(self):
        """Return p(x)."""
        return reference.MultivariateNormal(self.mean, self.covariance)

    def data(self, count, seed=0):
        """Draw x ~ p(x), (count, C, H, W)."""
        root = torch.linalg.cholesky(self.covariance)
        x = self.mean + normal(count, PIXELS, seed=seed) @ root.T
        return x.reshape(count, *IMAGE)


def empty_hvae(inference="bottom-up", scale=0.5) -> Any:
    """Return an HVAE of empty bodies, in double precision, with a linear likelihood."""
    fixed = objective(scale_value=scale)
    settings = network(
        "hvae",
        latents=LATENTS,
        inference=inference,
        posterior=["", ""],
        prior=[""],
        decoder="",
        scale_minimum=MINIMUM,
    )
    return linearised(HVAE(settings, fixed, IMAGE), fixed, IMAGE)


def exact_hvae(scale=0.5, centre=0.0) -> Exact:
    """Return a model at its optimum: inference is the exact posterior.

    Its conditionals are linear Gaussians,

        z2 ~ N(0, I)   z1 = B z2 + b + s1 * e   x = C z1 + c + sx * e

    with B and C such that the exact posteriors p(z2|z1) and p(z1|x) factorise, so the
    inference networks can be set to them.

    Args:
        scale: sx, to which C is proportional.
        centre: mean of all pixels; if 0, every pixel has its own.
    """
    sx = scale
    model = empty_hvae(scale=sx)
    s1 = torch.tensor([0.8, 1.1, 0.6], dtype=torch.float64)
    # B' diag(1/s1^2) B = diag(strength^2), so the precision of z2|z1 is diagonal.
    strength = torch.tensor([1.2, 0.7], dtype=torch.float64)
    b_matrix = s1[:, None] * orthonormal(3, 2, seed=1) * strength
    b = normal(3, seed=2)
    top_precision = 1 + strength**2
    top_matrix = (b_matrix / s1[:, None] ** 2).T / top_precision[:, None]
    top = (top_matrix, -top_matrix @ b, top_precision**-0.5)

    # C'C / sx^2 = diag(precision) - P^-1 for the marginal covariance P of z1, so the
    # precision of z1|x is diagonal.
    marginal = b_matrix @ b_matrix.T + torch.diag(s1**2)
    inverse = torch.linalg.inv(marginal)
    largest = torch.linalg.eigvalsh(inverse).max()
    precision = largest * torch.tensor([1.3, 1.6, 2.0], dtype=torch.float64)
    root = torch.linalg.cholesky(torch.diag(precision) - inverse)
    c_matrix = sx * orthonormal(PIXELS, 3, seed=3) @ root.T
    c = centre - c_matrix @ b if centre else normal(PIXELS, seed=4)
    bottom_matrix = c_matrix.T / sx**2 / precision[:, None]
    bottom = (
        bottom_matrix,
        inverse @ b / precision - bottom_matrix @ c,
        precision**-0.5,
    )

    set_linear(model.priors[0].head, b_matrix, b, s1)
    set_linear(model.posteriors[0].head, *bottom)
    set_linear(model.posteriors[1].head, *top)
    with torch.no_grad():
        model.likelihood.mean.affine.weight.copy_(c_matrix)
        model.likelihood.mean.affine.bias.copy_(c)
    identity = torch.eye(PIXELS, dtype=torch.float64)
    covariance = c_matrix @ marginal @ c_matrix.T + sx**2 * identity
    return Exact(model, c_matrix @ b + c, covariance, bottom, top)
