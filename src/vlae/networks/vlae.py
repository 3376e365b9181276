"""Plan of the variational ladder autoencoder (Section 4.1)."""

from dataclasses import dataclass
from typing import Any

from vlae.networks.notation import Chain, Shape, chain, expect_count, output_stride
from vlae.system.errors import UserError

GROWS = True


@dataclass(frozen=True)
class Stage:
    """One stage of the decoder. The top stage has neither `embed` nor `merge`."""

    embed: Chain | None
    merge: str | None
    body: Chain


@dataclass(frozen=True)
class Plan:
    """Resolved chains of a VLAE, bottom to top."""

    heads: tuple[Chain, ...]
    """One per layer, from the trunk to the code."""
    trunks: tuple[Chain, ...]
    """One per layer but the top one, from the features of a layer to the next's."""
    stages: tuple[Stage, ...]
    """One per layer."""
    output_stride: int | None
    """Stride of the last transposed convolution; None where a dense layer follows."""


def plan(network: dict[str, Any], image: Shape, key: str) -> Plan:
    """Resolve a VLAE network for images of shape (C, H, W).

    Args:
        network: the network of the configuration.
        image: (C, H, W).
        key: configuration key of the network, which errors name.

    Raises:
        UserError: if a list has the wrong length or shapes do not fit.
    """
    latents, width = network["latents"], network["width"]
    layers = len(latents)
    expect_count(len(network["heads"]), layers, f"{key}.heads", "layer")
    expect_count(len(network["decoder"]), layers, f"{key}.decoder", "layer")
    expect_count(
        len(network["trunks"]), layers - 1, f"{key}.trunks", "layer but the top one"
    )
    heads, trunks, features = [], [], image
    for index, blocks in enumerate(network["heads"]):
        heads.append(chain(blocks, features, width, f"{key}.heads[{index}]"))
        if index < layers - 1:
            trunk = f"{key}.trunks[{index}]"
            trunks.append(chain(network["trunks"][index], features, width, trunk))
            features = trunks[-1].outputs
    stages: list[Stage] = []
    above: Shape | None = None
    for index in reversed(range(layers)):
        where = f"{key}.decoder[{index}]"
        stage = _stage(network["decoder"][index], latents[index], above, width, where)
        stages.insert(0, stage)
        above = stage.body.outputs
    assert above is not None
    stride = output_stride(above, image, f"{key}.decoder[0]")
    return Plan(tuple(heads), tuple(trunks), tuple(stages), stride)


def _stage(
    stage: dict[str, Any], latent: int, above: Shape | None, width: float, key: str
) -> Stage:
    if above is None:
        if "embed" in stage or "merge" in stage:
            raise UserError(
                f"{key}: the top stage takes 'body' only: nothing lies above it."
            )
        return Stage(None, None, chain(stage["body"], (latent,), width, f"{key}.body"))
    if "merge" not in stage:
        raise UserError(f"{key}: 'merge' is missing; expected concat or gated.")
    embed = chain(stage.get("embed", ""), (latent,), width, f"{key}.embed")
    if stage["merge"] == "gated":
        if embed.outputs != above:
            raise UserError(
                f"{key}.embed: gives shape {embed.outputs}, expected {above} as the "
                "stage above has: a gated merge adds the two."
            )
        merged = above
    else:
        if embed.outputs[1:] != above[1:]:
            raise UserError(
                f"{key}.embed: gives shape {embed.outputs}, which cannot be "
                f"concatenated with {above} from the stage above."
            )
        merged = (embed.outputs[0] + above[0], *above[1:])
    return Stage(
        embed, stage["merge"], chain(stage["body"], merged, width, f"{key}.body")
    )
