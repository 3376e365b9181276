"""Held-out images with the noise from which a model makes them, for the explorer."""

import base64
from typing import Any

import torch
from torch import Tensor

from vlae.data.prepared import Prepared
from vlae.models.base import LatentVariableModel
from vlae.system.errors import UserError
from vlae.training.trained_run import TrainedRun, in_batches


def examples(
    run: TrainedRun[LatentVariableModel], data: Prepared, count: int
) -> list[dict[str, Any]]:
    """Return the first held-out images and their noise.

    Args:
        run: the trained run.
        data: the prepared data that it was trained on.
        count: number of images; fewer if the data have fewer.

    Returns:
        for each image `noise`, a list of numbers per layer; `pixels`, its C * H * W
        bytes in base64; and `label`, the name of its class, or None if there is none.

    Raises:
        UserError: if the images have another shape than those of the training.
    """
    shape = run.spec.data.shape
    stored = data.images("test")[:count]
    if stored.shape[1:] != shape:
        raise UserError(
            f"--data: {data.folder} holds images of shape {stored.shape[1:]}, but "
            f"{run.spec.name} was trained on {shape}. Give the data of the training."
        )
    labels: list[str | None] = [None] * len(stored)
    if run.spec.data.classes:
        found = data.table("test", ["label"])["label"][: len(stored)]
        names = data.card.get("class_names")
        labels = [names[label] if names else str(label) for label in found]
    pixels = torch.tensor(stored, device=run.device).float() / 255
    noise = [layer.tolist() for layer in image_noise(run, pixels)]
    return [
        {
            "noise": of_layers,
            "pixels": base64.b64encode(image.tobytes()).decode(),
            "label": label,
        }
        for *of_layers, image, label in zip(*noise, stored, labels, strict=True)
    ]


@torch.no_grad()
def image_noise(run: TrainedRun[LatentVariableModel], images: Tensor) -> list[Tensor]:
    """Return the noise of the mean codes of images, as `decode` takes it.

    In each layer the code is the mean of q(z_l | x, others), of the image without data
    noise. Its noise is (z_l - mean) / scale of its prior given the layers above, which
    in a model of independent layers is the code itself.

    Args:
        run: the trained run.
        images: (N, C, H, W) in [0, 1], on the run's device.

    Returns:
        (N, d_l) per layer, bottom to top.
    """
    model = run.model

    def infer(x: Tensor) -> Tensor:
        means = [torch.zeros(len(x), d, device=x.device) for d in model.latent_sizes]
        return torch.cat(model.residuals(model.infer(x, means)[0]), 1)

    return [*in_batches(infer, images).split(model.latent_sizes, 1)]
