"""Markov hierarchical VAE (Section 3, Eqs 4, 5 and 15).

p(x, z) = p(x|z_1) p(z_1|z_2) ... p(z_L), every conditional a factorised Gaussian
whose mean and scale are networks (Eq. 15). Inference runs bottom-up,
q(z_1|x) q(z_2|z_1) ... (Eq. 5), or on deterministic features of x.
"""

from typing import Any

import torch
from torch import Tensor, nn

from vlae.distributions import gaussian_kl, gaussian_log_density
from vlae.latent import LatentVariableModel, Noise
from vlae.layers import Builder, GaussianHead
from vlae.likelihood import Likelihood
from vlae.networks._notation import Chain, Shape
from vlae.networks.hvae import plan


class Conditional(nn.Module):
    """N(z; mean(y), scale(y)^2) with a shared body: the factors of Eqs 5 and 15."""

    def __init__(
        self, builder: Builder, body: Chain, latent: int, network: dict[str, Any]
    ) -> None:
        super().__init__()
        self.body = builder.chain(body)
        scale, minimum = network["posterior_scale"], network["scale_minimum"]
        self.head = GaussianHead(builder, body.outputs, latent, scale, minimum)

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, ...) to mean and scale, each (B, d), and the body's features."""
        features = self.body(y)
        return *self.head(features), features


class HVAE(LatentVariableModel):
    """Any number of layers; widths and shapes by the plan of `networks/hvae.py`."""

    def __init__(
        self, network: dict[str, Any], objective: dict[str, Any], image: Shape
    ) -> None:
        super().__init__(network["latents"])
        layout = plan(network, image, "network")
        self.deterministic = network["inference"] == "deterministic"
        norm, std = network["batch_norm"], network["initial_std"]
        encoder, decoder = Builder(norm, std, "leaky"), Builder(norm, std, "relu")
        self.posteriors = nn.ModuleList(
            Conditional(encoder, body, latent, network)
            for body, latent in zip(layout.posterior, self.latent_sizes, strict=True)
        )
        prior_network = {**network, "posterior_scale": "softplus"}
        self.priors = nn.ModuleList(
            Conditional(decoder, body, latent, prior_network)
            for body, latent in zip(layout.prior, self.latent_sizes[:-1], strict=True)
        )
        self.decoder_body = decoder.chain(layout.decoder)
        self.likelihood = Likelihood(
            objective, decoder, layout.decoder.outputs, image, layout.output_stride
        )

    def infer(self, x: Tensor, noise: Noise) -> tuple[list[Tensor], Tensor]:
        latents: list[Tensor] = []
        parameters: list[tuple[Tensor, Tensor]] = []
        below = x
        for conditional, e in zip(self.posteriors, noise, strict=True):
            mean, scale, features = conditional(below)
            parameters.append((mean, scale))
            latents.append(mean + scale * e)
            below = features if self.deterministic else latents[-1]
        kl = [self._kl(i, parameters[i], latents) for i in range(len(latents))]
        return latents, torch.stack(kl, 1)

    def _kl(
        self, index: int, parameters: tuple[Tensor, Tensor], latents: list[Tensor]
    ) -> Tensor:
        """E_q[log q(z_l|below) - log p(z_l|z_{l+1})], one draw of z; (B,).

        In closed form where z_{l+1} does not depend on z_l given x. Bottom-up
        inference draws z_{l+1} from z_l, so there the log ratio at the draw is
        the estimate; at the exact posterior it has no variance.
        """
        top = index == len(latents) - 1
        prior = (
            (torch.zeros_like(latents[-1]), torch.ones_like(latents[-1]))
            if top
            else self.priors[index](latents[index + 1])[:2]
        )
        if self.deterministic:
            return gaussian_kl(*parameters, *prior)
        z = latents[index]
        return gaussian_log_density(z, *parameters) - gaussian_log_density(z, *prior)

    def generate(self, noise: Noise) -> list[Tensor]:
        latents = [noise[-1]]
        for prior, e in zip(reversed(self.priors), reversed(noise[:-1]), strict=True):
            mean, scale, _ = prior(latents[0])
            latents.insert(0, mean + scale * e)  # Eq. 15
        return latents

    def decoder(self, latents: list[Tensor]) -> Tensor:
        """Features of p(x | z_1): the layers above z_1 are not looked at."""
        return self.decoder_body(latents[0])

    def infer_bottom(self, x: Tensor, noise: Tensor) -> Tensor:
        """Draw z_1 ~ q(z_1 | x) with `noise` (B, d_1): the first half of Eq. 6."""
        mean, scale, _ = self.posteriors[0](x)
        return mean + scale * noise


def build(
    network: dict[str, Any], objective: dict[str, Any], data: dict[str, Any]
) -> HVAE:
    """The model of a run spec; of `data` only the shape counts."""
    return HVAE(network, objective, tuple(data["shape"]))
