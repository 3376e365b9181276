"""Plan of the Markov hierarchical VAE (Eqs 4 and 15)."""

from typing import Any

from vlae.networks.hierarchy import Plan, features, lowest, resolve
from vlae.networks.notation import Chain, Shape


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve an HVAE network for images of shape (C, H, W).

    Args:
        network: the network of the configuration.
        image: (C, H, W).
        key: configuration key of the network, which errors name.

    Raises:
        UserError: if a list has the wrong length or shapes do not fit.
    """

    def draw(bodies: list[Chain]) -> Shape:
        return (network["latents"][len(bodies) - 1],)

    below = features if network["inference"] == "deterministic" else draw
    return resolve(network, image, key, below, lowest)
