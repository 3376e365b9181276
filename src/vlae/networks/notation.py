"""Networks in a short notation of blocks, resolved to shapes.

A chain is a string of blocks, applied left to right::

    c64,2        4x4 convolution, 64 channels, stride 2, batch norm, activation
    t64,2        the transposed convolution (stride multiplies the image size)
    f1024        dense, 1024 units, batch norm, activation
    f128x7x7     the same with 128*7*7 units, viewed as 128 channels of 7x7
    lin1024      plain dense: no norm, no activation
    f1024:relu   with this activation, relu or leaky (slope 0.1), in place of the
                 network's: leaky in encoders and relu in decoders
    c64,2:plain  without batch norm; both can be joined, as in c64,2:relu:plain

Channels and units scale with the network's `width`; spatial sizes do not.
Padding is SAME: a convolution of stride s maps n pixels to ceil(n / s). The stride of a
transposed convolution is at most 4, since beyond that its 4x4 kernels would leave gaps.
"""

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from vlae.system.errors import UserError

Shape = tuple[int, ...]
"""(channels, height, width) of an image, or (units,)."""

KERNEL = 4
"""Side of every convolution's kernel, in pixels."""

_BLOCK = re.compile(
    r"(?P<kind>c|t)(?P<channels>\d+),(?P<stride>\d+)"
    r"|(?P<dense>f|lin)(?P<units>\d+)(?:x(?P<height>\d+)x(?P<width>\d+))?"
)
_ACTIVATIONS = ("relu", "leaky")
_PLAIN = "plain"


@dataclass(frozen=True)
class Layer:
    """One resolved block."""

    kind: Literal["conv", "transposed", "dense", "linear"]
    inputs: Shape
    outputs: Shape
    stride: int = 1
    activation: str = ""
    """relu or leaky; empty for that of the network."""
    normed: bool = True
    """Whether batch norm follows, if the network has it; never after a linear layer."""


@dataclass(frozen=True)
class Chain:
    """Blocks that follow one another; an empty chain is the identity."""

    inputs: Shape
    layers: tuple[Layer, ...]

    @property
    def outputs(self) -> Shape:
        """Shape of what leaves the last block."""
        return self.layers[-1].outputs if self.layers else self.inputs


def chain(text: str, inputs: Shape, width: float, key: str) -> Chain:
    """Resolve the blocks in `text` for an input of shape `inputs`.

    Args:
        text: blocks separated by blanks; may be empty.
        inputs: shape of what enters the first block.
        width: multiplier of channels and units, above 0.
        key: configuration key of the chain, which errors name.

    Raises:
        UserError: if a block or its option is unknown, a stride is impossible, or a
            convolution follows a flat layer.
    """
    layers: list[Layer] = []
    shape = inputs
    for block in text.split():
        layers.append(_layer(block, shape, width, key))
        shape = layers[-1].outputs
    return Chain(inputs, tuple(layers))


def size(shape: Shape) -> int:
    """Return the number of elements of a shape."""
    return math.prod(shape)


def _layer(block: str, inputs: Shape, width: float, key: str) -> Layer:
    shape, *options = block.split(":")
    layer = _without_options(shape, inputs, width, key)
    for option in options:
        if layer.kind == "linear" or option not in (*_ACTIVATIONS, _PLAIN):
            raise UserError(
                f"{key}: cannot read ':{option}' in '{block}'; a block takes "
                f"{', '.join(_ACTIVATIONS)} or {_PLAIN}, and lin takes none of them."
            )
        if option == _PLAIN:
            layer = replace(layer, normed=False)
        else:
            layer = replace(layer, activation=option)
    return layer


def _without_options(block: str, inputs: Shape, width: float, key: str) -> Layer:
    match = _BLOCK.fullmatch(block)
    if match is None:
        raise UserError(
            f"{key}: cannot read block '{block}'; expected e.g. c64,2 t64,2 f1024 "
            "f128x7x7 lin1024 (see config/README.md)."
        )
    if match["kind"]:
        if len(inputs) != 3:
            raise UserError(
                f"{key}: block '{block}' needs an image but gets {inputs[0]} flat "
                "units. Put a block such as f128x7x7 before it."
            )
        stride = int(match["stride"])
        if stride < 1:
            raise UserError(f"{key}: block '{block}' has stride 0; expected 1 or more.")
        channels = _scaled(int(match["channels"]), width)
        if match["kind"] == "c":
            area = tuple(math.ceil(n / stride) for n in inputs[1:])
            return Layer("conv", inputs, (channels, *area), stride)
        if stride > KERNEL:
            raise UserError(
                f"{key}: block '{block}' has stride {stride}; expected at most "
                f"{KERNEL}, the size of the kernel."
            )
        area = tuple(n * stride for n in inputs[1:])
        return Layer("transposed", inputs, (channels, *area), stride)
    outputs: Shape = (_scaled(int(match["units"]), width),)
    if match["height"]:
        outputs += (int(match["height"]), int(match["width"]))
    return Layer("dense" if match["dense"] == "f" else "linear", inputs, outputs)


def _scaled(count: int, width: float) -> int:
    return max(1, round(count * width))


def output_stride(shape: Shape, image: Shape, key: str) -> int | None:
    """Return the stride of the transposed convolution from `shape` to `image`.

    It is None for a flat shape, from which a dense layer makes the image.

    Args:
        shape: (channels, height, width) or (units,).
        image: (C, H, W).
        key: configuration key of the decoder, which errors name.

    Raises:
        UserError: if no whole stride from 1 to `KERNEL` leads from one to the other.
    """
    if len(shape) == 1:
        return None
    factors = {n / m for n, m in zip(image[1:], shape[1:], strict=True)}
    factor = factors.pop()
    if factors or not 1 <= factor <= KERNEL or factor != int(factor):
        raise UserError(
            f"{key}: the decoder ends at {shape[1]}x{shape[2]}, from which no whole "
            f"stride from 1 to {KERNEL} leads to the {image[1]}x{image[2]} of the data."
        )
    return int(factor)


def expect_count(found: int, expected: int, key: str, per: str) -> None:
    """Raise UserError unless `found` is the expected number of entries.

    Args:
        found: number of entries.
        expected: number of layers, or of layers but the top one.
        key: configuration key of the list, which the error names.
        per: what one entry belongs to, for the message.
    """
    if found != expected:
        raise UserError(
            f"{key}: {found} entries, expected {expected}: one per {per} "
            "(the network has as many layers as 'latents' has numbers)."
        )
