"""What the configured trainings cost, and what their jobs ask a cluster for.

    python benchmarks/cost.py [OVERLAY ...] [--teraflops 20]

Prints one line per run: parameters, operations of a step (forward and backward,
counted by torch on the real network), and the time of all its steps at an assumed rate
of sustained float32 operations. A second table has one line per kind of job: how many
there are, and the GPUs, minutes and memory of the first try. Memory is without the
images that a training keeps. Nothing is trained, so none of this is a measurement.
"""

from collections import defaultdict
from pathlib import Path

import pandas as pd
import torch
from rows import Row, parser, publish
from torch.utils.flop_counter import FlopCounterMode

from vlae.config import configuration, resources
from vlae.config.configuration import Configuration
from vlae.config.experiment_tables import makers
from vlae.config.paths import ResultsFolder
from vlae.config.run_spec import RunSpec
from vlae.models import base
from vlae.results.inputs import Inputs
from vlae.results.job_resources import EXPERIMENT_MINUTES
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


def experiments_of(found: Configuration) -> defaultdict[tuple[str, ...], set[str]]:
    """The experiments on each training (data set, run, seed) that the report reads."""
    results = ResultsFolder(Path("results"))
    experiments: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for path in Inputs(found.selection, results).report():
        parts = path.parts
        if parts[1] == "experiments" and path.suffix == ".parquet":
            experiments[parts[2:5]].update(makers([path.stem]))
    return experiments


def requests(found: Configuration) -> list[str]:
    """Lines of a table of what jobs ask for; the experiments of a training are one."""
    experiments = experiments_of(found)
    asked = []
    for name in [*found.selection.runs(), *found.selection.classifiers()]:
        spec = found.specs.run_spec(name, 0)
        minutes = resources.training_minutes(spec)
        memory = resources.training_memory(spec, image_bytes=0, data_memory_mb=0)
        on_gpu = resources.experiment_wants_gpu(spec)
        for seed in found.selection.seeds_of(name):
            asked.append(("training", spec.device != "cpu", minutes, memory))
            mine = experiments[name.dataset, name.run, str(seed)]
            settings = [found.content["experiments"][one] for one in mine]
            if settings:
                most = max(resources.experiment_memory(spec, one) for one in settings)
                asked.append(
                    ("experiments", on_gpu, EXPERIMENT_MINUTES * len(settings), most)
                )
    lines = ["| job | number | with a GPU | minutes | hours in all | MB |"]
    lines.append("|---|---|---|---|---|---|")
    table = pd.DataFrame(asked, columns=["job", "gpu", "minutes", "mb"])
    for job, jobs in table.groupby("job", sort=False):
        minutes, mb = jobs["minutes"], jobs["mb"]
        lines.append(
            f"| {job} | {len(jobs)} | {jobs['gpu'].sum()} | {minutes.min()} to "
            f"{minutes.max()} | {minutes.sum() / 60:.0f} | {mb.min():,} to "
            f"{mb.max():,} |"
        )
    return lines


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
    print(*requests(found), "", sep="\n")
    what = "all trainings of the configuration, computed from operations"
    setting = f"assumed {arguments.teraflops:g} TFLOP/s"
    publish([Row(what, setting, (total,), "min")], arguments.rows)


if __name__ == "__main__":
    main()
