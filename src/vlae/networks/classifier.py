"""Plan of the classifier of images."""

from dataclasses import dataclass
from typing import Any

from vlae.networks.notation import Chain, Shape, chain


@dataclass(frozen=True)
class Plan:
    """The body below the logits."""

    body: Chain


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve a classifier network for images of shape (C, H, W).

    Args:
        network: the network of the configuration.
        image: (C, H, W).
        key: configuration key of the network, which errors name.

    Raises:
        UserError: if a block is unknown or does not fit.
    """
    return Plan(chain(network["body"], image, network["width"], f"{key}.body"))
