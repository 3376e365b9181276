"""Torch modules of planned layers, shared by all models."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlae.networks._notation import KERNEL, Chain, Layer, Shape, size


class SameConv2d(nn.Conv2d):
    """4x4 convolution with SAME padding: n pixels become ceil(n / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, bias: bool) -> None:
        super().__init__(inputs, outputs, KERNEL, stride, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', ceil(H / stride), ceil(W / stride))."""
        top, bottom = _same_padding(input.shape[2], self.stride[0])
        left, right = _same_padding(input.shape[3], self.stride[1])
        if (top, left) == (bottom, right):
            return F.conv2d(
                input, self.weight, self.bias, self.stride, padding=(top, left)
            )
        return super().forward(F.pad(input, (left, right, top, bottom)))


def _same_padding(length: int, stride: int) -> tuple[int, int]:
    total = max((-(-length // stride) - 1) * stride + KERNEL - length, 0)
    return total // 2, total - total // 2


class SameConvTranspose2d(nn.ConvTranspose2d):
    """4x4 transposed convolution: n pixels become n * stride (stride at most 4)."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, bias: bool) -> None:
        # The full output has (n - 1) * stride + 4 pixels; SAME crops 4 - stride.
        crop = (KERNEL - stride) // 2
        super().__init__(inputs, outputs, KERNEL, stride, padding=crop, bias=bias)
        self.odd = (KERNEL - stride) % 2

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, H, W) to (B, C', H * stride, W * stride)."""
        output = super().forward(input, output_size)
        return output[..., :-1, :-1] if self.odd else output


class Block(nn.Module):
    """One planned layer: affine map, then batch norm and activation unless linear."""

    def __init__(
        self, layer: Layer, activation: nn.Module, batch_norm: str, initial_std: float
    ) -> None:
        super().__init__()
        self.outputs = layer.outputs
        self.flat = layer.kind in ("dense", "linear")
        plain = layer.kind == "linear"
        norm = batch_norm != "none" and not plain
        self.affine: nn.Module
        if self.flat:
            self.affine = nn.Linear(
                size(layer.inputs), size(layer.outputs), bias=not norm
            )
        else:
            kind = SameConv2d if layer.kind == "conv" else SameConvTranspose2d
            self.affine = kind(
                layer.inputs[0], layer.outputs[0], layer.stride, bias=not norm
            )
        initialise(self.affine, initial_std)
        self.norm: nn.Module = nn.Identity()
        if norm:
            kind_of_norm = nn.BatchNorm1d if self.flat else nn.BatchNorm2d
            features = size(layer.outputs) if self.flat else layer.outputs[0]
            self.norm = kind_of_norm(
                features, track_running_stats=batch_norm == "moving"
            )
        self.activation = nn.Identity() if plain else activation

    def forward(self, x: Tensor) -> Tensor:
        if self.flat:
            x = x.flatten(1)
        x = self.activation(self.norm(self.affine(x)))
        return x.unflatten(1, self.outputs) if self.flat and x.ndim == 2 else x


def initialise(affine: nn.Module, std: float) -> None:
    """N(0, std^2) weights and zero bias; `std` 0 keeps PyTorch's own start."""
    if std:
        assert isinstance(affine.weight, Tensor)
        nn.init.normal_(affine.weight, 0, std)
        if isinstance(affine.bias, Tensor):
            nn.init.zeros_(affine.bias)


class Builder:
    """Makes modules of plans with one network's settings.

    Args:
        batch_norm: moving, batch (batch statistics also when sampling) or none.
        initial_std: standard deviation of initial weights; 0 for PyTorch's own.
        activation: leaky (slope 0.1, encoders) or relu (decoders).
    """

    def __init__(self, batch_norm: str, initial_std: float, activation: str) -> None:
        self.batch_norm = batch_norm
        self.initial_std = initial_std
        self.activation = activation

    def chain(self, plan: Chain) -> nn.Sequential:
        """Module from `plan.inputs` to `plan.outputs`, with a batch axis in front."""
        return nn.Sequential(*(self._block(layer) for layer in plan.layers))

    def linear(self, inputs: Shape, outputs: int) -> nn.Module:
        """Plain dense layer from any shape to (outputs,)."""
        return self._block(Layer("linear", inputs, (outputs,)))

    def image(self, inputs: Shape, image: Shape, stride: int | None) -> nn.Module:
        """Affine map to an image: dense if `stride` is None, else transposed."""
        if stride is None:
            return self._block(Layer("linear", inputs, image))
        last = SameConvTranspose2d(inputs[0], image[0], stride, bias=True)
        initialise(last, self.initial_std)
        return last

    def _block(self, layer: Layer) -> Block:
        activation = nn.LeakyReLU(0.1) if self.activation == "leaky" else nn.ReLU()
        return Block(layer, activation, self.batch_norm, self.initial_std)


class GaussianHead(nn.Module):
    """Mean and scale of a factorised Gaussian from the features of a body.

    Args:
        scale: sigmoid (at most 1, as the authors have it) or softplus.
        minimum: added to the scale.
    """

    def __init__(
        self, builder: Builder, inputs: Shape, latent: int, scale: str, minimum: float
    ) -> None:
        super().__init__()
        self.mean = builder.linear(inputs, latent)
        self.raw_scale = builder.linear(inputs, latent)
        self.squash = torch.sigmoid if scale == "sigmoid" else F.softplus
        self.minimum = minimum

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, ...) features to mean (B, d) and scale (B, d) > 0."""
        return self.mean(features), self.squash(self.raw_scale(features)) + self.minimum
