"""p(x | z): the observation model on top of a decoder's features."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlae.config.run_spec import Objective
from vlae.models.nn.distributions import (
    gaussian_log_density,
    laplace_log_density,
    laplace_sample,
)
from vlae.models.nn.layers import Builder, widened
from vlae.networks.notation import Shape

MINIMUM_SCALE = 1e-3


class Likelihood(nn.Module):
    """Gaussian or Laplace with a mean in (0, 1) and a fixed, scalar or network scale.

    Args:
        objective: `likelihood` (gaussian, laplace), `scale` (fixed, scalar,
            network) and `scale_value`: the scale, or (plus `MINIMUM_SCALE`) its
            start. A Gaussian's scale is its standard deviation (Section 3.1; 1/(2c)
            is the variance of the authors' c * squared error), a Laplace's is 1/r
            for the authors' r * absolute error.
    """

    def __init__(
        self,
        objective: Objective,
        builder: Builder,
        features: Shape,
        image: Shape,
        stride: int | None,
    ) -> None:
        super().__init__()
        self.family = objective.likelihood
        self.kind = objective.scale
        self.mean = builder.image(features, image, stride)
        start = torch.tensor(objective.scale_value)
        if self.kind == "fixed":
            self.register_buffer("scale", start)
        elif self.kind == "scalar":
            self.log_scale = nn.Parameter(start.log())
        else:
            self.raw_scale = builder.image(features, image, stride)
            self.offset = math.log(math.expm1(float(start)))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, ...) features to mean (B, C, H, W) and a scale that broadcasts to it."""
        mean = torch.sigmoid(widened(self.mean(features)))
        if self.kind == "fixed":
            return mean, self.get_buffer("scale")
        if self.kind == "scalar":
            return mean, self.log_scale.exp() + MINIMUM_SCALE
        raw = widened(self.raw_scale(features))
        return mean, F.softplus(raw + self.offset) + MINIMUM_SCALE

    def log_density(self, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """log p(x | z) in nats, (B,)."""
        gaussian = self.family == "gaussian"
        density = gaussian_log_density if gaussian else laplace_log_density
        return density(x, mean, scale)

    def sample(self, mean: Tensor, scale: Tensor, generator: torch.Generator) -> Tensor:
        """Draw x ~ p(x | z), of the shape of `mean`."""
        options: dict[str, Any] = {"device": mean.device, "dtype": mean.dtype}
        if self.family == "gaussian":
            noise = torch.randn(mean.shape, generator=generator, **options)
            return mean + scale * noise
        uniform = torch.rand(mean.shape, generator=generator, **options)
        return laplace_sample(mean, scale, uniform)
