"""Plan of the autoregressive hierarchical VAE (Eq. 3)."""

from typing import Any

from vlae.networks.hierarchy import Plan, features, resolve
from vlae.networks.notation import Chain, Shape, size


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve an autoregressive HVAE network for images of shape (C, H, W).

    Args:
        network: the network of the configuration.
        image: (C, H, W).
        key: configuration key of the network, which errors name.

    Raises:
        UserError: if a list has the wrong length or shapes do not fit.
    """

    def draws(bodies: list[Chain]) -> Shape:
        lower = network["latents"][: len(bodies)]
        return (size(bodies[0].outputs) + sum(lower),)

    below = features if network["inference"] == "deterministic" else draws
    return resolve(network, image, key, below, above=sum)
