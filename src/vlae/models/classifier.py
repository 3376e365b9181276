"""Classifier of images: the classifier of what a decoded image shows. Not of the paper."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlae.config.run_spec import DataFacts, Objective
from vlae.models.base import Noise
from vlae.models.nn.layers import Builder, flat, widened
from vlae.networks.classifier import plan
from vlae.networks.notation import Shape


class Classifier(nn.Module):
    """Body of `networks/classifier.py`, then a class or several yes-no attributes.

    Args:
        outputs: number of classes, or of attributes.
        exclusive: whether an image has one of the outputs (classes, softmax) or any
            of them (attributes, a sigmoid each).
    """

    def __init__(
        self, network: dict[str, Any], image: Shape, outputs: int, *, exclusive: bool
    ) -> None:
        super().__init__()
        layout = plan(network, image, "network")
        builder = Builder(network["batch_norm"], network["initial_std"], "relu")
        self.exclusive = exclusive
        self.body = builder.chain(layout.body)
        self.logits = builder.linear(layout.body.outputs, outputs)

    def features(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the penultimate layer, what the logits see; (B, d)."""
        return flat(self.body(x))

    def probabilities(self, features: Tensor) -> Tensor:
        """(B, d) features to probabilities (B, outputs)."""
        logits = self.logits(features)
        return logits.softmax(1) if self.exclusive else logits.sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] to probabilities (B, outputs)."""
        return self.probabilities(self.features(x))

    def terms(
        self, x: Tensor, target: Tensor, labels: Tensor, noise: Noise
    ) -> dict[str, Tensor]:
        """Cross entropy in nats and accuracy of each image, (B,).

        `labels` are classes (B,) or attributes (B, outputs) of 0 and 1; over
        attributes, cross entropies add up and the accuracy is the mean.
        """
        del target, noise
        logits = widened(self.logits(self.features(x)))
        if self.exclusive:
            return {
                "cross_entropy": F.cross_entropy(logits, labels, reduction="none"),
                "accuracy": (logits.argmax(1) == labels).float(),
            }
        entropies = F.binary_cross_entropy_with_logits(
            logits, labels.float(), reduction="none"
        )
        right = (logits > 0) == (labels > 0)
        return {"cross_entropy": entropies.sum(1), "accuracy": right.float().mean(1)}

    def loss(self, terms: dict[str, Tensor], kl_weight: Tensor | float) -> Tensor:
        del kl_weight
        return terms["cross_entropy"].mean()

    def evaluate(
        self, x: Tensor, target: Tensor, labels: Tensor, noise: Noise
    ) -> dict[str, Tensor]:
        return self.terms(x, target, labels, noise)

    def recorded(self, means: dict[str, Tensor], count: int) -> dict[str, float]:
        del count
        return {term: float(mean) for term, mean in means.items()}

    def draw_noise(self, count: int, generator: torch.Generator) -> Noise:
        return []


def build(network: dict[str, Any], objective: Objective, data: DataFacts) -> Classifier:
    """The model of a run spec. `objective` is not used: it is cross entropy."""
    del objective
    outputs = data.classes or len(data.attributes)
    return Classifier(network, data.shape, outputs, exclusive=bool(data.classes))
