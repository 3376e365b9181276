"""Data noise: from stored uint8 images to what the encoder and the likelihood see."""

from typing import Any

import torch
from torch import Tensor

from vlae.config.run_spec import DataNoise


def observe(
    images: Tensor, data_noise: DataNoise, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return encoder input and likelihood target for stored images.

    With `dequantise` and `scale` the noise is part of x itself, so that encoder and
    likelihood see the same noisy image. The noise of `denoising`, as in the authors'
    code, is seen by the encoder alone.

    Args:
        images: uint8 (B, C, H, W).
        data_noise: with `dequantise`, uniform noise as wide as one grey level is added,
            so that x has a density; `scale` and `denoising` are standard deviations of
            Gaussian noise in units of the full grey range, which is not clipped.
        generator: source of all noise, on the device of `images`.

    Returns:
        input and target, float32 (B, C, H, W), where black is 0 and white is 1.
    """
    # Convolutions are faster with channels last in memory; values are the same.
    x = images.to(torch.float32, memory_format=torch.channels_last)
    options: dict[str, Any] = {"generator": generator, "device": images.device}
    levels = 256 if data_noise.dequantise else 255
    if data_noise.dequantise:
        x = x + torch.rand(x.shape, **options)
    x = x / levels
    if data_noise.scale:
        x = x + data_noise.scale * torch.randn(x.shape, **options)
    if data_noise.denoising:
        return x + data_noise.denoising * torch.randn(x.shape, **options), x
    return x, x
