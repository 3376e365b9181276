"""What the encoder and the likelihood see of a stored image."""

import math

import msgspec
import pytest
import torch

from vlae.config.run_spec import DataNoise
from vlae.data.noise import observe

PLAIN = DataNoise(dequantise=False, scale=0.0, denoising=0.0)


def images(count=64, seed=0):
    stream = torch.Generator().manual_seed(seed)
    size = (count, 1, 28, 28)
    return torch.randint(256, size, generator=stream, dtype=torch.uint8)


def seen(pixels, seed=0, **changes):
    stream = torch.Generator().manual_seed(seed)
    return observe(pixels, msgspec.structs.replace(PLAIN, **changes), stream)


def five_errors(sd, count):
    return 5 * sd / math.sqrt(count)


def test_without_noise_grey_levels_become_the_unit_interval():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    x, target = seen(pixels)
    assert x.dtype == torch.float32
    torch.testing.assert_close(x.flatten(), torch.linspace(0, 1, 256))
    assert torch.equal(x, target)


@pytest.mark.parametrize("changes", [{"dequantise": True}, {"scale": 0.3}])
def test_encoder_and_likelihood_see_the_same_noisy_image(changes):
    pixels = images()
    x, target = seen(pixels, **changes)
    assert torch.equal(x, target)
    assert not torch.equal(x, seen(pixels)[0])


def test_dequantised_values_stay_in_their_grey_level():
    pixels = images()
    x, _ = seen(pixels, dequantise=True)
    assert x.min() >= 0
    assert x.max() < 1
    assert torch.equal((x * 256).floor(), pixels.float())


def test_dequantising_noise_is_uniform_over_one_grey_level():
    pixels = images()
    residue = (seen(pixels, dequantise=True)[0].double() * 256 - pixels).flatten()
    sd = 1 / math.sqrt(12)
    assert residue.mean().item() == pytest.approx(
        0.5, abs=five_errors(sd, residue.numel())
    )
    # The squared deviation of U(0, 1) has mean 1/12 and variance 1/180.
    variance = ((residue - 0.5) ** 2).mean().item()
    error = five_errors(1 / math.sqrt(180), residue.numel())
    assert variance == pytest.approx(sd**2, abs=error)


@pytest.mark.parametrize("dequantise", [False, True])
def test_data_noise_has_its_mean_and_standard_deviation(dequantise):
    pixels, scale = images(), 0.3
    noisy = seen(pixels, dequantise=dequantise, scale=scale)[0].double()
    residue = noisy - (pixels + 0.5) / 256 if dequantise else noisy - pixels / 255
    count = residue.numel()
    expected = math.hypot(scale, dequantise / 256 / math.sqrt(12))
    assert residue.mean().item() == pytest.approx(0, abs=five_errors(expected, count))
    error = five_errors(expected / math.sqrt(2), count)
    assert residue.std().item() == pytest.approx(expected, abs=error)


def test_data_noise_is_not_clipped():
    x, _ = seen(images(), scale=0.3)
    assert x.min() < 0
    assert x.max() > 1


@pytest.mark.parametrize("changes", [{}, {"scale": 0.3}, {"dequantise": True}])
def test_denoising_noise_is_seen_by_the_encoder_alone(changes):
    pixels, sd = images(), 0.2
    x, target = seen(pixels, denoising=sd, **changes)
    assert torch.equal(target, seen(pixels, **changes)[1])
    residue = (x - target).double()
    count = residue.numel()
    assert residue.mean().item() == pytest.approx(0, abs=five_errors(sd, count))
    error = five_errors(sd / math.sqrt(2), count)
    assert residue.std().item() == pytest.approx(sd, abs=error)


@pytest.mark.parametrize(
    "changes", [{"dequantise": True}, {"scale": 0.3}, {"denoising": 0.3}]
)
def test_noise_follows_from_the_generator(changes):
    first, again, other = (seen(images(4), seed, **changes)[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_stored_images_are_left_alone():
    pixels = images(4)
    before = pixels.clone()
    seen(pixels, dequantise=True, scale=0.3, denoising=0.3)
    assert torch.equal(pixels, before)
