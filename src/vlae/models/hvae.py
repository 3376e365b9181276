"""Markov hierarchical VAE (Section 3, Eqs 4 and 15).

p(x, z) = p(x|z_1) p(z_1|z_2) ... p(z_L). Inference runs from the bottom up,
q(z_1|x) q(z_2|z_1) ..., or on deterministic features of x. The paper assumes no
factorisation of q (Section 2.2), so this choice is ours: Proposition 1 needs q(z_1|x).
"""

from typing import Any

from torch import Tensor

from vlae.config.run_spec import DataFacts, Objective
from vlae.models._hierarchy import BottomUp
from vlae.models.base import Noise
from vlae.networks.hvae import plan
from vlae.networks.notation import Shape


class HVAE(BottomUp):
    """Markov HVAE with any number of layers, as planned by `networks/hvae.py`."""

    def __init__(
        self, network: dict[str, Any], objective: Objective, image: Shape
    ) -> None:
        super().__init__(network, objective, image, plan(network, image, "network"))

    @property
    def resampled_sizes(self) -> list[int]:
        """The size of layer 1 alone."""
        return self.latent_sizes[:1]

    def resample(self, x: Tensor, noise: Noise) -> list[Tensor]:
        """Draw z_1 ~ q(z_1 | x), the first half of Eq. 6; p(x | z_1) sees no more.

        Args:
            x: (B, C, H, W).
            noise: one tensor (B, d_1).

        Returns:
            z_1 alone, (B, d_1).
        """
        mean, scale, _ = self.posteriors[0](x)
        return [mean + scale * noise[0]]


def build(network: dict[str, Any], objective: Objective, data: DataFacts) -> HVAE:
    """Build the model of a run spec; only the shape of `data` is used."""
    return HVAE(network, objective, data.shape)
