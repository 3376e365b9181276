"""Classifier of images, which says what a decoded image shows. Not in the paper."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vlae.config.run_spec import DataFacts, Objective
from vlae.models.base import ImageClassifier, Noise
from vlae.models.nn.layers import Builder, LayerSettings, flat, widened
from vlae.networks.classifier import plan
from vlae.networks.notation import Shape


class Classifier(ImageClassifier):
    """A body as planned by `networks/classifier.py`, then classes or attributes.

    Args:
        network: the network of the configuration.
        image: (C, H, W).
        outputs: number of classes, or of attributes.
        exclusive: whether an image has exactly one of the outputs (classes, softmax) or
            any of them (attributes, a sigmoid each).
    """

    def __init__(
        self, network: dict[str, Any], image: Shape, outputs: int, *, exclusive: bool
    ) -> None:
        super().__init__()
        layout = plan(network, image, "network")
        builder = Builder(LayerSettings.of(network), "relu")
        self.exclusive = exclusive
        self.body = builder.chain(layout.body)
        self.logits = builder.linear(layout.body.outputs, outputs)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate layer (B, d), which the logits see.

        Args:
            x: images (B, C, H, W).
        """
        return flat(self.body(x))

    def probabilities(self, features: Tensor) -> Tensor:
        """Return the probabilities (B, outputs) of features (B, d)."""
        logits: Tensor = self.logits(features)
        return logits.softmax(1) if self.exclusive else logits.sigmoid()

    def terms(
        self, x: Tensor, target: Tensor, labels: Tensor | None, noise: Noise
    ) -> dict[str, Tensor]:
        """Return `cross_entropy` in nats and `accuracy` of each image, (B,).

        Over attributes, cross entropies add up and the accuracy is the mean.

        Args:
            x: (B, C, H, W).
            target: not used.
            labels: classes (B,), or attributes (B, outputs) of 0 and 1.
            noise: not used.
        """
        del target, noise
        assert labels is not None, "a classifier learns from labels"
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
        """Return the mean cross entropy () in nats; `kl_weight` is not used."""
        del kl_weight
        return terms["cross_entropy"].mean()

    def evaluate(
        self, x: Tensor, target: Tensor, labels: Tensor | None, noise: Noise
    ) -> dict[str, Tensor]:
        """Return what `terms` returns."""
        return self.terms(x, target, labels, noise)

    def draw_noise(self, count: int, generator: torch.Generator) -> Noise:
        """Return no noise: a classifier has no latents."""
        del count, generator
        return []


def build(network: dict[str, Any], objective: Objective, data: DataFacts) -> Classifier:
    """Build the model of a run spec. `objective` is not used: it is cross entropy."""
    del objective
    outputs = data.classes or len(data.attributes)
    return Classifier(network, data.shape, outputs, exclusive=bool(data.classes))
