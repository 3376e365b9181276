"""pythae's BetaVAE on the VLAE's network, and the proof that its objective is ours.

pythae is not a dependency; `INSTALL` makes it importable here, and only here.
"""

import importlib.util
import math
import sys
from typing import Any

import torch
from rows import ROOT
from straightforward import straightforward
from torch import Tensor

from vlae.config.run_spec import RunSpec
from vlae.models import base

FOLDER = ROOT / ".benchmarks-pythae"
INSTALL = (
    "python -m pip install --no-deps --require-hashes "
    f"--target {FOLDER.name} -r benchmarks/pythae.txt"
)
TOLERANCE = 1e-9
"""Relative difference of losses and gradients, in float64, up to which they agree."""

# Last, so that what the environment has is taken from there.
sys.path.append(str(FOLDER))


def present() -> bool:
    """Return whether pythae and the packages that only it needs can be imported."""
    names = ("pythae", "cloudpickle", "tqdm")
    return all(importlib.util.find_spec(name) for name in names)


def beta_vae(spec: RunSpec) -> Any:
    """The straightforward VLAE of `spec` as pythae's BetaVAE, at our initial weights.

    The latents of all layers are one vector to it; beta is the variance of p(x|z).
    """
    from pythae.models import BetaVAE, BetaVAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> ModelOutput:
            means, scales = zip(*self.network.posterior(x), strict=True)
            log_variance = 2 * torch.cat(scales, 1).log()
            return ModelOutput(
                embedding=torch.cat(means, 1), log_covariance=log_variance
            )

    class Decoder(BaseDecoder):
        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def forward(self, z: Tensor) -> ModelOutput:
            parts = list(z.split(self.network.latent_sizes, 1))
            mean, _ = self.network.likelihood(self.network.decoder(parts))
            return ModelOutput(reconstruction=mean)

    network = straightforward(base.build_model(spec))
    config = BetaVAEConfig(
        input_dim=spec.data.shape,
        latent_dim=sum(spec.network["latents"]),
        reconstruction_loss="mse",
        beta=spec.objective.scale_value**2,
    )
    return BetaVAE(config, Encoder(network), Decoder(network))


def difference(spec: RunSpec, theirs: Any, images: int = 8) -> float:
    """Relative difference of loss or gradient, whichever is greater, of one batch.

    In float64 and with the same noise. pythae's loss is 0.5 * squared error + beta *
    KL: our negative ELBO, without its constant, times the variance of p(x|z).

    Args:
        spec: a run spec of a Gaussian of fixed scale; its initial model is ours.
        theirs: a `beta_vae`, which is made float64 and gets gradients.
    """
    ours, theirs = base.build_model(spec).double().train(), theirs.double().train()
    scale, latents = spec.objective.scale_value, spec.network["latents"]
    x = torch.rand(images, *spec.data.shape, dtype=torch.float64)

    torch.manual_seed(0)
    loss = theirs({"data": x}).loss
    loss.backward()
    torch.manual_seed(0)  # pythae draws the noise of all layers at once
    noise = torch.randn(images, sum(latents), dtype=torch.float64).split(latents, 1)
    terms = ours.terms(x, x, torch.zeros(images), list(noise))
    constant = x[0].numel() * (0.5 * math.log(2 * math.pi) + math.log(scale))
    own = scale**2 * (ours.loss(terms, 1.0) - constant)
    own.backward()

    wanted, found = _gradients(theirs.encoder.network), _gradients(ours)
    assert found.keys() == wanted.keys()
    error = sum((found[k] - wanted[k]).square().sum().item() for k in wanted)
    norm = sum(gradient.square().sum().item() for gradient in wanted.values())
    of_loss = abs(own.item() - loss.item()) / abs(loss.item())
    return max(of_loss, math.sqrt(error / norm))


def _gradients(model: torch.nn.Module) -> dict[str, Tensor]:
    """Their elements in order of size: each model has an order of its own."""
    named = model.named_parameters()
    return {k: p.grad.flatten().sort()[0] for k, p in named if p.grad is not None}
