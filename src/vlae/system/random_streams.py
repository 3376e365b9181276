"""Independent random streams from the seed of a run, each named by its purpose."""

import hashlib

import torch


def derive(seed: int, *purpose: str | int) -> int:
    """Return a 63-bit seed for a purpose; different purposes give unrelated seeds."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator(device: torch.device, seed: int, *purpose: str | int) -> torch.Generator:
    """Return a generator on a device for a purpose."""
    return torch.Generator(device).manual_seed(derive(seed, *purpose))
