"""Layers that do not see one another: p(z) = N(0, I) and q(z|x) factorises."""

from abc import abstractmethod

import torch
from torch import Tensor

from vlae.models.base import LatentVariableModel, Noise
from vlae.models.nn.distributions import gaussian_kl


class Independent(LatentVariableModel):
    """Inference and sampling of such layers, given the networks of q(z_l | x)."""

    @abstractmethod
    def posterior(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Mean and scale of q(z_l | x), each (B, d_l), bottom to top."""

    def infer(self, x: Tensor, noise: Noise) -> tuple[list[Tensor], Tensor]:
        parameters = self.posterior(x)
        latents = [
            mean + scale * e  # Eq. 14
            for (mean, scale), e in zip(parameters, noise, strict=True)
        ]
        kl = [gaussian_kl(mean, scale) for mean, scale in parameters]
        return latents, torch.stack(kl, 1)

    def generate(self, noise: Noise) -> list[Tensor]:
        return noise  # Eq. 8: p(z) = N(0, I)
