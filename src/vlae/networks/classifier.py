"""Plan of the classifier that classifiers images."""

from dataclasses import dataclass
from typing import Any

from vlae.networks.notation import Chain, Shape, chain


@dataclass(frozen=True)
class Plan:
    body: Chain


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve a classifier network for images of shape (C, H, W)."""
    return Plan(chain(network["body"], image, network["width"], f"{key}.body"))
