"""Instruments of exact tests: models of linear maps, and statistics of their draws.

With empty bodies every conditional mean is linear, and with constant scales a whole
model is a Gaussian, whose densities and posteriors are known in closed form.
"""

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from helpers import noise
from torch import Tensor

from vlae.layers import Builder
from vlae.likelihood import Likelihood

MINIMUM = 0.001  # of the network's scales
ALPHA = 1e-4  # of the tests; seeds are fixed, so they do not flicker


class LinearLikelihood(Likelihood):
    """The real likelihood but for the sigmoid around its mean."""

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean(features), self.get_buffer("scale")


def linearised(model: Any, objective: dict[str, Any], image: tuple[int, ...]) -> Any:
    """A model of empty bodies, in double precision, with a linear likelihood."""
    builder = Builder("none", 0.0, "relu")
    seen = (model.likelihood.mean.affine.in_features,)
    model.likelihood = LinearLikelihood(objective, builder, seen, image, None)
    return model.double().eval()


def normal(*shape, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=stream, dtype=torch.float64)


def orthonormal(rows, columns, seed):
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
    """ELBO estimates (B,), one draw of the latents each."""
    labels = torch.zeros(len(x), dtype=torch.long)
    drawn = noise(model, len(x), seed, dtype=torch.float64)
    return model.summary(model.terms(x, x, labels, drawn))["elbo"]


def assert_mean(values, expected):
    """The mean of independent `values` is `expected`, within five standard errors."""
    error = values.std().item() / math.sqrt(len(values))
    assert values.mean().item() == pytest.approx(expected, abs=5 * error)


def moments_p_value(x, mean, covariance):
    """p-value of independent draws x (n, d) being N(mean, covariance).

    Whitened, the mean has n |m|^2 ~ chi^2(d), and entries of the covariance have
    variance 2/n on the diagonal and 1/n beside it; all are nearly independent.
    """
    count, size = x.shape
    root = torch.linalg.cholesky(covariance)
    y = torch.linalg.solve_triangular(root, (x - mean).T, upper=False).T
    m = y.mean(0)
    excess = (y - m).T @ (y - m) / (count - 1) - torch.eye(size, dtype=x.dtype)
    beside = excess[np.triu_indices(size, 1)]
    statistic = (m**2).sum() + (excess.diagonal() ** 2).sum() / 2 + (beside**2).sum()
    freedom = size + size * (size + 1) // 2
    return scipy.stats.chi2.sf(count * statistic.item(), freedom)
