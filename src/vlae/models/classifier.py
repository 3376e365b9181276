"""Classifier of images: the judge of what a decoded image shows. Not of the paper."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlae.latent import Noise
from vlae.layers import Builder
from vlae.networks._notation import Shape
from vlae.networks.classifier import plan


class Classifier(nn.Module):
    """Softmax classifier on the body of `networks/classifier.py`."""

    def __init__(self, network: dict[str, Any], image: Shape, classes: int) -> None:
        super().__init__()
        layout = plan(network, image, "network")
        builder = Builder(network["batch_norm"], network["initial_std"], "relu")
        self.body = builder.chain(layout.body)
        self.logits = builder.linear(layout.body.outputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] to class probabilities (B, classes)."""
        return self.logits(self.body(x)).softmax(1)

    def terms(
        self, x: Tensor, target: Tensor, labels: Tensor, noise: Noise
    ) -> dict[str, Tensor]:
        """Cross entropy in nats and accuracy (0 or 1) of each image, (B,)."""
        del target, noise
        logits = self.logits(self.body(x))
        return {
            "cross_entropy": F.cross_entropy(logits, labels, reduction="none"),
            "accuracy": (logits.argmax(1) == labels).float(),
        }

    def loss(self, terms: dict[str, Tensor], kl_weight: float) -> Tensor:
        del kl_weight
        return terms["cross_entropy"].mean()

    def summary(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        return terms

    def draw_noise(self, count: int, generator: torch.Generator) -> Noise:
        return []


def build(
    network: dict[str, Any], objective: dict[str, Any], image: Shape, classes: int
) -> Classifier:
    """The model of a run spec. `objective` is not used: it is cross entropy."""
    del objective
    return Classifier(network, image, classes)
