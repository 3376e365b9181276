"""Autoregressive hierarchical VAE (Eq. 3): every layer depends on all layers above.

p(x, z) = p(x|z_1 ... z_L) p(z_1|z_2 ... z_L) ... p(z_L). The paper says nothing about
its networks or its inference. Here a conditional of p sees all layers above it side
by side, and inference runs bottom-up through every draw, the factorisation that any
posterior has:

    q(z|x) = q(z_1|x) q(z_2|x, z_1) ... q(z_L|x, z_1 ... z_{L-1})

where x enters above layer 1 as the features of the body of q(z_1|x). Or inference runs
on deterministic features of x, as in the Markov HVAE.
"""

from typing import Any

import torch
from torch import Tensor

from vlae.config.run_spec import DataFacts, Objective
from vlae.models._hierarchy import BottomUp
from vlae.networks.hvae_autoregressive import plan
from vlae.networks.notation import Shape


class AutoregressiveHVAE(BottomUp):
    """Any number of layers, by the plan of `networks/hvae_autoregressive.py`."""

    def __init__(
        self, network: dict[str, Any], objective: Objective, image: Shape
    ) -> None:
        super().__init__(network, objective, image, plan(network, image, "network"))

    def above(self, latents: list[Tensor]) -> Tensor:
        """All of them side by side, (B, d_l + ... + d_L) (Eq. 3)."""
        return torch.cat(latents, 1)

    def below(self, features: Tensor, latents: list[Tensor]) -> Tensor:
        """x as `features` and all draws side by side: [features; z_1; ...; z_{l-1}]."""
        return torch.cat([features.flatten(1), *latents], 1)


def build(
    network: dict[str, Any], objective: Objective, data: DataFacts
) -> AutoregressiveHVAE:
    """The model of a run spec; of `data` only the shape counts."""
    return AutoregressiveHVAE(network, objective, data.shape)
