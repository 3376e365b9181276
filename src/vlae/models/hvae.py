"""Markov hierarchical VAE (Section 3, Eqs 4, 5 and 15).

p(x, z) = p(x|z_1) p(z_1|z_2) ... p(z_L). Inference runs bottom-up,
q(z_1|x) q(z_2|z_1) ... (Eq. 5), or on deterministic features of x.
"""

from typing import Any

from torch import Tensor

from vlae.config.run_spec import DataFacts, Objective
from vlae.models._hierarchy import BottomUp
from vlae.models.base import Noise
from vlae.networks.hvae import plan
from vlae.networks.notation import Shape


class HVAE(BottomUp):
    """Any number of layers; widths and shapes by the plan of `networks/hvae.py`."""

    def __init__(
        self, network: dict[str, Any], objective: Objective, image: Shape
    ) -> None:
        super().__init__(network, objective, image, plan(network, image, "network"))

    @property
    def resampled_sizes(self) -> list[int]:
        return self.latent_sizes[:1]

    def resample(self, x: Tensor, noise: Noise) -> list[Tensor]:
        """z_1 ~ q(z_1 | x) alone, the first half of Eq. 6: p(x | z_1) sees no other."""
        mean, scale, _ = self.posteriors[0](x)
        return [mean + scale * noise[0]]


def build(network: dict[str, Any], objective: Objective, data: DataFacts) -> HVAE:
    """The model of a run spec; of `data` only the shape counts."""
    return HVAE(network, objective, data.shape)
