"""Plan of a hierarchy of layers (Eqs 3, 4, 15); callers say what each layer sees."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vlae.networks.notation import Chain, Shape, chain, expect_count, output_stride


@dataclass(frozen=True)
class Plan:
    """Resolved chains of a hierarchy, bottom to top."""

    posterior: tuple[Chain, ...]
    """One body per layer."""
    prior: tuple[Chain, ...]
    """One body per layer but the top one."""
    decoder: Chain
    output_stride: int | None
    """Stride of the last transposed convolution; None where a dense layer follows."""


def resolve(
    network: dict[str, Any],
    image: Shape,
    key: str,
    below: Callable[[list[Chain]], Shape],
    above: Callable[[list[int]], int],
) -> Plan:
    """Resolve a network with `posterior`, `prior` and `decoder` for images (C, H, W).

    Args:
        network: the network of the configuration.
        image: (C, H, W).
        key: configuration key of the network, which errors name.
        below: gives the input shape of a body of the posterior from the bodies below
            it, at least one; the lowest body gets the image.
        above: gives the number of units that a body of the prior, or the decoder,
            gets from the sizes of the latents above it, bottom to top.

    Raises:
        UserError: if a list has the wrong length or shapes do not fit.
    """
    latents, width = network["latents"], network["width"]
    layers = len(latents)
    expect_count(len(network["posterior"]), layers, f"{key}.posterior", "layer")
    expect_count(
        len(network["prior"]), layers - 1, f"{key}.prior", "layer but the top one"
    )
    posterior: list[Chain] = []
    for index, blocks in enumerate(network["posterior"]):
        inputs = below(posterior) if posterior else image
        where = f"{key}.posterior[{index}]"
        posterior.append(chain(blocks, inputs, width, where))
    prior = [
        chain(blocks, (above(latents[index + 1 :]),), width, f"{key}.prior[{index}]")
        for index, blocks in enumerate(network["prior"])
    ]
    decoder = chain(network["decoder"], (above(latents),), width, f"{key}.decoder")
    stride = output_stride(decoder.outputs, image, f"{key}.decoder")
    return Plan(tuple(posterior), tuple(prior), decoder, stride)


def features(bodies: list[Chain]) -> Shape:
    """Return the features of the highest body, as `below` of `resolve`.

    This is the choice of models whose inference goes up without draws: the LVAE, and
    others with `inference: deterministic`.
    """
    return bodies[-1].outputs


def lowest(latents: list[int]) -> int:
    """Return the size of the lowest layer: `above` of `resolve` in a Markov chain."""
    return latents[0]
