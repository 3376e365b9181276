"""Independent random streams from one run seed, each named by its purpose."""

import hashlib

import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for `purpose`; streams of different purposes are unrelated."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator(device: torch.device, seed: int, *purpose: str | int) -> torch.Generator:
    """A generator on `device` for `purpose`."""
    return torch.Generator(device).manual_seed(derive(seed, *purpose))
