"""From stored uint8 images to what the encoder and the likelihood see."""

from typing import Any

import torch
from torch import Tensor

from vlae.config.run_spec import DataNoise


def observe(
    images: Tensor, data_noise: DataNoise, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Encoder input and likelihood target of uint8 images.

    The data noise is part of x itself: both see the same noisy image. The
    denoising noise of the authors' code is seen by the encoder alone.

    Args:
        images: uint8 (B, C, H, W).
        data_noise: `dequantise` (uniform noise of one grey level, so that x has a
            density), `scale` (standard deviation of Gaussian noise added to x,
            not clipped, in units of the full grey range), `denoising` (the same,
            added to the encoder's input only).

    Returns:
        (input, target), float32, in units where black is 0 and white is 1.
    """
    # Channels last in memory: convolutions are faster so, values are the same.
    x = images.to(torch.float32, memory_format=torch.channels_last)
    options: dict[str, Any] = {"generator": generator, "device": images.device}
    if data_noise.dequantise:
        x = (x + torch.rand(x.shape, **options)) / 256
    else:
        x = x / 255
    if data_noise.scale:
        x = x + data_noise.scale * torch.randn(x.shape, **options)
    if data_noise.denoising:
        return x + data_noise.denoising * torch.randn(x.shape, **options), x
    return x, x
