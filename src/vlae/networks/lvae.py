"""Plan of the ladder VAE (Sonderby et al. 2016)."""

from typing import Any

from vlae.networks.hierarchy import Plan, features, lowest, resolve
from vlae.networks.notation import Shape


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve an LVAE network for images of shape (C, H, W).

    Args:
        network: the network of the configuration.
        image: (C, H, W).
        key: configuration key of the network, which errors name.

    Raises:
        UserError: if a list has the wrong length or shapes do not fit.
    """
    return resolve(network, image, key, features, lowest)
