"""The same models as anybody would write them first, to measure ours against.

Images are flattened as they are indexed (channel by channel), a transposed convolution
of any stride is one and its surplus is cropped, activations make new tensors, weights
and images lie channels first. A model so rebuilt computes the same function; only the
order of its weights differs, and `straightforward` puts them where they belong.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from vlae.models.nn.layers import Block, SameConv2d, SameConvTranspose2d
from vlae.networks.notation import Shape, size


class PlainBlock(nn.Module):
    def __init__(self, block: Block) -> None:
        super().__init__()
        self.flat, self.outputs = block.flat, block.outputs
        self.affine, self.norm = _plain_affine(block.affine), block.norm
        slope = getattr(block.activation, "negative_slope", None)
        self.activation: nn.Module = nn.Identity()
        if isinstance(block.activation, nn.ReLU):
            self.activation = nn.ReLU()
        elif slope is not None:
            self.activation = nn.LeakyReLU(slope)
        if self.flat:
            self._reorder(_order(block.inputs), _order(block.outputs))

    @torch.no_grad()
    def _reorder(self, inputs: Tensor, outputs: Tensor) -> None:
        tensors = {**self.affine.state_dict(), **self.norm.state_dict(prefix="norm.")}
        for values in tensors.values():
            if values.ndim:
                values.copy_(values[outputs].clone())
            if values.ndim == 2:
                values.copy_(values[:, inputs].clone())

    def forward(self, x: Tensor) -> Tensor:
        if self.flat:
            x = x.flatten(1)
        x = self.activation(self.norm(self.affine(x)))
        return x.unflatten(1, self.outputs) if self.flat else x


def _order(shape: Shape) -> Tensor:
    """Where each element of (C, H, W), channel by channel, stands channels last."""
    if len(shape) == 1:
        return torch.arange(size(shape))
    channels, height, width = shape
    places = torch.arange(size(shape)).reshape(height, width, channels)
    return places.permute(2, 0, 1).flatten()


def _plain_affine(affine: nn.Module) -> nn.Module:
    if not (isinstance(affine, SameConv2d) and affine.mirrored):
        return affine
    inputs, outputs = affine.in_channels, affine.out_channels
    plain = SameConvTranspose2d(inputs, outputs, 1, bias=affine.bias is not None)
    with torch.no_grad():
        plain.weight.copy_(affine.weight.transpose(0, 1).flip(2, 3))
        if plain.bias is not None and affine.bias is not None:
            plain.bias.copy_(affine.bias)
    return plain


def straightforward(model: nn.Module) -> nn.Module:
    """A copy of `model` of plain layers, with the same weights where they belong."""
    plain: Any = copy.deepcopy(model)
    plain = plain.to(memory_format=torch.contiguous_format)
    for parent in list(plain.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Block):
                setattr(parent, name, PlainBlock(child))
            elif isinstance(child, SameConv2d) and not isinstance(parent, PlainBlock):
                setattr(parent, name, _plain_affine(child))
    return plain
