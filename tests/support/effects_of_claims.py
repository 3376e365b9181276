"""Tables of effects on which the outcome of a claim is known."""

import shutil

import torch
from claims_helpers import FRESH, write_run

# Layer 3 of the HVAE carries everything; each layer of the VLAE has its own property.
HVAE = {
    "pixels": [0.1, 0.15, 0.9],
    "thickness": [0.1, 0.3, 0.8],
    "class": [0.05, 0.1, 0.95],
}
VLAE = {
    "pixels": [0.4, 0.45, 0.6],
    "thickness": [0.8, 0.2, 0.1],
    "width": [0.1, 0.7, 0.3],
    "slant": [0.2, 0.6, 0.2],
    "class": [0.1, 0.3, 0.9],
    "width_within_class": [0.05, 0.9, 0.05],
    "slant_within_class": [0.05, 0.7, 0.1],
}
SHAPES = ["width", "slant", "width_within_class", "slant_within_class"]
HVAE_ALL = {**HVAE, **{name: [0.1, 0.1, 0.8] for name in SHAPES}}


def permuted(effects, order):
    return {name: [values[i] for i in order] for name, values in effects.items()}


def write_all(root, effects, seeds=FRESH, run="hvae", dataset="data", **facts):
    """Write one seed and copy it to the others, which takes a third of the time.

    The column `seed` of the copies is that of the first; claims read no such column.
    """
    first, *others = seeds
    write_run(root, effects, first, run=run, dataset=dataset, **facts)
    for folder in ("experiments", "runs"):
        of_run = root / folder / dataset / run
        for seed in others:
            shutil.copytree(of_run / str(first), of_run / str(seed), dirs_exist_ok=True)


class Drawing(torch.nn.Module):
    """Layer 1 sets the grey of the image, layer 2 the strength of its pattern."""

    latent_sizes = (1, 1)

    def __init__(self, order):
        super().__init__()
        self.order = order

    def draw_noise(self, count, generator):
        return [torch.randn(count, 1, generator=generator) for _ in self.latent_sizes]

    def decode(self, noise):
        grey, pattern = (noise[i][:, :, None, None] for i in self.order)
        board = (torch.arange(16 * 16) // 16 + torch.arange(16 * 16)) % 2 * 2.0 - 1
        board = board.reshape(1, 1, 16, 16)
        return torch.sigmoid(grey) * 0.5 + 0.25 + 0.1 * torch.sigmoid(pattern) * board
