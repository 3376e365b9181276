"""pythae's BetaVAE on the VLAE's network, and the proof that its objective is ours.

pythae is no dependency; `INSTALL` makes it importable here, and only here.
"""

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

import plain
import torch
from torch import Tensor

from vlae import training
from vlae.networks.vlae import plan

ROOT = Path(__file__).parents[1]
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
    """Whether pythae can be imported, and what it imports beside the environment."""
    names = ("pythae", "cloudpickle", "tqdm")
    return all(importlib.util.find_spec(name) for name in names)


def beta_vae(spec: dict[str, Any]) -> Any:
    """The VLAE of `spec` as pythae's BetaVAE, at the initial weights of ours.

    The latents of all layers are one vector to it; beta is the variance of p(x|z).
    """
    from pythae.models import BetaVAE, BetaVAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self, network: plain.Encoder) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> ModelOutput:
            mean, log_variance = self.network(x)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self, network: plain.Decoder) -> None:
            super().__init__()
            self.network = network

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.network(z))

    shape, latents = tuple(spec["data"]["shape"]), spec["network"]["latents"]
    layout = plan(spec["network"], shape, "network")
    encoder = plain.Encoder(layout, latents)
    decoder = plain.Decoder(layout, latents, shape[0])
    plain.load(encoder, decoder, training.build_model(spec).state_dict())
    config = BetaVAEConfig(
        input_dim=shape,
        latent_dim=sum(latents),
        reconstruction_loss="mse",
        beta=spec["objective"]["scale_value"] ** 2,
    )
    return BetaVAE(config, Encoder(encoder), Decoder(decoder))


def difference(spec: dict[str, Any], theirs: Any, images: int = 8) -> float:
    """Relative difference of loss or gradient, whichever is greater, of one batch.

    In float64 and with the same noise. pythae's loss is 0.5 * squared error + beta *
    KL: our negative ELBO, without its constant, times the variance of p(x|z).

    Args:
        spec: a run spec of a Gaussian of fixed scale; its initial model is ours.
        theirs: a `beta_vae`, which is made float64 and gets gradients.
    """
    ours, theirs = training.build_model(spec).double().train(), theirs.double().train()
    scale, latents = spec["objective"]["scale_value"], spec["network"]["latents"]
    x = torch.rand(images, *spec["data"]["shape"], dtype=torch.float64)

    torch.manual_seed(0)
    loss = theirs({"data": x}).loss
    loss.backward()
    torch.manual_seed(0)  # pythae draws the noise of all layers at once
    noise = torch.randn(images, sum(latents), dtype=torch.float64).split(latents, 1)
    terms = ours.terms(x, x, torch.zeros(images), list(noise))
    constant = x[0].numel() * (0.5 * math.log(2 * math.pi) + math.log(scale))
    own = scale**2 * (ours.loss(terms, 1.0) - constant)
    own.backward()

    wanted = _gradients(theirs.encoder.network) | _gradients(theirs.decoder.network)
    found = _gradients(ours)
    assert found.keys() == wanted.keys()
    error = sum((found[k] - wanted[k]).square().sum().item() for k in wanted)
    norm = sum(gradient.square().sum().item() for gradient in wanted.values())
    of_loss = abs(own.item() - loss.item()) / abs(loss.item())
    return max(of_loss, math.sqrt(error / norm))


def _gradients(model: torch.nn.Module) -> dict[str, Tensor]:
    return {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
