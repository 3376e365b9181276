"""Plan of the Markov hierarchical VAE (Eqs 4, 5, 15)."""

from dataclasses import dataclass
from typing import Any

from vlae.networks._notation import Chain, Shape, chain, expect_count, output_stride


@dataclass(frozen=True)
class Plan:
    """Bottom to top; `output_stride` is None where a dense layer makes the image."""

    posterior: tuple[Chain, ...]
    prior: tuple[Chain, ...]
    decoder: Chain
    output_stride: int | None


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve an HVAE network for images of shape (C, H, W).

    Raises:
        UserError: lists of the wrong length, shapes that do not meet.
    """
    latents, width = network["latents"], network["width"]
    layers = len(latents)
    expect_count(len(network["posterior"]), layers, f"{key}.posterior", "layer")
    expect_count(
        len(network["prior"]), layers - 1, f"{key}.prior", "layer but the top one"
    )
    posterior, below = [], image
    for index, blocks in enumerate(network["posterior"]):
        body = chain(blocks, below, width, f"{key}.posterior[{index}]")
        posterior.append(body)
        deterministic = network["inference"] == "deterministic"
        below = body.outputs if deterministic else (latents[index],)
    prior = [
        chain(blocks, (latents[index + 1],), width, f"{key}.prior[{index}]")
        for index, blocks in enumerate(network["prior"])
    ]
    decoder = chain(network["decoder"], (latents[0],), width, f"{key}.decoder")
    stride = output_stride(decoder.outputs, image, f"{key}.decoder")
    return Plan(tuple(posterior), tuple(prior), decoder, stride)
