"""Plan of the ladder VAE (Sonderby et al. 2016)."""

from typing import Any

from vlae.networks.hierarchy import Plan, features, lowest, resolve
from vlae.networks.notation import Shape


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve an LVAE network for images of shape (C, H, W).

    Raises:
        UserError: lists of the wrong length, shapes that do not meet.
    """
    return resolve(network, image, key, features, lowest)
