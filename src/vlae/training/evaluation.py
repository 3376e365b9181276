"""What a model records of images in the course of its training."""

from collections.abc import Callable

import torch
from torch import Tensor

from vlae.config.run_spec import RunSpec
from vlae.data.noise import observe
from vlae.models.base import Model
from vlae.system.random_streams import generator
from vlae.training.batches import Images

BATCH = 500
"""Images that the model sees at once."""


@torch.no_grad()
def evaluate(
    model: Model,
    spec: RunSpec,
    split: str,
    images: Images,
    labels: Tensor,
    check: Callable[[], None],
) -> dict[str, float]:
    """Return means over the first images of a split, by term; `model` does not change.

    Args:
        model: in evaluation mode.
        spec: the settings of the run; `evaluation.images` are used, or all there are.
        split: train or test. With the seed it determines the noise, so that every call
            sees the same.
        images: (N, C, H, W) of the split.
        labels: (N,) or (N, attributes) from `vlae.data.prepared.targets`, on the
            model's device.
        check: called before each batch; it may raise.

    Returns:
        numbers by term; those in nats are per image.
    """
    noise = generator(labels.device, *spec.stream, "evaluation", split)
    count = min(spec.evaluation.images, len(images))
    sums: dict[str, Tensor] = {}
    for start in range(0, count, BATCH):
        check()
        rows = slice(start, min(start + BATCH, count))
        x, target = observe(images.rows(rows), spec.data_noise, noise)
        found = model.evaluate(x, target, labels[rows], model.draw_noise(len(x), noise))
        for term, values in found.items():
            sums[term] = sums.get(term, 0) + values.cpu().double().sum(0)
    means = {term: total / count for term, total in sums.items()}
    return model.recorded(means, count)
