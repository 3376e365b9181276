"""Ladder VAE (Sonderby et al. 2016), which the paper compares in Section 4.2.

Its p is that of the Markov HVAE, p(x|z_1) p(z_1|z_2) ... p(z_L). Inference goes up
without draws, d_l = body_l(d_{l-1}) from d_0 = x, each d_l with a Gaussian
N(m_l, s_l^2), and comes down through the very networks of p:

    q(z_L|x) = N(m_L, s_L^2)
    q(z_l|z_{l+1}, x) proportional to N(z_l; m_l, s_l^2) p(z_l|z_{l+1})

so that precisions add and weigh the means. Theirs are batch norm (the network's
`batch_norm`) and a linear KL warm-up (the preset's `kl_warmup`); their scale is the
root of a softplus, ours the `posterior_scale` of the network, as everywhere.
"""

from typing import Any

import torch
from torch import Tensor

from vlae.config.run_spec import DataFacts, Objective
from vlae.models._hierarchy import Hierarchy
from vlae.models.base import Noise
from vlae.models.nn.distributions import gaussian_kl, gaussian_product
from vlae.networks.lvae import plan
from vlae.networks.notation import Shape


class LVAE(Hierarchy):
    """Any number of layers; widths and shapes by the plan of `networks/lvae.py`."""

    def __init__(
        self, network: dict[str, Any], objective: Objective, image: Shape
    ) -> None:
        super().__init__(network, objective, image, plan(network, image, "network"))

    def evidence(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What x alone says of z_l: m_l and s_l, each (B, d_l), bottom to top."""
        found, features = [], x
        for conditional in self.posteriors:
            mean, scale, features = conditional(features)
            found.append((mean, scale))
        return found

    def infer(self, x: Tensor, noise: Noise) -> tuple[list[Tensor], Tensor]:
        """The KL of a layer is in closed form, given the draws above it."""
        *lower, top = self.evidence(x)
        latents, kl = [top[0] + top[1] * noise[-1]], [gaussian_kl(*top)]
        for evidence, e in zip(reversed(lower), reversed(noise[:-1]), strict=True):
            prior = self.prior_below(latents)
            mean, scale = gaussian_product(*evidence, *prior)
            latents.insert(0, mean + scale * e)
            kl.insert(0, gaussian_kl(mean, scale, *prior))
        return latents, torch.stack(kl, 1)


def build(network: dict[str, Any], objective: Objective, data: DataFacts) -> LVAE:
    """The model of a run spec; of `data` only the shape counts."""
    return LVAE(network, objective, data.shape)
