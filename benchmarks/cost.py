"""What the configured trainings cost, computed from their operations.

    python benchmarks/cost.py [OVERLAY ...] [--teraflops 20]

Prints one line per run: parameters, operations of a step (forward and backward, counted
by torch on the real network), and the time of all its steps at an assumed rate of
sustained float32 operations. Nothing is trained, so this is not a measurement.
"""

from pathlib import Path

import torch
from rows import Row, parser, publish
from torch.utils.flop_counter import FlopCounterMode

from vlae.config import configuration
from vlae.config.run_spec import RunSpec
from vlae.models import base
from vlae.system.random_streams import generator

COUNTED = 4
"""Images on which operations are counted; they are linear in images."""


def operations(spec: RunSpec) -> tuple[int, float]:
    """Parameters, and operations of one training step."""
    model = base.build_model(spec)
    x = torch.rand(COUNTED, *spec.data.shape)
    attributes = len(spec.data.attributes)
    several = not spec.data.classes and attributes
    labels = torch.zeros((COUNTED, attributes) if several else COUNTED).long()
    noise = model.draw_noise(COUNTED, generator(torch.device("cpu"), 0))
    with FlopCounterMode(display=False) as counter:
        model.loss(model.terms(x, x, labels, noise), 1.0).backward()
    images = spec.training.batch_size
    parameters = sum(p.numel() for p in model.parameters())
    return parameters, counter.get_total_flops() / COUNTED * images


def main() -> None:
    options = parser(__doc__)
    options.add_argument("overlays", type=Path, nargs="*")
    options.add_argument("--teraflops", type=float, default=20.0)
    arguments = options.parse_args()
    found = configuration.load(arguments.overlays)
    total = 0.0
    print("| run | parameters | GFLOP a step | steps | seeds | minutes |")
    print("|---|---|---|---|---|---|")
    for name in [*found.selection.runs(), *found.selection.classifiers()]:
        spec = found.specs.run_spec(name, 0)
        seeds = len(found.selection.seeds_of(name))
        parameters, step = operations(spec)
        steps = spec.training.steps
        minutes = step * steps * seeds / (arguments.teraflops * 1e12) / 60
        total += minutes
        print(
            f"| {name} | {parameters / 1e6:.1f} M | {step / 1e9:.1f} | {steps:,} | "
            f"{seeds} | {minutes:.1f} |"
        )
    print(f"\nAll: {total:.0f} minutes at {arguments.teraflops:g} TFLOP/s.\n")
    what = "all trainings of the configuration, computed from operations"
    setting = f"assumed {arguments.teraflops:g} TFLOP/s"
    publish([Row(what, setting, (total,), "min")], arguments.rows)


if __name__ == "__main__":
    main()
