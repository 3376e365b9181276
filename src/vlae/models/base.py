"""What every latent variable model of the project can do, however it is built.

A model is a deterministic function of its input and of standard normal noise,
one tensor `(B, d_l)` per layer, bottom layer first. So the same noise gives the
same image, a layer is redrawn by redrawing its noise, and numerics are pure.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from vlae.config.run_spec import RunSpec
from vlae.models.nn.likelihood import Likelihood
from vlae.statistics.moments import overall, powers
from vlae.system import registry
from vlae.system.random_streams import derive

Noise = list[Tensor]


class LatentVariableModel(nn.Module, ABC):
    """p(x, z_1 ... z_L) with inference q(z | x). Layer 1 is the bottom layer."""

    likelihood: Likelihood

    def __init__(self, latent_sizes: list[int]) -> None:
        super().__init__()
        self.latent_sizes = latent_sizes

    @abstractmethod
    def infer(self, x: Tensor, noise: Noise) -> tuple[list[Tensor], Tensor]:
        """Draw z ~ q(z | x) with `noise`.

        Returns:
            latents, bottom to top, each (B, d_l); and KL per layer in nats, (B, L),
            whose sum is (an unbiased estimate of) E_q[log q(z|x) - log p(z)].
        """

    @abstractmethod
    def generate(self, noise: Noise) -> list[Tensor]:
        """Draw z ~ p(z) by ancestral sampling with `noise`; bottom to top."""

    @abstractmethod
    def decoder(self, latents: list[Tensor]) -> Tensor:
        """Features of p(x | z), the input of `likelihood`."""

    def prior(self, latents: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Mean and scale of p(z_l | z_{l+1} ... z_L) at `latents`, each (B, d_l).

        Standard normal unless a model says otherwise.
        """
        return [(torch.zeros_like(z), torch.ones_like(z)) for z in latents]

    @property
    def resampled_sizes(self) -> list[int]:
        """Sizes of the layers, from the bottom, whose noise `resample` takes."""
        return self.latent_sizes

    def resample(self, x: Tensor, noise: Noise) -> list[Tensor]:
        """Draw from q(z | x) what p(x | .) depends on: half a step of a Gibbs chain.

        All layers, unless a model's lowest are drawn without those above.

        Args:
            x: (B, C, H, W).
            noise: standard normal, (B, d) for each of `resampled_sizes`.

        Returns:
            latents for `decoder`.
        """
        return self.infer(x, noise)[0]

    def decode(self, noise: Noise) -> Tensor:
        """Mean of p(x | z) for z = generate(noise); (B, C, H, W) in (0, 1)."""
        return self.likelihood(self.decoder(self.generate(noise)))[0]

    def terms(
        self, x: Tensor, target: Tensor, labels: Tensor, noise: Noise
    ) -> dict[str, Tensor]:
        """Parts of the ELBO (Eq. 2), each (B,) in nats.

        Args:
            x: what the encoder sees, (B, C, H, W).
            target: what the likelihood is evaluated at; x but for denoising.
            labels: ignored.
            noise: standard normal, (B, d_l) per layer.

        Returns:
            reconstruction: E_q[log p(target | z)]; kl_1 ... kl_L.
        """
        return self._terms(target, *self.infer(x, noise))

    def _terms(
        self, target: Tensor, latents: list[Tensor], kl: Tensor
    ) -> dict[str, Tensor]:
        mean, scale = self.likelihood(self.decoder(latents))
        reconstruction = self.likelihood.log_density(target, mean, scale)
        layers = {f"kl_{i + 1}": kl[:, i] for i in range(kl.shape[1])}
        return {"reconstruction": reconstruction, **layers}

    def loss(self, terms: dict[str, Tensor], kl_weight: Tensor | float) -> Tensor:
        """Batch mean of kl_weight * KL - reconstruction; the negative ELBO at 1."""
        return (kl_weight * self.total_kl(terms) - terms["reconstruction"]).mean()

    def summary(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """The parts and the ELBO."""
        return {**terms, "elbo": terms["reconstruction"] - self.total_kl(terms)}

    def evaluate(
        self, x: Tensor, target: Tensor, labels: Tensor, noise: Noise
    ) -> dict[str, Tensor]:
        """What an evaluation averages over images, (B, ...), arguments as of `terms`.

        The `summary`; and residual_1 ... residual_L, the powers of `residuals`.
        """
        del labels
        latents, kl = self.infer(x, noise)
        summary = self.summary(self._terms(target, latents, kl))
        layers = enumerate(self.residuals(latents), start=1)
        return summary | {f"residual_{layer}": powers(r) for layer, r in layers}

    def recorded(self, means: dict[str, Tensor], count: int) -> dict[str, float]:
        """What the history records, of the means of `evaluate` over `count` images."""
        found: dict[str, float] = {}
        for term, mean in means.items():
            if term.startswith("residual_"):
                layer = term.removeprefix("residual_")
                numbers = overall(mean, count).items()
                found |= {f"residual_{name}_{layer}": v for name, v in numbers}
            else:
                found[term] = float(mean)
        return found

    def residuals(self, latents: list[Tensor]) -> list[Tensor]:
        """(z_l - mean) / scale of p(z_l | z_{l+1} ... z_L), bottom to top, (B, d_l)."""
        layers = zip(latents, self.prior(latents), strict=True)
        return [(z - mean) / scale for z, (mean, scale) in layers]

    @staticmethod
    def total_kl(terms: dict[str, Tensor]) -> Tensor:
        """Sum over layers, (B,)."""
        return torch.stack([v for k, v in terms.items() if k.startswith("kl_")]).sum(0)

    def draw_noise(self, count: int, generator: torch.Generator) -> Noise:
        """Standard normal noise for `count` images, on the generator's device."""
        return [
            torch.randn(count, size, generator=generator, device=generator.device)
            for size in self.latent_sizes
        ]


def build_model(spec: RunSpec) -> Any:
    """The model of a run spec, with initial weights that follow from its seed.

    Its weights lie channels last in memory, for which convolutions are faster.
    """
    module = registry.load("models", spec.model)
    torch.manual_seed(derive(spec.seed, "initial weights"))
    model = module.build(spec.network, spec.objective, spec.data)
    return model.to(memory_format=torch.channels_last)
