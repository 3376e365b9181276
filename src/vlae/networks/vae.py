"""Plan of the flat VAE and of the partition of its code."""

import random
from dataclasses import dataclass
from typing import Any

from vlae.networks.notation import Chain, Shape, chain, output_stride


@dataclass(frozen=True)
class Plan:
    """`partition`: places in the code of layer 1, then of layer 2, and so on.

    `output_stride` is None where a dense layer makes the image.
    """

    encoder: Chain
    decoder: Chain
    partition: tuple[int, ...]
    output_stride: int | None


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve a flat VAE network for images of shape (C, H, W).

    Raises:
        UserError: shapes that do not meet.
    """
    code, width = sum(network["latents"]), network["width"]
    encoder = chain(network["encoder"], image, width, f"{key}.encoder")
    decoder = chain(network["decoder"], (code,), width, f"{key}.decoder")
    stride = output_stride(decoder.outputs, image, f"{key}.decoder")
    places = random.Random(network["partition_seed"]).sample(range(code), code)
    return Plan(encoder, decoder, tuple(places), stride)
