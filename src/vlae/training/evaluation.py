"""What a model records of images in the course of its training."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vlae.config.run_spec import RunSpec
from vlae.data.noise import observe
from vlae.system.random_streams import generator
from vlae.training.batches import Images

BATCH = 500


@torch.no_grad()
def evaluate(
    model: Any,
    spec: RunSpec,
    split: str,
    images: Images,
    labels: Tensor,
    check: Callable[[], None],
) -> dict[str, float]:
    """Means over the first images of a split, by term; changes nothing in `model`.

    Args:
        model: of a module of vlae.models, in evaluation mode.
        spec: of the run.
        split: with the seed it gives the noise, so that each call sees the same.
        labels: as `vlae.data.prepared.targets`, on the model's device.
        check: called before each batch; it may raise.
    """
    noise = generator(labels.device, spec.seed, "evaluation", split)
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
    recorded: dict[str, float] = model.recorded(means, count)
    return recorded
