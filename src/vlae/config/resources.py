"""What a job asks of a cluster: memory and minutes, from what was measured.

Networks are known here by their plans, so that Snakemake need not load torch. What
their layers keep and compute is counted; the constants that turn counts into megabytes
and minutes were measured (docs/cluster.md has the table and the commands). All memory
is the machine's, not the GPU's, in MB of 10^6 bytes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from vlae.networks.notation import KERNEL, Layer, size
from vlae.system import registry

Spec = dict[str, Any]

SNAKEMAKE = 300
"""MB of the two Snakemakes that a SLURM job starts before the command."""


@dataclass(frozen=True)
class Work:
    """What the layers of a network amount to, without its small last ones.

    Args:
        parameters: weights.
        kept: numbers that one image leaves behind, one for each layer's outputs.
        operations: of one image, forward: two for each product that is summed.
    """

    parameters: int
    kept: int
    operations: int


def work(network: dict[str, Any]) -> Work:
    """Count what `network` of a run spec keeps and computes."""
    plan = registry.load("networks", network["model"]).plan(
        network, tuple(network["input"]), "network"
    )
    layers = list(_layers(plan))
    weights = [_weights(layer) for layer in layers]
    return Work(
        sum(weights),
        sum(size(layer.outputs) for layer in layers) + size(tuple(network["input"])),
        sum(
            2 * count * _positions(layer)
            for count, layer in zip(weights, layers, strict=True)
        ),
    )


def _layers(node: Any) -> Iterator[Layer]:
    """Every layer anywhere in a plan."""
    if isinstance(node, Layer):
        yield node
    elif isinstance(node, tuple | list):
        for part in node:
            yield from _layers(part)
    elif is_dataclass(node):
        for field in fields(node):
            yield from _layers(getattr(node, field.name))


def _weights(layer: Layer) -> int:
    if layer.kind in ("conv", "transposed"):
        return KERNEL**2 * layer.inputs[0] * layer.outputs[0]
    return size(layer.inputs) * size(layer.outputs)


def _positions(layer: Layer) -> int:
    """How often a layer's weights are applied to one image."""
    if layer.kind == "conv":
        return math.prod(layer.outputs[1:])
    return math.prod(layer.inputs[1:]) if layer.kind == "transposed" else 1


LIBRARIES = 1000
"""MB of a process that has loaded torch and pandas: 850 to 950 measured."""
CUDA_LIBRARIES = 3000
"""MB that CUDA's libraries add; assumed, since no GPU was at hand to measure on."""
MARGIN = 1.5
"""What is asked for is so many times what the measured runs would need."""
_NUMBER = 4  # bytes
_STATE, _STEP, _DRAWN = 20, 8, 16
"""Bytes a weight (with Adam's and a checkpoint's), and how often a step and an
experiment keep what goes through the layers and what is drawn; fits of the measured."""
_BATCH = 500  # images of an evaluation, and of `runs.BATCH`

GPU_RATE, GPU_OVERHEAD = 5e12, 0.005
"""Operations a second and seconds a step on a GPU; assumed, a quarter of 20 TFLOP/s."""
CPU_RATE, CPU_OVERHEAD = 2e10, 0.01
"""The same of one thread; 4.7e10 to 8.9e10 a second measured."""
START = 15
"""Minutes for starting, copying and slow disks."""


def training_memory(spec: Spec, images: int, data_memory_mb: int) -> int:
    """MB of a training's job.

    Args:
        spec: a run spec.
        images: bytes of its prepared images.
        data_memory_mb: how much of them it may keep in memory.
    """
    found, batch = work(spec["network"]), spec["training"]["batch_size"]
    step = _NUMBER * found.kept * max(batch, 100) * _STEP
    network = _megabytes(_STATE * found.parameters + step)
    resident = min(_megabytes(images), data_memory_mb)
    return _asked(spec, network) + math.ceil(resident)


def training_minutes(spec: Spec) -> int:
    """Minutes of a training's job: its steps, evaluations, and a generous start."""
    settings, evaluation = spec["training"], spec["evaluation"]
    image = work(spec["network"]).operations
    steps = settings["steps"]
    evaluations = steps // evaluation["every"] + 2
    # Backward costs twice what forward does.
    operations = image * 3 * settings["batch_size"] * steps
    operations += image * evaluations * 2 * evaluation["images"]
    if spec["device"] == "cpu":
        rate, overhead = CPU_RATE * spec["threads"], CPU_OVERHEAD
    else:
        rate, overhead = GPU_RATE, GPU_OVERHEAD
    return START + math.ceil((operations / rate + overhead * steps) / 60)


def experiment_memory(spec: Spec, settings: dict[str, Any]) -> int:
    """MB of an experiment's job.

    Args:
        spec: the spec of the run that it is done on.
        settings: of the experiment. The largest count among them is taken for that of
            the images it holds.
    """
    found, image = work(spec["network"]), size(tuple(spec["network"]["input"]))
    count = max(_counts(settings), default=0)
    passing = _NUMBER * (found.parameters + found.kept * _BATCH)
    return _asked(spec, _megabytes(passing + _NUMBER * count * image * _DRAWN))


def _asked(spec: Spec, network: float) -> int:
    cuda = 0 if spec["device"] == "cpu" else CUDA_LIBRARIES
    return SNAKEMAKE + cuda + math.ceil(MARGIN * (LIBRARIES + network))


def _counts(settings: dict[str, Any]) -> Iterator[int]:
    """Whole numbers anywhere among settings, but not those of lists."""
    for value in settings.values():
        if isinstance(value, dict):
            yield from _counts(value)
        elif isinstance(value, int):
            yield value


def _megabytes(count: float) -> float:
    return count / 1e6
