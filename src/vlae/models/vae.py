"""Flat VAE: one code, cut into layers by a random partition. Not in the paper.

It is the control for statements about layers: nothing distinguishes its layers, so that
whatever a measure finds in one of them is chance. The partition follows from the
network's `partition_seed` alone and is stored with the weights.
"""

from typing import Any

import torch
from torch import Tensor

from vlae.config.run_spec import DataFacts, Objective
from vlae.models._independent import Independent
from vlae.models.nn.layers import Builder, Conditional, LayerSettings
from vlae.models.nn.likelihood import Likelihood
from vlae.networks.notation import Shape
from vlae.networks.vae import plan


class VAE(Independent):
    """Flat VAE as planned by `networks/vae.py`; `latents` are sizes of its parts."""

    partition: Tensor
    """Places in the code (d,) of layer 1, then of layer 2, and so on: a permutation."""

    def __init__(
        self, network: dict[str, Any], objective: Objective, image: Shape
    ) -> None:
        super().__init__(network["latents"])
        layout = plan(network, image, "network")
        settings = LayerSettings.of(network)
        encoder, decoder = Builder(settings, "leaky"), Builder(settings, "relu")
        scale, minimum = network["posterior_scale"], network["scale_minimum"]
        code = len(layout.partition)
        self.encoder = Conditional(encoder, layout.encoder, code, scale, minimum)
        self.decoder_body = decoder.chain(layout.decoder)
        self.likelihood = Likelihood(
            objective, decoder, layout.decoder.outputs, image, layout.output_stride
        )
        self.register_buffer("partition", torch.tensor(layout.partition))

    def split(self, code: Tensor) -> list[Tensor]:
        """Return a code (B, d) as layers, (B, d_l) each."""
        return [*code[:, self.partition].split(self.latent_sizes, 1)]

    def join(self, layers: list[Tensor]) -> Tensor:
        """Return the code (B, d) of layers (B, d_l): the inverse of `split`."""
        return torch.cat(layers, 1)[:, self.partition.argsort()]

    def posterior(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return mean and scale of q(z_l | x), parts of those of the code; (B, d_l)."""
        mean, scale, _ = self.encoder(x)
        return [*zip(self.split(mean), self.split(scale), strict=True)]

    def decoder(self, latents: list[Tensor]) -> Tensor:
        """Return the features (B, ...) of p(x | z) from the joined code."""
        return self.decoder_body(self.join(latents))


def build(network: dict[str, Any], objective: Objective, data: DataFacts) -> VAE:
    """Build the model of a run spec; only the shape of `data` is used."""
    return VAE(network, objective, data.shape)
