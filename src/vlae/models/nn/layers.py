"""Torch modules of planned layers, which all models share."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from vlae.networks.notation import KERNEL, Chain, Layer, Shape, size


class SameConv2d(nn.Conv2d):
    """4x4 convolution with SAME padding: n pixels become ceil(n / stride).

    Args:
        inputs: number of channels that enter.
        outputs: number of channels that leave.
        stride: 1 or more.
        bias: whether a bias is added.
        mirrored: whether the smaller half of an odd padding comes behind, not in front.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        *,
        bias: bool,
        mirrored: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, KERNEL, stride, bias=bias)
        self.mirrored = mirrored

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', ceil(H / stride), ceil(W / stride))."""
        top, bottom = self._padding(input.shape[2])
        left, right = self._padding(input.shape[3])
        if (top, left) == (bottom, right):
            return F.conv2d(
                input, self.weight, self.bias, self.stride, padding=(top, left)
            )
        return super().forward(F.pad(input, (left, right, top, bottom)))

    def _padding(self, length: int) -> tuple[int, int]:
        stride = self.stride[0]
        total = max((-(-length // stride) - 1) * stride + KERNEL - length, 0)
        less, more = total // 2, total - total // 2
        return (more, less) if self.mirrored else (less, more)


class SameConvTranspose2d(nn.ConvTranspose2d):
    """4x4 transposed convolution: n pixels become n * stride, with stride 1 to 4."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, bias: bool) -> None:
        # The full output has (n - 1) * stride + 4 pixels; SAME crops 4 - stride.
        crop = (KERNEL - stride) // 2
        super().__init__(inputs, outputs, KERNEL, stride, padding=crop, bias=bias)
        self.odd = (KERNEL - stride) % 2

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (B, C, H, W) to (B, C', H * stride, W * stride)."""
        output = super().forward(input, output_size)
        return output[..., :-1, :-1] if self.odd else output


def transposed(
    inputs: int, outputs: int, stride: int, *, bias: bool
) -> SameConv2d | SameConvTranspose2d:
    """Return a transposed 4x4 convolution, which turns n pixels into n * stride.

    At stride 1 it equals a convolution with the kernel reversed and is computed as one,
    because that needs no cropping, which would leave holes in the memory of its output.
    """
    if stride == 1:
        return SameConv2d(inputs, outputs, 1, bias=bias, mirrored=True)
    return SameConvTranspose2d(inputs, outputs, stride, bias=bias)


@dataclass(frozen=True)
class LayerSettings:
    """What the layers of a network have in common.

    Args:
        batch_norm: moving, batch (batch statistics also when sampling) or none.
        epsilon: added to the variance in batch norm.
        gain: whether batch norm has a learned factor; it always has a learned shift.
        std: standard deviation of the initial weights; 0 for PyTorch's own.
        unnormed: what layers that no batch norm follows start from: normal, like the
            others, or xavier (uniform, TensorFlow's default).
    """

    batch_norm: str
    epsilon: float
    gain: bool
    std: float
    unnormed: str

    @classmethod
    def of(cls, network: dict[str, Any]) -> "LayerSettings":
        """Return the settings of a network of the configuration."""
        return cls(
            network["batch_norm"],
            network["batch_norm_epsilon"],
            network["batch_norm_gain"],
            network["initial_std"],
            network["unnormed_weights"],
        )

    def initialise(self, affine: nn.Module, *, normed: bool) -> None:
        """Draw the initial weights of an affine map and set its bias to 0.

        Args:
            affine: a dense layer or a convolution.
            normed: whether batch norm follows.
        """
        assert isinstance(affine.weight, Tensor)
        if not normed and self.unnormed == "xavier":
            nn.init.xavier_uniform_(affine.weight)
        elif self.std:
            nn.init.normal_(affine.weight, 0, self.std)
        else:
            return
        if isinstance(affine.bias, Tensor):
            nn.init.zeros_(affine.bias)

    def norm(self, features: int, *, flat: bool) -> nn.Module:
        """Return the batch norm of dense features (flat) or of channels."""
        kind = nn.BatchNorm1d if flat else nn.BatchNorm2d
        norm = kind(
            features,
            eps=self.epsilon,
            track_running_stats=self.batch_norm == "moving",
        )
        if not self.gain:
            norm.register_parameter("weight", None)
        return norm


class Block(nn.Module):
    """One planned layer: an affine map, then batch norm and activation unless linear.

    Args:
        layer: the planned layer.
        activation: applied last, unless the layer is linear.
        settings: what the layers of the network have in common.
    """

    def __init__(
        self, layer: Layer, activation: nn.Module, settings: LayerSettings
    ) -> None:
        super().__init__()
        self.inputs, self.outputs = layer.inputs, layer.outputs
        self.flat = layer.kind in ("dense", "linear")
        linear = layer.kind == "linear"
        norm = settings.batch_norm != "none" and layer.normed and not linear
        self.affine: nn.Module
        if self.flat:
            self.affine = nn.Linear(
                size(layer.inputs), size(layer.outputs), bias=not norm
            )
        else:
            kind = SameConv2d if layer.kind == "conv" else transposed
            self.affine = kind(
                layer.inputs[0], layer.outputs[0], layer.stride, bias=not norm
            )
        settings.initialise(self.affine, normed=norm)
        self.norm: nn.Module = nn.Identity()
        if norm:
            features = size(layer.outputs) if self.flat else layer.outputs[0]
            self.norm = settings.norm(features, flat=self.flat)
        self.activation = nn.Identity() if linear else activation

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, *inputs)` to `(B, *outputs)`, the shapes of the planned layer."""
        if not self.flat:
            return self.activation(self.norm(self.affine(x)))
        x = self.activation(self.norm(self.affine(flat(x))))
        return unflat(x, self.outputs)

    def fold_batch_norm(self) -> None:
        """Fold the moving averages of batch norm, if any, into the affine map.

        Up to rounding the block then maps as it does in evaluation mode, in less time.
        It can no longer be trained, and has no parameters of batch norm any more.
        """
        norm, affine = self.norm, self.affine
        if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            return
        if norm.running_mean is None or norm.running_var is None:
            return
        weight, bias = affine.weight, affine.bias
        assert isinstance(weight, Tensor)
        assert bias is None or isinstance(bias, Tensor)
        # The function for convolutions also serves dense layers.
        affine.weight, affine.bias = fuse_conv_bn_weights(
            weight,
            bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
            transpose=isinstance(affine, nn.ConvTranspose2d),
        )
        self.norm = nn.Identity()


def fold_batch_norm(model: nn.Module) -> None:
    """Fold the moving averages of batch norm of all blocks of a model.

    Batch norm that takes the statistics of each batch stays as it is.
    """
    for module in model.modules():
        if isinstance(module, Block):
            module.fold_batch_norm()


def flat(x: Tensor) -> Tensor:
    """Return (B, ...) as (B, n), without a copy.

    The elements of an image (B, C, H, W) run channels last, as they lie in memory.
    """
    return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)


def unflat(x: Tensor, shape: Shape) -> Tensor:
    """Return (B, n) as `(B, *shape)`, without a copy: the inverse of `flat`."""
    if len(shape) == 1:
        return x
    channels, height, width = shape
    return x.unflatten(1, (height, width, channels)).permute(0, 3, 1, 2)


def widened(x: Tensor) -> Tensor:
    """Return bfloat16 as float32, whose digits densities need; other formats as is."""
    return x.float() if x.dtype is torch.bfloat16 else x


class Builder:
    """Maker of modules from plans, with the settings of one network.

    Args:
        settings: what the layers of the network have in common.
        activation: leaky (slope 0.1, encoders) or relu (decoders), for blocks that do
            not name one.
    """

    def __init__(self, settings: LayerSettings, activation: str) -> None:
        self.settings = settings
        self.activation = activation

    def chain(self, plan: Chain) -> nn.Sequential:
        """Make the module that maps `(B, *plan.inputs)` to `(B, *plan.outputs)`."""
        return nn.Sequential(*(self._block(layer) for layer in plan.layers))

    def linear(self, inputs: Shape, outputs: int) -> nn.Module:
        """Make the plain dense layer that maps `(B, *inputs)` to (B, outputs)."""
        return self._block(Layer("linear", inputs, (outputs,)))

    def image(self, inputs: Shape, image: Shape, stride: int | None) -> nn.Module:
        """Make the affine map from `(B, *inputs)` to images `(B, *image)`.

        Args:
            inputs: shape of the features.
            image: (C, H, W).
            stride: of a transposed convolution; None makes a dense layer.
        """
        if stride is None:
            return self._block(Layer("linear", inputs, image))
        last = transposed(inputs[0], image[0], stride, bias=True)
        self.settings.initialise(last, normed=False)
        return last

    def _block(self, layer: Layer) -> Block:
        leaky = (layer.activation or self.activation) == "leaky"
        activation = nn.LeakyReLU(0.1, True) if leaky else nn.ReLU(True)
        return Block(layer, activation, self.settings)


class Conditional(nn.Module):
    """N(z; mean(y), scale(y)^2), whose mean and scale are a body and a `GaussianHead`.

    Args:
        builder: makes the modules.
        body: the planned body.
        latent: size d of z.
        scale: sigmoid or softplus, as in `GaussianHead`.
        minimum: added to the scale.
    """

    def __init__(
        self, builder: Builder, body: Chain, latent: int, scale: str, minimum: float
    ) -> None:
        super().__init__()
        self.body = builder.chain(body)
        self.head = GaussianHead(builder, body.outputs, latent, scale, minimum)

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and scale, each (B, d), and the features of the body, (B, ...).

        Args:
            y: (B, ...), of the shape that the body takes.
        """
        features = self.body(y)
        return *self.head(features), features


class GaussianHead(nn.Module):
    """Mean and scale of a factorised Gaussian from the features of a body.

    Args:
        builder: makes the modules.
        inputs: shape of the features.
        latent: size d of the Gaussian.
        scale: sigmoid (at most 1, as in the authors' code) or softplus.
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
        """Return mean (B, d) and scale (B, d) > 0 for features (B, ...)."""
        mean, raw = widened(self.mean(features)), widened(self.raw_scale(features))
        return mean, self.squash(raw) + self.minimum
