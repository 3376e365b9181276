"""A trained generative model to use from Python: numpy arrays in, numpy arrays out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vlae.config.run_spec import RunSpec
from vlae.data.noise import observe
from vlae.models.base import LatentVariableModel
from vlae.system.errors import UserError
from vlae.training import trained_run
from vlae.training.trained_run import TrainedRun, in_batches

Floats = npt.NDArray[np.float32]
Layers = Sequence[npt.NDArray[Any]]
"""One array (N, d_l) per layer, bottom layer first."""


def load(folder: Path | str, *, device: str = "auto") -> "LoadedRun":
    """Load a trained run.

    Threads and number format of the process stay as they are.

    Args:
        folder: `results/runs/DATASET/RUN/SEED`, or a copy of it; `spec.json` and
            `model.safetensors` suffice.
        device: "auto" (the GPU if there is one), "cpu", "cuda" or "mps".

    Raises:
        UserError: if a file is missing or broken, if the weights are those of another
            network, if there is no such device, or if the run is a classifier.
    """
    return LoadedRun(trained_run.load(Path(folder), device))


class LoadedRun:
    """A trained generative model with L layers; layer 1 is the bottom layer.

    A model turns standard normal noise into codes, and codes into an image. Noise and
    codes are lists of L arrays (N, d_l), bottom layer first. In a VLAE or a flat VAE
    the codes are the noise; in a hierarchical VAE a layer's code also depends on the
    codes above it. Images are arrays (N, C, H, W): those that come out are float32 in
    [0, 1], those that go in are uint8, or floats in [0, 1]. The same seed gives the
    same images.

    Args:
        trained: the run; see `load`.
    """

    def __init__(self, trained: TrainedRun[LatentVariableModel]) -> None:
        self._trained = trained
        self._model = trained.model

    def __repr__(self) -> str:
        sizes = " + ".join(map(str, self.latent_sizes))
        return f"<LoadedRun {self.spec.name}: {self.spec.model}, codes of {sizes}>"

    @property
    def spec(self) -> RunSpec:
        """All settings of the training."""
        return self._trained.spec

    @property
    def latent_sizes(self) -> list[int]:
        """Number of dimensions of each layer, bottom layer first."""
        return list(self._model.latent_sizes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.spec.data.shape

    def noise(self, n: int, seed: int = 0) -> list[Floats]:
        """Draw standard normal noise for `n` images, as `sample` does.

        Returns:
            L arrays (n, d_l), float32.
        """
        _check_positive("n", n)
        return _arrays(self._model.draw_noise(n, self._stream("sample", seed)))

    def sample(self, n: int, seed: int = 0) -> Floats:
        """Draw `n` images: means of p(x | z) for z ~ p(z), by ancestral sampling.

        Returns:
            (n, C, H, W) in [0, 1]; equal to `decode(noise=noise(n, seed))`.
        """
        return self.decode(noise=self.noise(n, seed))

    def decode(
        self, codes: Layers | None = None, *, noise: Layers | None = None
    ) -> Floats:
        """Return the images of given codes, or of given noise: means of p(x | z).

        Args:
            codes: L arrays (N, d_l), as `encode` returns them.
            noise: L arrays (N, d_l) of standard normal noise, as `noise` returns them;
                the model first turns them into codes.

        Returns:
            (N, C, H, W) in [0, 1].

        Raises:
            UserError: unless exactly one of both is given, in the right shapes.
        """
        if codes is not None and noise is None:
            latents = self._layers(codes, "codes")
            return _array(trained_run.decode_codes(self._trained, latents))
        if noise is not None and codes is None:
            images = trained_run.decode(self._trained, self._layers(noise, "noise"))
            return _array(images)
        raise UserError("decode: expected either codes or noise, and not both.")

    def encode(self, images: npt.NDArray[Any], seed: int | None = None) -> list[Floats]:
        """Return the codes of images.

        Args:
            images: (N, C, H, W), uint8, or floats in [0, 1].
            seed: None for means: in each layer the mean of q(z_l | x, others), at the
                means of the layers that it depends on, of the image without data noise.
                A number draws codes from q(z | x) instead, and the data noise of the
                training is added to the image.

        Returns:
            L arrays (N, d_l), float32.

        Raises:
            UserError: if the images have another shape or range.
        """
        levels = self._grey_levels(images)
        if seed is None:
            x = levels / 255
            noise = [torch.zeros(len(x), d, device=x.device) for d in self.latent_sizes]
        else:
            stream = self._stream("encode", seed)
            x, _ = observe(levels, self.spec.data_noise, stream)
            noise = self._model.draw_noise(len(x), stream)

        def infer(x: Tensor, *noise: Tensor) -> Tensor:
            return torch.cat(self._model.infer(x, list(noise))[0], 1)

        codes = in_batches(infer, x, *noise)
        return _arrays([*codes.split(self.latent_sizes, 1)])

    def reconstruct(self, images: npt.NDArray[Any], seed: int | None = None) -> Floats:
        """Return reconstructions of images: `decode(encode(images, seed))`.

        Args:
            images: (N, C, H, W), uint8, or floats in [0, 1].
            seed: None for means, a number for drawn codes; see `encode`.

        Returns:
            (N, C, H, W) in [0, 1].
        """
        return self.decode(self.encode(images, seed))

    def redraw(
        self, layer: int, n: int, seed: int = 0, *, noise: Layers | None = None
    ) -> Floats:
        """Draw `n` images that differ in the noise of one layer (Figures 3, 6 and 7).

        Args:
            layer: 1 ... L.
            n: number of images.
            seed: of the noise that is drawn.
            noise: L arrays (1, d_l), the noise of the image to start from; drawn unless
                given.

        Returns:
            (n, C, H, W) in [0, 1].

        Raises:
            UserError: if there is no such layer, or the noise has another shape.
        """
        self._check_layer(layer)
        _check_positive("n", n)
        stream = self._stream("redraw", seed)
        parts = [part.expand(n, -1) for part in self._start(noise, stream)]
        parts[layer - 1] = self._model.draw_noise(n, stream)[layer - 1]
        return _array(trained_run.decode(self._trained, parts))

    def traverse(
        self,
        layer: int,
        grid: int = 10,
        extent: float = 2.0,
        seed: int = 0,
        *,
        others: Literal["fixed", "redrawn"] = "fixed",
        noise: Layers | None = None,
    ) -> Floats:
        """Return images on a grid over the noise of one layer (Figure 5).

        Args:
            layer: 1 ... L.
            grid: number of images along each side.
            extent: the first dimension of the layer runs from -extent (left) to extent
                (right), its second, if it has one, from extent (top) to -extent.
            seed: of the noise that is drawn.
            others: "fixed" keeps all other noise the same over the grid, that of the
                layer's further dimensions included; "redrawn" draws it for each image,
                as Figure 5 does.
            noise: L arrays (1, d_l), the noise of all other dimensions if they are
                fixed; drawn unless given.

        Returns:
            (grid, grid, C, H, W) in [0, 1], rows from top to bottom.

        Raises:
            UserError: if there is no such layer, or the noise has another shape or is
                given although the others are redrawn.
        """
        self._check_layer(layer)
        _check_positive("grid", grid)
        stream = self._stream("traverse", seed)
        cells = grid * grid
        if others == "redrawn":
            if noise is not None:
                raise UserError("traverse: noise is given, but others are redrawn.")
            parts = self._model.draw_noise(cells, stream)
        else:
            parts = [p.repeat(cells, 1) for p in self._start(noise, stream)]
        axis = torch.linspace(-extent, extent, grid, device=self._trained.device)
        down, across = torch.meshgrid(axis.flip(0), axis, indexing="ij")
        for dimension, values in enumerate((across, down)[: parts[layer - 1].shape[1]]):
            parts[layer - 1][:, dimension] = values.flatten()
        images = _array(trained_run.decode(self._trained, parts))
        return images.reshape(grid, grid, *self.image_shape)

    def _stream(self, purpose: str, seed: int) -> torch.Generator:
        """Return random numbers for one method and seed; they follow the run's seed."""
        return self._trained.stream("from Python", purpose, seed)

    def _start(self, noise: Layers | None, stream: torch.Generator) -> list[Tensor]:
        """Return the noise of one image, (1, d_l) per layer: as given, or drawn."""
        if noise is None:
            return self._model.draw_noise(1, stream)
        parts = self._layers(noise, "noise")
        if len(parts[0]) != 1:
            raise UserError(f"noise: expected that of one image, got {len(parts[0])}.")
        return parts

    def _layers(self, arrays: Layers, name: str) -> list[Tensor]:
        """Return arrays (N, d_l) as tensors on the run's device, shapes checked."""
        device = self._trained.device
        parts = [torch.tensor(np.asarray(a, np.float32), device=device) for a in arrays]
        found = [tuple(part.shape) for part in parts]
        count = found[0][0] if found and found[0] else 0
        expected = [(count, size) for size in self.latent_sizes]
        if not count or found != expected:
            sizes = ", ".join(f"(N, {size})" for size in self.latent_sizes)
            raise UserError(
                f"{name}: expected one array per layer, {sizes}; got "
                f"{', '.join(map(str, found)) or 'none'}."
            )
        return parts

    def _grey_levels(self, images: npt.NDArray[Any]) -> Tensor:
        """Return images as float32 in [0, 255] on the run's device, checked."""
        array = np.asarray(images)
        if array.ndim != 4 or array.shape[1:] != self.image_shape or not len(array):
            raise UserError(
                f"images: expected (N, {', '.join(map(str, self.image_shape))}), got "
                f"{array.shape}."
            )
        if np.issubdtype(array.dtype, np.floating):
            if not (array.min() >= 0 and array.max() <= 1):
                raise UserError(
                    "images: expected floats in [0, 1], got values from "
                    f"{array.min():g} to {array.max():g}."
                )
            array = array * 255
        elif array.dtype != np.uint8:
            raise UserError(f"images: expected uint8 or floats, got {array.dtype}.")
        levels = torch.tensor(array, dtype=torch.float32, device=self._trained.device)
        return levels.contiguous(memory_format=torch.channels_last)

    def _check_layer(self, layer: int) -> None:
        if not 1 <= layer <= len(self.latent_sizes):
            raise UserError(
                f"layer: expected 1 to {len(self.latent_sizes)}, got {layer}. Layer 1 "
                "is the bottom layer."
            )


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise UserError(f"{name}: expected 1 or more, got {value}.")


def _array(images: Tensor) -> Floats:
    array: Floats = images.float().cpu().numpy()
    return array


def _arrays(parts: list[Tensor]) -> list[Floats]:
    return [_array(part) for part in parts]
