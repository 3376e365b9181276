"""What training asks of any model, and what a latent variable model can do.

A model is a deterministic function of its input and of standard normal noise, one
tensor `(B, d_l)` per layer, bottom layer first. The same noise therefore gives the
same image, a layer is redrawn by redrawing its noise, and numerics are pure.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from vlae.config.run_spec import RunSpec
from vlae.config.term_names import (
    ELBO,
    RECONSTRUCTION,
    kl_term,
    kl_terms,
    residual_term,
)
from vlae.models.nn.distributions import gaussian_kl, gaussian_log_density
from vlae.models.nn.likelihood import Likelihood
from vlae.statistics.moments import overall, powers
from vlae.system import registry
from vlae.system.random_streams import derive

Noise = list[Tensor]
"""Standard normal noise, (B, d_l) per layer, bottom to top."""
Gaussians = list[tuple[Tensor, Tensor]]
"""Mean and scale per layer, bottom to top; each (B, d_l) or (1, d_l)."""

_POWERS = "residual_powers_"  # prefix of terms that are evaluated but not recorded


class Model(nn.Module, ABC):
    """What training asks of any model."""

    @abstractmethod
    def terms(
        self, x: Tensor, target: Tensor, labels: Tensor | None, noise: Noise
    ) -> dict[str, Tensor]:
        """Return the terms that the loss is made of, each (B,).

        Args:
            x: images that the encoder sees, (B, C, H, W).
            target: images that the likelihood is evaluated at, (B, C, H, W). They
                differ from `x` under denoising noise.
            labels: what `vlae.data.prepared.targets` gives, or None for a model that
                learns without labels.
            noise: what `draw_noise` gives.
        """

    @abstractmethod
    def loss(self, terms: dict[str, Tensor], kl_weight: Tensor | float) -> Tensor:
        """Return the loss () of a batch from what `terms` gives.

        Args:
            terms: each (B,).
            kl_weight: weight of the KL divergence, in [0, 1].
        """

    @abstractmethod
    def evaluate(
        self, x: Tensor, target: Tensor, labels: Tensor | None, noise: Noise
    ) -> dict[str, Tensor]:
        """Return what an evaluation averages over images, each (B, ...).

        The arguments are those of `terms`.
        """

    @abstractmethod
    def draw_noise(self, count: int, generator: torch.Generator) -> Noise:
        """Draw the noise of `count` images on the device of the generator."""

    def recorded(self, means: dict[str, Tensor], count: int) -> dict[str, float]:
        """Return the numbers that the history records, by term.

        Args:
            means: the means of what `evaluate` gives.
            count: number of images that they are means of.
        """
        del count
        return {term: float(mean) for term, mean in means.items()}


class ImageClassifier(Model):
    """A model that names what an image shows.

    What uses a classifier depends on this class and not on the network, so that an edit
    of the network repeats no experiment that does not ask it.
    """

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate layer (B, d) of images x (B, C, H, W)."""

    @abstractmethod
    def probabilities(self, features: Tensor) -> Tensor:
        """Return the probabilities (B, outputs) of features (B, d)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the probabilities (B, outputs) of images x (B, C, H, W) in [0, 1]."""
        return self.probabilities(self.features(x))


@dataclass(frozen=True)
class PosteriorDraw:
    """A draw of all layers from q(z | x), and the two densities at it, layer by layer.

    Lists run from the bottom to the top.
    """

    latents: list[Tensor]
    """(B, d_l) each."""
    posterior: Gaussians
    """Mean and scale of the conditional of q that each layer was drawn from."""
    prior: Gaussians
    """Mean and scale of p(z_l | z_{l+1} ... z_L), given the draws above."""

    def kl(self) -> Tensor:
        """Return the KL divergence of the two Gaussians of each layer, (B, L)."""
        pairs = zip(self.posterior, self.prior, strict=True)
        return torch.stack([gaussian_kl(*q, *p) for q, p in pairs], 1)

    def log_ratios(self) -> Tensor:
        """Return log q(z_l | .) - log p(z_l | .) of each layer at the draw, (B, L).

        Their sum is log q(z | x) - log p(z).
        """
        layers = zip(self.latents, self.posterior, self.prior, strict=True)
        return torch.stack(
            [
                gaussian_log_density(z, *q) - gaussian_log_density(z, *p)
                for z, q, p in layers
            ],
            1,
        )


class LatentVariableModel(Model):
    """p(x, z_1 ... z_L) with inference q(z | x). Layer 1 is the bottom layer.

    Args:
        latent_sizes: the sizes d_1 ... d_L of the layers.
    """

    inputs: ClassVar[Literal["codes", "noise"]] = "noise"
    """What `decode` takes: the codes z_l themselves, where layers are independent and
    z_l is its noise, or only noise that the layers above turn into codes."""

    likelihood: Likelihood

    kl_weight = 1.0
    """Weight in the loss of KL term 1; its l-th power is that of KL term l."""

    def __init__(self, latent_sizes: list[int]) -> None:
        super().__init__()
        self.latent_sizes = latent_sizes

    @abstractmethod
    def draw_posterior(self, x: Tensor, noise: Noise) -> PosteriorDraw:
        """Draw z ~ q(z | x) with `noise`.

        Args:
            x: (B, C, H, W); or one image, (1, C, H, W), which is then encoded once for
                all draws.
            noise: (B, d_l) per layer.
        """

    def infer(self, x: Tensor, noise: Noise) -> tuple[list[Tensor], Tensor]:
        """Draw z ~ q(z | x) with `noise`.

        Args:
            x: (B, C, H, W).
            noise: (B, d_l) per layer.

        Returns:
            latents, bottom to top, each (B, d_l); and the KL divergence per layer in
            nats, (B, L), whose sum is (an unbiased estimate of)
            E_q[log q(z|x) - log p(z)]. It is in closed form unless a model overrides
            `layer_kl`.
        """
        draw = self.draw_posterior(x, noise)
        return draw.latents, self.layer_kl(draw)

    def layer_kl(self, draw: PosteriorDraw) -> Tensor:
        """Return the KL divergence per layer in nats, (B, L), as `infer` gives it."""
        return draw.kl()

    @abstractmethod
    def generate(self, noise: Noise) -> list[Tensor]:
        """Draw z ~ p(z) by ancestral sampling with `noise`; bottom to top, (B, d_l)."""

    @abstractmethod
    def decoder(self, latents: list[Tensor]) -> Tensor:
        """Return the features (B, ...) of p(x | z), the input of `likelihood`.

        Args:
            latents: bottom to top, each (B, d_l); at least those that p(x | z) sees.
        """

    def prior(self, latents: list[Tensor]) -> Gaussians:
        """Return mean and scale of p(z_l | z_{l+1} ... z_L) per layer, each (B, d_l).

        They are those of N(0, I) unless a model overrides this.

        Args:
            latents: the values of z, bottom to top, each (B, d_l).
        """
        return [(torch.zeros_like(z), torch.ones_like(z)) for z in latents]

    def grow(self, presence: list[float]) -> None:
        """Set how much of each layer enters the decoder while the model is trained.

        Args:
            presence: a factor in [0, 1] per layer, bottom layer first; 1 at the end.

        Raises:
            NotImplementedError: if the layers of the model cannot grow.
        """
        raise NotImplementedError(f"the layers of a {type(self).__name__} do not grow")

    @property
    def resampled_sizes(self) -> list[int]:
        """Sizes of the layers, from the bottom, whose noise `resample` takes."""
        return self.latent_sizes

    def resample(self, x: Tensor, noise: Noise) -> list[Tensor]:
        """Draw from q(z | x) what p(x | z) depends on: half a step of a Gibbs chain.

        These are all layers, unless the lowest ones are inferred without those above.

        Args:
            x: (B, C, H, W).
            noise: standard normal, (B, d) for each of `resampled_sizes`.

        Returns:
            latents for `decoder`, each (B, d).
        """
        return self.infer(x, noise)[0]

    def decode(self, noise: Noise) -> Tensor:
        """Return the mean (B, C, H, W), in (0, 1), of p(x | z) for z = generate(noise).

        Args:
            noise: (B, d_l) per layer.
        """
        return self.likelihood(self.decoder(self.generate(noise)))[0]

    def terms(
        self, x: Tensor, target: Tensor, labels: Tensor | None, noise: Noise
    ) -> dict[str, Tensor]:
        """Return the parts of the ELBO (Eq. 2), each (B,) in nats.

        Args:
            x: images that the encoder sees, (B, C, H, W).
            target: images that the likelihood is evaluated at, (B, C, H, W).
            labels: not used.
            noise: (B, d_l) per layer.

        Returns:
            `reconstruction`, E_q[log p(target | z)], and `kl_1` ... `kl_L`.
        """
        del labels
        return self._terms(target, *self.infer(x, noise))

    def _terms(
        self, target: Tensor, latents: list[Tensor], kl: Tensor
    ) -> dict[str, Tensor]:
        mean, scale = self.likelihood(self.decoder(latents))
        reconstruction = self.likelihood.log_density(target, mean, scale)
        layers = {kl_term(i + 1): kl[:, i] for i in range(kl.shape[1])}
        return {RECONSTRUCTION: reconstruction, **layers}

    def loss(self, terms: dict[str, Tensor], kl_weight: Tensor | float) -> Tensor:
        """Return the batch mean of kl_weight * KL - reconstruction, in nats.

        At weight 1 it is the negative ELBO, unless the model's own `kl_weight` is not.
        """
        layers = enumerate(kl_terms(terms), start=1)
        kl = [self.kl_weight**layer * terms[term] for layer, term in layers]
        return (kl_weight * torch.stack(kl).sum(0) - terms[RECONSTRUCTION]).mean()

    def summary(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the terms and their `elbo`, each (B,) in nats."""
        return {**terms, ELBO: terms[RECONSTRUCTION] - self.total_kl(terms)}

    def evaluate(
        self, x: Tensor, target: Tensor, labels: Tensor | None, noise: Noise
    ) -> dict[str, Tensor]:
        """Return the `summary`, each (B,), and the powers of `residuals`, (B, 4, d_l).

        The arguments are those of `terms`.
        """
        del labels
        latents, kl = self.infer(x, noise)
        summary = self.summary(self._terms(target, latents, kl))
        layers = enumerate(self.residuals(latents), start=1)
        return summary | {f"{_POWERS}{layer}": powers(r) for layer, r in layers}

    def recorded(self, means: dict[str, Tensor], count: int) -> dict[str, float]:
        """Return the terms of the summary and the moments of the residuals by name.

        Args:
            means: the means of what `evaluate` gives: () per term of the summary,
                (4, d_l) per layer.
            count: number of images that they are means of.
        """
        found: dict[str, float] = {}
        for term, mean in means.items():
            if term.startswith(_POWERS):
                layer = int(term.removeprefix(_POWERS))
                moments = overall(mean, count).items()
                found |= {residual_term(name, layer): value for name, value in moments}
            else:
                found[term] = float(mean)
        return found

    def residuals(self, latents: list[Tensor]) -> list[Tensor]:
        """Return (z_l - mean) / scale of p(z_l | z_{l+1} ... z_L), each (B, d_l)."""
        layers = zip(latents, self.prior(latents), strict=True)
        return [(z - mean) / scale for z, (mean, scale) in layers]

    @staticmethod
    def total_kl(terms: dict[str, Tensor]) -> Tensor:
        """Return the sum of the KL divergences of all layers, (B,) in nats."""
        return torch.stack([terms[term] for term in kl_terms(terms)]).sum(0)

    def draw_noise(self, count: int, generator: torch.Generator) -> Noise:
        """Draw standard normal noise, (count, d_l) per layer, bottom to top."""
        return [
            torch.randn(count, size, generator=generator, device=generator.device)
            for size in self.latent_sizes
        ]


def build_model(spec: RunSpec) -> Model:
    """Build the model of a run spec, with the initial weights of its stream.

    Its weights lie channels last in memory, which makes convolutions faster.
    """
    module = registry.load("models", spec.model)
    torch.manual_seed(derive(*spec.stream, "initial weights"))
    model: Model = module.build(spec.network, spec.objective, spec.data)
    if isinstance(model, LatentVariableModel):
        model.kl_weight = spec.objective.kl_weight
    # PyTorch's own types do not know the argument.
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
