"""Variational ladder autoencoder (Section 4.1, Eqs 8-14).

No latent sees another one: p(z) = prod_l N(0, I). The hierarchy is in the networks: the
higher a layer, the deeper are the networks that lead from x to z_l and from z_l to x.
"""

from typing import Any

import torch
from torch import Tensor, nn

from vlae.config.run_spec import DataFacts, Objective
from vlae.models._independent import Independent
from vlae.models.nn.layers import Builder, GaussianHead, LayerSettings
from vlae.models.nn.likelihood import Likelihood
from vlae.networks.notation import Shape
from vlae.networks.vlae import Stage, plan


class VLAE(Independent):
    """VLAE with any number of layers, as planned by `networks/vlae.py`."""

    presence: Tensor
    """Factor (L,) of what each layer adds to the decoder; 1 once it is trained."""

    def __init__(
        self, network: dict[str, Any], objective: Objective, image: Shape
    ) -> None:
        super().__init__(network["latents"])
        layout = plan(network, image, "network")
        settings = LayerSettings.of(network)
        encoder, decoder = Builder(settings, "leaky"), Builder(settings, "relu")
        self.bodies = nn.ModuleList(encoder.chain(head) for head in layout.heads)
        self.heads = nn.ModuleList(
            GaussianHead(
                encoder,
                head.outputs,
                latent,
                network["posterior_scale"],
                network["scale_minimum"],
            )
            for head, latent in zip(layout.heads, self.latent_sizes, strict=True)
        )
        self.trunks = nn.ModuleList(encoder.chain(trunk) for trunk in layout.trunks)
        gate = network["initial_gate"]
        self.stages = nn.ModuleList(
            DecoderStage(decoder, stage, gate) for stage in layout.stages
        )
        self.likelihood = Likelihood(
            objective,
            decoder,
            layout.stages[0].body.outputs,
            image,
            layout.output_stride,
        )
        ones = torch.ones(len(self.latent_sizes))
        # Not persistent, since the trained model has all layers.
        self.register_buffer("presence", ones, persistent=False)
        self.grows = False

    def grow(self, presence: list[float]) -> None:
        """Set how much of each layer below the top one enters the decoder.

        What v_l(z_l) adds to the merge is multiplied by the factor of its layer.

        Args:
            presence: a factor in [0, 1] per layer, bottom layer first.
        """
        self.presence.copy_(torch.tensor(presence))
        self.grows = True

    def posterior(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return mean and scale of q(z_l | x), each (B, d_l) (Eqs 12 and 13).

        Args:
            x: (B, C, H, W).
        """
        parameters, features = [], x
        for index, (body, head) in enumerate(zip(self.bodies, self.heads, strict=True)):
            parameters.append(head(body(features)))
            if index < len(self.trunks):
                features = self.trunks[index](features)  # h_l = g_l(h_{l-1}), Eq. 12
        return parameters

    def decoder(self, latents: list[Tensor]) -> Tensor:
        """Return the features (B, ...) of the output layer (Eqs 8, 9 and 11).

        Args:
            latents: z_1 ... z_L, each (B, d_l).
        """
        above: Tensor | None = None
        for layer in reversed(range(len(latents))):
            presence = self.presence[layer] if self.grows else None
            above = self.stages[layer](latents[layer], above, presence)
        assert above is not None
        return above


class DecoderStage(nn.Module):
    """One stage of the decoder: z~_l = f_l(merge(z~_{l+1}, v_l(z_l))) (Eqs 9 and 11).

    The top stage is z~_L = f_L(z_L) (Eq. 8). A gated merge adds v_l(z_l) times a
    learned gate; it is in the authors' code but not in the paper.

    Args:
        builder: makes the modules.
        stage: the resolved plan.
        initial_gate: start of the learned gate of a gated merge.
    """

    def __init__(self, builder: Builder, stage: Stage, initial_gate: float) -> None:
        super().__init__()
        self.merge = stage.merge
        self.embed = builder.chain(stage.embed) if stage.embed else nn.Identity()
        self.body = builder.chain(stage.body)
        if stage.merge == "gated":
            self.gate = nn.Parameter(torch.full(stage.body.inputs, initial_gate))

    def forward(
        self, z: Tensor, above: Tensor | None, presence: Tensor | None = None
    ) -> Tensor:
        """Return the features (B, ...) of this stage.

        Args:
            z: (B, d_l).
            above: features (B, ...) of the stage above; None for the top stage.
            presence: factor () of v_l(z_l), while the model grows.
        """
        embedded = self.embed(z)
        if presence is not None and above is not None:
            embedded = presence * embedded
        if above is None:
            merged = embedded
        elif self.merge == "gated":
            merged = above + self.gate * embedded
        else:
            merged = torch.cat([above, embedded], 1)  # Eq. 11
        return self.body(merged)


def build(network: dict[str, Any], objective: Objective, data: DataFacts) -> VLAE:
    """Build the model of a run spec; only the shape of `data` is used."""
    return VLAE(network, objective, data.shape)
