"""The VLAE as somebody writes it in PyTorch without a thought of speed.

What the benchmarks compare with: stock modules in their default layout, of the plan
of `networks/vlae.py`, sharing no layer with the package, so that whatever makes ours
fast stays out of it. Parameters have the package's names: its weights load here.

Only what `vlae-mnist` is made of: gated merges, and strides of 2 on even sides.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlae.networks._notation import KERNEL, Chain, Layer, size
from vlae.networks.vlae import Plan, Stage


class Encoder(nn.Module):
    """(B, C, H, W) to mean and log variance of all layers' latents, each (B, d)."""

    def __init__(self, layout: Plan, latents: list[int]) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(_chain(head, _Leaky) for head in layout.heads)
        self.heads = nn.ModuleList(
            nn.ModuleDict({name: _linear(head, n) for name in ("mean", "raw_scale")})
            for head, n in zip(layout.heads, latents, strict=True)
        )
        self.trunks = nn.ModuleList(_chain(trunk, _Leaky) for trunk in layout.trunks)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        means, logs = [], []
        for index, (body, head) in enumerate(zip(self.bodies, self.heads, strict=True)):
            features = body(x)
            means.append(head["mean"](features))
            # The scale is a sigmoid (`posterior_scale`).
            logs.append(2 * F.logsigmoid(head["raw_scale"](features)))
            if index < len(self.trunks):
                x = self.trunks[index](x)
        return torch.cat(means, 1), torch.cat(logs, 1)


class Decoder(nn.Module):
    """All layers' latents side by side (B, d), to the mean image (B, C, H, W)."""

    def __init__(self, layout: Plan, latents: list[int], channels: int) -> None:
        super().__init__()
        self.latents = latents
        self.stages = nn.ModuleList(_Stage(stage) for stage in layout.stages)
        inputs = layout.stages[0].body.outputs[0]
        last = nn.ConvTranspose2d(inputs, channels, KERNEL, 2, padding=1)
        self.likelihood = nn.ModuleDict({"mean": last})

    def forward(self, z: Tensor) -> Tensor:
        above = None
        parts = z.split(self.latents, 1)
        for stage, part in zip(reversed(self.stages), reversed(parts), strict=True):
            above = stage(part, above)
        return torch.sigmoid(self.likelihood["mean"](above))


class _Stage(nn.Module):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        assert stage.merge in ("gated", None), stage.merge
        if stage.embed:
            self.embed = _chain(stage.embed, nn.ReLU)
            self.gate = nn.Parameter(torch.empty(stage.body.inputs))
        self.body = _chain(stage.body, nn.ReLU)

    def forward(self, z: Tensor, above: Tensor | None) -> Tensor:
        return self.body(z if above is None else above + self.gate * self.embed(z))


def load(encoder: Encoder, decoder: Decoder, weights: dict[str, Tensor]) -> None:
    """Copy the package's `weights` into both; each must be of use."""
    left = {k: v for k, v in weights.items() if k != "likelihood.scale"}
    for part in (encoder, decoder):
        part.load_state_dict({k: left.pop(k) for k in part.state_dict()})
    assert not left, f"weights without a place: {', '.join(left)}"


def _chain(chain: Chain, activation: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(*(_block(layer, activation) for layer in chain.layers))


def _linear(chain: Chain, outputs: int) -> nn.Sequential:
    return _block(Layer("linear", chain.outputs, (outputs,)), nn.Identity)


def _block(layer: Layer, activation: type[nn.Module]) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    norm = layer.kind != "linear"
    if layer.kind in ("dense", "linear"):
        units = size(layer.outputs)
        parts["flatten"] = nn.Flatten()
        parts["affine"] = nn.Linear(size(layer.inputs), units, bias=not norm)
        if norm:
            parts["norm"] = nn.BatchNorm1d(units)
    else:
        assert layer.stride == 2, layer
        kind = nn.Conv2d if layer.kind == "conv" else nn.ConvTranspose2d
        inputs, outputs = layer.inputs[0], layer.outputs[0]
        parts["affine"] = kind(inputs, outputs, KERNEL, 2, padding=1, bias=not norm)
        parts["norm"] = nn.BatchNorm2d(outputs)
    if norm:
        parts["activation"] = activation()
    if layer.kind == "dense" and len(layer.outputs) == 3:
        parts["unflatten"] = nn.Unflatten(1, layer.outputs)
    return nn.Sequential(parts)


class _Leaky(nn.LeakyReLU):
    def __init__(self) -> None:
        super().__init__(0.1)
