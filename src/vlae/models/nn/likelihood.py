"""The observation model p(x | z), on top of the features of a decoder."""

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
    """Gaussian or Laplace density with a mean in (0, 1).

    Args:
        objective: `likelihood` (gaussian, laplace), `scale` (fixed, one learned scalar,
            or a network of the features) and `scale_value`, the fixed scale or the
            initial value of a learned one, to which `MINIMUM_SCALE` is added. The scale
            of a Gaussian is its standard deviation (Section 3.1); the authors' loss
            c * squared error has variance 1/(2c). Their r * absolute error is a Laplace
            of scale 1/r.
        builder: makes the modules.
        features: shape of the features.
        image: (C, H, W).
        stride: of the last transposed convolution; None makes a dense layer.
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
        """Return the mean (B, C, H, W) and a scale that broadcasts to it.

        Args:
            features: (B, ...).
        """
        mean = torch.sigmoid(widened(self.mean(features)))
        if self.kind == "fixed":
            return mean, self.get_buffer("scale")
        if self.kind == "scalar":
            return mean, self.log_scale.exp() + MINIMUM_SCALE
        raw = widened(self.raw_scale(features))
        return mean, F.softplus(raw + self.offset) + MINIMUM_SCALE

    def log_density(self, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """Return log p(x | z) in nats, (B,).

        Args:
            x: (B, C, H, W).
            mean: of p(x | z), (B, C, H, W).
            scale: broadcasts to `mean`.
        """
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
