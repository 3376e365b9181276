"""Memory and minutes that a job asks a cluster for, derived from measured runs.

The numbers that a network keeps and computes are counted from its plan, so that
Snakemake does not load torch. The constants that turn these counts into megabytes and
minutes were measured; docs/cluster.md has the table and the commands. All memory is the
machine's, not the GPU's, in MB of 10^6 bytes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from msgspec import structs

from vlae.config.run_spec import RunSpec
from vlae.networks.notation import KERNEL, Layer, size
from vlae.system import registry

SNAKEMAKE_MB = 300
"""Memory of the two Snakemakes that a SLURM job starts before the command."""
LIBRARIES_MB = 1000
"""Memory of a process that has loaded torch and pandas; 850 to 950 was measured."""
CUDA_LIBRARIES_MB = 3000
"""Memory that CUDA's libraries add; assumed, as there was no GPU to measure on."""
MEMORY_MARGIN = 1.5
"""Factor between what the measured runs needed and what is asked for."""

BYTES_PER_NUMBER = 4
STATE_BYTES_PER_WEIGHT = 20
"""A weight with its gradient, Adam's two moments, and its copy in a checkpoint."""
COPIES_IN_STEP = 8
"""How often a training step holds the outputs of all layers; fitted to measurements."""
COPIES_OF_IMAGES = 16
"""How often an experiment holds the images that it draws; fitted to measurements."""
EVALUATION_BATCH = 500
"""Images that an evaluation or experiment passes through a network at a time."""
MIN_TRAINING_BATCH = 100
"""Smaller training batches are taken to need no less memory than this one."""

GPU_OPERATIONS_PER_S = 5e12
"""Assumed: a quarter of 20 TFLOP/s."""
GPU_OVERHEAD_S = 0.005
"""Seconds that each step takes on a GPU beside its operations; assumed."""
CPU_OPERATIONS_PER_S = 2e10
"""Operations of one thread that requests count on."""
FASTEST_OPERATIONS_PER_S = 8.9e10
"""Most operations of one thread that were measured."""
CPU_OVERHEAD_S = 0.01
"""Seconds that each step takes on a CPU beside its operations."""
IMAGES_OF_EXPERIMENT = 10_000
"""Images that an experiment decodes or infers, in order of magnitude."""
GPU_PAYS_FROM_S = 60
"""Seconds on a CPU from which an experiment asks for a GPU; no GPU was at hand."""
START_MINUTES = 15
"""Allowance for starting, copying and slow disks."""


@dataclass(frozen=True)
class Work:
    """Size of a network: sums over its layers, without its small last ones."""

    parameters: int
    """Number of weights."""
    kept: int
    """Numbers that all layers output for one image, the image itself included."""
    operations: int
    """Additions and multiplications of one image's forward pass."""


def work(network: dict[str, Any]) -> Work:
    """Count what a network keeps and computes.

    Args:
        network: the network of a run spec.
    """
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
    """Yield every layer anywhere in a plan."""
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
    """Return how often a layer's weights are applied to one image."""
    if layer.kind == "conv":
        return math.prod(layer.outputs[1:])
    return math.prod(layer.inputs[1:]) if layer.kind == "transposed" else 1


def training_memory(spec: RunSpec, image_bytes: int, data_memory_mb: int) -> int:
    """Return the megabytes that a training asks for.

    Args:
        spec: the run.
        image_bytes: size of its prepared images.
        data_memory_mb: megabytes of them that it may keep in memory.
    """
    found = work(spec.network)
    batch = max(spec.training.batch_size, MIN_TRAINING_BATCH)
    step = BYTES_PER_NUMBER * found.kept * batch * COPIES_IN_STEP
    network = _megabytes(STATE_BYTES_PER_WEIGHT * found.parameters + step)
    resident = min(_megabytes(image_bytes), data_memory_mb)
    return _with_margin(spec, network) + math.ceil(resident)


def training_minutes(spec: RunSpec) -> int:
    """Return the minutes that a training asks for: start, steps and evaluations."""
    return START_MINUTES + math.ceil(training_seconds(spec) / 60)


def training_seconds(spec: RunSpec) -> float:
    """Return the seconds that the steps and evaluations of a training may take."""
    settings, evaluation = spec.training, spec.evaluation
    image = work(spec.network).operations
    steps = settings.steps
    evaluations = steps // evaluation.every + 2
    # The backward pass costs twice the forward pass; evaluations see both splits.
    operations = image * 3 * settings.batch_size * steps
    operations += image * evaluations * 2 * evaluation.images
    if spec.device == "cpu":
        rate, overhead = CPU_OPERATIONS_PER_S * spec.threads, CPU_OVERHEAD_S
    else:
        rate, overhead = GPU_OPERATIONS_PER_S, GPU_OVERHEAD_S
    return operations / rate + overhead * steps


def minutes_on_one_thread(spec: RunSpec) -> tuple[int, int]:
    """Return the least and the most minutes that a training may take on a CPU."""
    seconds = training_seconds(structs.replace(spec, device="cpu", threads=1))
    fastest = CPU_OPERATIONS_PER_S / FASTEST_OPERATIONS_PER_S
    return max(1, round(fastest * seconds / 60)), max(1, math.ceil(seconds / 60))


def experiment_wants_gpu(spec: RunSpec) -> bool:
    """Return whether an experiment asks a cluster for a GPU.

    It does where its images would take the CPU longer than `GPU_PAYS_FROM_S`, or where
    the run insists on a device that is not the CPU. On most clusters, jobs wait longest
    for a GPU.

    Args:
        spec: the run that it is done on.
    """
    if spec.device != "auto":
        return spec.device != "cpu"
    operations = IMAGES_OF_EXPERIMENT * work(spec.network).operations
    return operations / (CPU_OPERATIONS_PER_S * spec.threads) > GPU_PAYS_FROM_S


def experiment_memory(spec: RunSpec, settings: dict[str, Any]) -> int:
    """Return the megabytes that an experiment asks for.

    Args:
        spec: the run that it is done on.
        settings: the experiment's. The largest whole number among them is taken for the
            number of images that it holds.
    """
    found, image = work(spec.network), size(tuple(spec.network["input"]))
    count = max(_counts(settings), default=0)
    passing = BYTES_PER_NUMBER * (found.parameters + found.kept * EVALUATION_BATCH)
    images = BYTES_PER_NUMBER * count * image * COPIES_OF_IMAGES
    return _with_margin(spec, _megabytes(passing + images))


def _with_margin(spec: RunSpec, network_mb: float) -> int:
    """Return the megabytes of a job whose network takes `network_mb`."""
    cuda = 0 if spec.device == "cpu" else CUDA_LIBRARIES_MB
    return SNAKEMAKE_MB + cuda + math.ceil(MEMORY_MARGIN * (LIBRARIES_MB + network_mb))


def _counts(settings: dict[str, Any]) -> Iterator[int]:
    """Yield the whole numbers anywhere among settings, except those in lists."""
    for value in settings.values():
        if isinstance(value, dict):
            yield from _counts(value)
        elif isinstance(value, int):
            yield value


def _megabytes(count: float) -> float:
    return count / 1e6
