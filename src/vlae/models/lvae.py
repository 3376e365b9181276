"""Ladder VAE (Sonderby et al. 2016), which the paper compares with in Section 4.2.

Its p is that of the Markov HVAE, p(x|z_1) p(z_1|z_2) ... p(z_L). Inference goes up
without draws, d_l = body_l(d_{l-1}) from d_0 = x, each d_l with a Gaussian
N(m_l, s_l^2), and comes down through the networks of p::

    q(z_L|x) = N(m_L, s_L^2)
    q(z_l|z_{l+1}, x) proportional to N(z_l; m_l, s_l^2) p(z_l|z_{l+1})

so that precisions add and weight the means. Sonderby et al. use batch norm (the
network's `batch_norm`), a linear KL warm-up (the preset's `kl_warmup`), and the root of
a softplus as scale; ours is the network's `posterior_scale`, as in every model.
"""

from typing import Any

from torch import Tensor

from vlae.config.run_spec import DataFacts, Objective
from vlae.models._hierarchy import Hierarchy
from vlae.models.base import Noise, PosteriorDraw
from vlae.models.nn.distributions import gaussian_product
from vlae.networks.lvae import plan
from vlae.networks.notation import Shape


class LVAE(Hierarchy):
    """Ladder VAE with any number of layers, as planned by `networks/lvae.py`."""

    def __init__(
        self, network: dict[str, Any], objective: Objective, image: Shape
    ) -> None:
        super().__init__(network, objective, image, plan(network, image, "network"))

    def evidence(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return what x alone says of each layer: m_l and s_l, each (B, d_l).

        Args:
            x: (B, C, H, W).
        """
        found, features = [], x
        for conditional in self.posteriors:
            mean, scale, features = conditional(features)
            found.append((mean, scale))
        return found

    def draw_posterior(self, x: Tensor, noise: Noise) -> PosteriorDraw:
        """Draw z_L ... z_1 from the top to the bottom with `noise`.

        Args:
            x: (B, C, H, W), or one image, (1, C, H, W).
            noise: (B, d_l) per layer.
        """
        *lower, top = self.evidence(x)
        latents, posterior = [top[0] + top[1] * noise[-1]], [top]
        priors = self.prior(latents)
        for evidence, e in zip(reversed(lower), reversed(noise[:-1]), strict=True):
            prior = self.prior_below(latents)
            mean, scale = gaussian_product(*evidence, *prior)
            latents.insert(0, mean + scale * e)
            posterior.insert(0, (mean, scale))
            priors.insert(0, prior)
        return PosteriorDraw(latents, posterior, priors)


def build(network: dict[str, Any], objective: Objective, data: DataFacts) -> LVAE:
    """Build the model of a run spec; only the shape of `data` is used."""
    return LVAE(network, objective, data.shape)
