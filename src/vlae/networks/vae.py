"""Plan of the flat VAE and of the partition of its code."""

import random
from dataclasses import dataclass
from typing import Any

from vlae.networks.notation import Chain, Shape, chain, output_stride


@dataclass(frozen=True)
class Plan:
    """Resolved chains of a flat VAE, and the places of its layers in the code."""

    encoder: Chain
    decoder: Chain
    partition: tuple[int, ...]
    """Places in the code of layer 1, then of layer 2, and so on: a permutation."""
    output_stride: int | None
    """Stride of the last transposed convolution; None where a dense layer follows."""


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve a flat VAE network for images of shape (C, H, W).

    Args:
        network: the network of the configuration.
        image: (C, H, W).
        key: configuration key of the network, which errors name.

    Raises:
        UserError: if a block is unknown or shapes do not fit.
    """
    code, width = sum(network["latents"]), network["width"]
    encoder = chain(network["encoder"], image, width, f"{key}.encoder")
    decoder = chain(network["decoder"], (code,), width, f"{key}.decoder")
    stride = output_stride(decoder.outputs, image, f"{key}.decoder")
    places = random.Random(network["partition_seed"]).sample(range(code), code)
    return Plan(encoder, decoder, tuple(places), stride)
