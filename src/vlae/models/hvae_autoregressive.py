"""Autoregressive hierarchical VAE (Eq. 3): every layer depends on all layers above.

p(x, z) = p(x|z_1 ... z_L) p(z_1|z_2 ... z_L) ... p(z_L). The paper describes neither
its networks nor its inference. Here a conditional of p sees all layers above it side by
side, and inference runs from the bottom up through every draw, a factorisation that any
posterior has::

    q(z|x) = q(z_1|x) q(z_2|x, z_1) ... q(z_L|x, z_1 ... z_{L-1})

where x enters above layer 1 as the features of the body of q(z_1|x). Alternatively,
inference runs on deterministic features of x, as in the Markov HVAE.
"""

from typing import Any

import torch
from torch import Tensor

from vlae.config.run_spec import DataFacts, Objective
from vlae.models._hierarchy import BottomUp
from vlae.networks.hvae_autoregressive import plan
from vlae.networks.notation import Shape


class AutoregressiveHVAE(BottomUp):
    """HVAE in which a layer sees all layers above it, with any number of layers.

    `networks/hvae_autoregressive.py` plans its shapes.
    """

    def __init__(
        self, network: dict[str, Any], objective: Objective, image: Shape
    ) -> None:
        super().__init__(network, objective, image, plan(network, image, "network"))

    def above(self, latents: list[Tensor]) -> Tensor:
        """Return all layers above side by side, (B, d_{l+1} + ... + d_L) (Eq. 3)."""
        return torch.cat(latents, 1)

    def below(self, features: Tensor, latents: list[Tensor]) -> Tensor:
        """Return [features; z_1; ...; z_{l-1}] side by side, (B, d).

        Args:
            features: of x, by the body of q(z_1|x), (B, ...) or (1, ...).
            latents: the draws z_1 ... z_{l-1}, each (B, d_l).
        """
        # One image may have many draws.
        of_image = features.flatten(1).expand(len(latents[0]), -1)
        return torch.cat([of_image, *latents], 1)


def build(
    network: dict[str, Any], objective: Objective, data: DataFacts
) -> AutoregressiveHVAE:
    """Build the model of a run spec; only the shape of `data` is used."""
    return AutoregressiveHVAE(network, objective, data.shape)
