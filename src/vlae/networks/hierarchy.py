"""Plan of a hierarchy of layers (Eqs 3, 4, 15), whatever sees whatever."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vlae.networks.notation import Chain, Shape, chain, expect_count, output_stride


@dataclass(frozen=True)
class Plan:
    """Bottom to top; `output_stride` is None where a dense layer makes the image."""

    posterior: tuple[Chain, ...]
    prior: tuple[Chain, ...]
    decoder: Chain
    output_stride: int | None


def resolve(
    network: dict[str, Any],
    image: Shape,
    key: str,
    below: Callable[[list[Chain]], Shape],
    above: Callable[[list[int]], int],
) -> Plan:
    """Resolve a network with `posterior`, `prior` and `decoder` for (C, H, W).

    Args:
        below: what a body of the posterior gets, from the bodies under it, at least
            one; the lowest gets the image.
        above: what a body of the prior and the decoder get, in units, from the sizes
            of the latents above it, bottom to top.

    Raises:
        UserError: lists of the wrong length, shapes that do not meet.
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
    """Below: the features of the highest body, where inference goes up without draws.

    So for `resolve` in the LVAE, and wherever inference is deterministic.
    """
    return bodies[-1].outputs


def lowest(latents: list[int]) -> int:
    """Above: the lowest layer, where layers form a Markov chain."""
    return latents[0]
