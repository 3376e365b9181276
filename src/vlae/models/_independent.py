"""Models whose layers do not see one another: p(z) = N(0, I), and q(z|x) factorises."""

from abc import abstractmethod

import torch
from torch import Tensor

from vlae.models.base import LatentVariableModel, Noise
from vlae.models.nn.distributions import gaussian_kl


class Independent(LatentVariableModel):
    """Inference and sampling of such layers, given the networks of q(z_l | x)."""

    inputs = "codes"

    @abstractmethod
    def posterior(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return mean and scale of q(z_l | x), each (B, d_l), bottom to top.

        Args:
            x: (B, C, H, W).
        """

    def infer(self, x: Tensor, noise: Noise) -> tuple[list[Tensor], Tensor]:
        """Draw z ~ q(z | x) with `noise`.

        Args:
            x: (B, C, H, W).
            noise: (B, d_l) per layer.

        Returns:
            latents, bottom to top, each (B, d_l); and the KL divergence per layer in
            nats, (B, L), in closed form.
        """
        parameters = self.posterior(x)
        latents = [
            mean + scale * e  # Eq. 13
            for (mean, scale), e in zip(parameters, noise, strict=True)
        ]
        kl = [gaussian_kl(mean, scale) for mean, scale in parameters]
        return latents, torch.stack(kl, 1)

    def generate(self, noise: Noise) -> list[Tensor]:
        """Return the noise itself, since p(z) = N(0, I) (Section 4.1)."""
        return noise
