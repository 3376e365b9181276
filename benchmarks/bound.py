"""How near training is to what the machine can do, and how long the paper takes on it.

    python benchmarks/bound.py [--device cuda] [--run mnist/vlae] [--width 1]

The bound of a step is 28 bytes a parameter over the measured copy bandwidth (Adam reads
weight, gradient and two moments and writes three of them) plus the step's operations
over the measured rate of matrix products: what remains if nothing else costs anything.
The whole paper is computed, from steps measured at full shape for each kind of run; on
a processor it would take days, so it is measured on a GPU only.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from cost import operations
from rows import Row, parser, publish
from training import WARM_UP, spec_of, whole

from vlae.config import configuration
from vlae.config.run_spec import RunSpec
from vlae.training import device as devices

BYTES_PER_PARAMETER = 28
COPIED, SIDE = 1 << 26, {"cpu": 1024, "cuda": 8192, "mps": 4096}


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall seconds of `work`, to the end of what it started on `device`."""
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def least(work: Callable[[], object], device: torch.device) -> float:
    """Return the smallest of five times, in seconds."""
    return min(seconds(work, device) for _ in range(5))


def bandwidth(device: torch.device, count: int) -> float:
    """Bytes read and written a second by a copy."""
    source = torch.ones(count, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return (
        8 * count / min(seconds(lambda: target.copy_(source), device) for _ in "12345")
    )


def matrix_rate(device: torch.device, side: int) -> float:
    """Operations a second of a square matrix product, as the run's precision has it."""
    left = torch.randn(side, side, device=device)
    torch.mm(left, left)
    return (
        2
        * side**3
        / min(seconds(lambda: torch.mm(left, left), device) for _ in "12345")
    )


def step_seconds(spec: RunSpec, steps: int, repeats: int) -> list[float]:
    run, device = whole(spec), devices.resolve_device(spec.device)
    run(WARM_UP)
    return [seconds(lambda: run(steps), device) / steps for _ in range(repeats)]


def near_the_bound(arguments: argparse.Namespace, device: torch.device) -> Row:
    spec = spec_of(arguments.run, arguments.width, arguments.threads, device.type)
    spec = spec.replace(compile=arguments.compile)
    setting = f"{arguments.run} x{arguments.width:g}, {name_of(device)}"
    if arguments.compile != "none":
        setting += f", compile: {arguments.compile}"
    devices.set_up(spec)
    parameters, flop = operations(spec)
    count = COPIED // 64 if arguments.quick else COPIED
    side = 128 if arguments.quick else SIDE[device.type]
    bound = BYTES_PER_PARAMETER * parameters / bandwidth(device, count)
    bound += flop / matrix_rate(device, side)
    found = step_seconds(spec, arguments.steps, arguments.repeats)
    # The bound is of one thread's work here, and says little of a processor's caches.
    target = 0.5 if device.type == "cuda" else None
    return Row(
        "share of the machine's bound",
        setting,
        tuple(bound / s for s in found),
        "of 1",
        target,
        note=f"{1e3 * statistics.median(found):.2f} ms a step",
    )


def whole_paper(device: torch.device, steps: int, threads: int) -> Row:
    """Minutes of the trainings of config.yaml with one seed, a run after the other."""
    what, setting = "the whole paper, one seed (computed)", name_of(device)
    found = configuration.load()
    total = 0.0
    for name in [*found.selection.runs(), *found.selection.classifiers()]:
        spec = found.specs.run_spec(name, 0)
        spec = spec.replace(device=device.type, threads=threads)
        once = statistics.median(step_seconds(spec, steps, 3))
        total += once * spec.training.steps
    return Row(what, setting, (total / 60,), "min", 30, more=False)


def name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    for kind in arguments.device:
        device = torch.device(kind)
        if kind == "cuda" and not torch.cuda.is_available():
            for what, target, more in (
                ("share of the machine's bound, mnist/vlae x1", 0.5, True),
                ("the whole paper, one seed, minutes", 30, False),
            ):
                note = "open: no GPU here"
                yield Row(what, "one GPU", (), "", target, more, note)
            continue
        yield near_the_bound(arguments, device)
        if kind == "cuda":
            yield whole_paper(device, arguments.steps, arguments.threads)


def main() -> None:
    options = parser(__doc__)
    kinds = ["cpu", "cuda", "mps"]
    options.add_argument("--device", nargs="+", choices=kinds, default=["cpu", "cuda"])
    options.add_argument("--run", default="mnist/vlae")
    options.add_argument("--width", type=float, default=1.0)
    options.add_argument("--steps", type=int, default=10)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--threads", type=int, default=1)
    modes = ["none", "default", "reduce-overhead"]
    options.add_argument("--compile", default="none", choices=modes)
    arguments = options.parse_args()
    if arguments.quick:
        arguments.width, arguments.steps, arguments.repeats = 0.05, 1, 1
    publish(rows(arguments), arguments.rows)


if __name__ == "__main__":
    main()
