"""Models whose layers do not see one another: p(z) = N(0, I), and q(z|x) factorises."""

from abc import abstractmethod

from torch import Tensor

from vlae.models.base import Gaussians, LatentVariableModel, Noise, PosteriorDraw


class Independent(LatentVariableModel):
    """Inference and sampling of such layers, given the networks of q(z_l | x)."""

    inputs = "codes"

    @abstractmethod
    def posterior(self, x: Tensor) -> Gaussians:
        """Return mean and scale of q(z_l | x), each (B, d_l), bottom to top.

        Args:
            x: (B, C, H, W).
        """

    def draw_posterior(self, x: Tensor, noise: Noise) -> PosteriorDraw:
        """Draw z ~ q(z | x) with `noise`, each layer by itself.

        Args:
            x: (B, C, H, W), or one image, (1, C, H, W).
            noise: (B, d_l) per layer.
        """
        parameters = self.posterior(x)
        latents = [
            mean + scale * e  # Eq. 13
            for (mean, scale), e in zip(parameters, noise, strict=True)
        ]
        return PosteriorDraw(latents, parameters, self.prior(latents))

    def generate(self, noise: Noise) -> list[Tensor]:
        """Return the noise itself, since p(z) = N(0, I) (Section 4.1)."""
        return noise
