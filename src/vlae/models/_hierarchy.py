"""Hierarchies of Gaussian layers: z_l given the layers above it, z_L ~ N(0, I).

p(x, z) = p(x|.) p(z_1|.) ... p(z_L), where every conditional is a factorised Gaussian
whose mean and scale are networks (Eq. 15). A conditional sees the next layer above it
(Markov, Eq. 4), or all layers above it where a model overrides `above` (Eq. 3).
"""

from typing import Any

from torch import Tensor, nn

from vlae.config.run_spec import Objective
from vlae.models.base import Gaussians, LatentVariableModel, Noise, PosteriorDraw
from vlae.models.nn.layers import Builder, Conditional, LayerSettings
from vlae.models.nn.likelihood import Likelihood
from vlae.networks.hierarchy import Plan
from vlae.networks.notation import Shape

PRIOR_SCALE = "softplus"
"""How a prior makes its scale positive, whatever the encoder's `posterior_scale`."""


class Hierarchy(LatentVariableModel):
    """The generative half of a hierarchy, Markov unless overridden.

    It also builds the networks of inference, which subclasses put to use.

    Args:
        network: the network of the configuration.
        objective: settings of the likelihood.
        image: (C, H, W).
        layout: the resolved plan of `network`.
    """

    def __init__(
        self,
        network: dict[str, Any],
        objective: Objective,
        image: Shape,
        layout: Plan,
    ) -> None:
        super().__init__(network["latents"])
        settings = LayerSettings.of(network)
        encoder, decoder = Builder(settings, "leaky"), Builder(settings, "relu")
        scale, minimum = network["posterior_scale"], network["scale_minimum"]
        self.posteriors = nn.ModuleList(
            Conditional(encoder, body, latent, scale, minimum)
            for body, latent in zip(layout.posterior, self.latent_sizes, strict=True)
        )
        self.priors = nn.ModuleList(
            Conditional(decoder, body, latent, PRIOR_SCALE, minimum)
            for body, latent in zip(layout.prior, self.latent_sizes[:-1], strict=True)
        )
        self.decoder_body = decoder.chain(layout.decoder)
        self.likelihood = Likelihood(
            objective, decoder, layout.decoder.outputs, image, layout.output_stride
        )

    def above(self, latents: list[Tensor]) -> Tensor:
        """Return what a conditional of p sees of the layers above it, (B, d).

        Here it is the lowest of them, which makes the layers a Markov chain.

        Args:
            latents: z_{l+1} ... z_L, each (B, d_l).
        """
        return latents[0]

    def prior_below(self, latents: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return mean and scale of p(z_l | z_{l+1} ... z_L), each (B, d_l).

        Args:
            latents: z_{l+1} ... z_L, at least one; their number determines l.
        """
        layer = len(self.latent_sizes) - len(latents) - 1
        mean, scale, _ = self.priors[layer](self.above(latents))
        return mean, scale

    def prior(self, latents: list[Tensor]) -> Gaussians:
        """Return mean and scale of each layer given those above, each (B, d_l)."""
        layers = range(1, len(latents))
        below = [self.prior_below(latents[layer:]) for layer in layers]
        return [*below, *super().prior(latents[-1:])]

    def generate(self, noise: Noise) -> list[Tensor]:
        """Draw z_L, then every layer given those above it (Eq. 15); (B, d_l) each."""
        latents = [noise[-1]]
        for e in reversed(noise[:-1]):
            mean, scale = self.prior_below(latents)
            latents.insert(0, mean + scale * e)  # Eq. 15
        return latents

    def decoder(self, latents: list[Tensor]) -> Tensor:
        """Return the features (B, ...) of p(x | z) from what it sees of `latents`."""
        return self.decoder_body(self.above(latents))


class BottomUp(Hierarchy):
    """Inference from the bottom: q(z_1|x), then each z_l given what lies below it.

    The paper leaves the factorisation of q open (Section 2.2); this one is ours.
    Proposition 1 needs q(z_1|x) first. With `inference: deterministic`, z_l is inferred
    from features of x that go up from body to body, and not from the draws below it.
    """

    def __init__(
        self,
        network: dict[str, Any],
        objective: Objective,
        image: Shape,
        layout: Plan,
    ) -> None:
        super().__init__(network, objective, image, layout)
        self.deterministic = network["inference"] == "deterministic"

    def below(self, features: Tensor, latents: list[Tensor]) -> Tensor:
        """Return what q(z_l | below) sees, (B, d): here the highest draw below it.

        Args:
            features: of x, by the body of q(z_1|x), (B, ...); not used here.
            latents: the draws z_1 ... z_{l-1}, each (B, d_l).
        """
        del features
        return latents[-1]

    def draw_posterior(self, x: Tensor, noise: Noise) -> PosteriorDraw:
        """Draw z_1 ... z_L from the bottom to the top with `noise`.

        Args:
            x: (B, C, H, W), or one image, (1, C, H, W).
            noise: (B, d_l) per layer.
        """
        latents: list[Tensor] = []
        parameters: Gaussians = []
        features = [x]
        for conditional, e in zip(self.posteriors, noise, strict=True):
            if latents and not self.deterministic:
                seen = self.below(features[1], latents)
            else:
                seen = features[-1]
            mean, scale, found = conditional(seen)
            parameters.append((mean, scale))
            latents.append(mean + scale * e)
            features.append(found)
        return PosteriorDraw(latents, parameters, self.prior(latents))

    def layer_kl(self, draw: PosteriorDraw) -> Tensor:
        """Return E_q[log q(z_l|below) - log p(z_l|above)] from one draw of z; (B, L).

        It has a closed form where what is above does not depend on z_l given x.
        Inference from the bottom draws z_{l+1} from z_l, so that the log ratio at the
        draw is the estimate; at the exact posterior it has no variance.
        """
        return draw.kl() if self.deterministic else draw.log_ratios()
