"""How fast a training is, beside its bare model step and a straightforward version.

    python benchmarks/training.py [--runs mnist/vlae ...] [--width 0.25] [--steps 40]

Three arms on the same network and batch size, interleaved and repeated, so that noise
of the machine meets all of them:

straightforward  the model as PyTorch makes it (channels first), Adam with its defaults
bare             channels last and fused Adam, one fixed batch: forward, backward, step
training         the real loop: batches, data noise, schedules, clipping, progress

Prints images per second, median (least-most) over repeats, and CPU seconds a step.
Data are random bytes of the data set's shape: what they show does not matter for speed.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from vlae import configuration, training
from vlae.configuration import RunName
from vlae.overlays import merge
from vlae.seeds import generator

LAYERS = [ROOT / "config" / f"{n}.yaml" for n in ("presets", "networks", "config")]
WARM_UP = 3  # steps before the first measurement: memory is allocated in them
IMAGES = 2_000


@dataclass(frozen=True)
class RandomData:
    """As `prepared.Prepared`, of random bytes."""

    shape: tuple[int, ...]

    def images(self, split: str) -> np.ndarray:
        del split
        stream = np.random.default_rng(0)
        return stream.integers(0, 256, (IMAGES, *self.shape), np.uint8)

    def table(self, split: str, columns: list[str] | None = None) -> pd.DataFrame:
        del split, columns
        return pd.DataFrame({"label": np.arange(IMAGES) % 10})


def straightforward(spec: dict[str, Any]) -> Callable[[int], None]:
    model = training.build_model(spec).to(memory_format=torch.contiguous_format)
    optimiser = torch.optim.Adam(model.parameters(), spec["training"]["learning_rate"])
    return _steps(spec, model, optimiser, torch.contiguous_format)


def bare(spec: dict[str, Any]) -> Callable[[int], None]:
    model = training.build_model(spec)
    rate = spec["training"]["learning_rate"]
    optimiser = torch.optim.Adam(model.parameters(), rate, fused=True)
    return _steps(spec, model, optimiser, torch.channels_last)


def _steps(
    spec: dict[str, Any],
    model: Any,
    optimiser: torch.optim.Optimizer,
    layout: torch.memory_format,
) -> Callable[[int], None]:
    size, stream = spec["training"]["batch_size"], generator(torch.device("cpu"), 0)
    x = torch.rand(size, *spec["data"]["shape"]).contiguous(memory_format=layout)
    labels = torch.arange(size) % 10

    def run(steps: int) -> None:
        model.train()
        for _ in range(steps):
            terms = model.terms(x, x, labels, model.draw_noise(size, stream))
            optimiser.zero_grad()
            model.loss(terms, 1.0).backward()
            optimiser.step()

    return run


def whole(spec: dict[str, Any]) -> Callable[[int], None]:
    """The loop of `vlae train` without the evaluations between, which are a setting."""
    data: Any = RandomData(tuple(spec["data"]["shape"]))
    trainer = training._Trainer(spec, data, torch.device("cpu"))
    trainer._evaluate = lambda: None  # type: ignore[method-assign]

    def run(steps: int) -> None:
        trainer.settings = {**trainer.settings, "steps": trainer.state.step + steps}
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
            trainer.run(Path(folder) / "state.safetensors", 60.0)

    return run


ARMS = {"straightforward": straightforward, "bare": bare, "training": whole}


def measure(spec: dict[str, Any], steps: int, repeats: int) -> dict[str, list[Any]]:
    """Wall and CPU seconds a step of each arm, for each repeat."""
    training.set_up(spec)
    arms = {name: arm(spec) for name, arm in ARMS.items()}
    for run in arms.values():
        run(WARM_UP)
    found: dict[str, list[Any]] = {name: [] for name in arms}
    for _ in range(repeats):
        for name, run in arms.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run(steps)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            found[name].append((wall / steps, cpu / steps))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    runs = ["mnist/vlae", "svhn/vlae", "mnist/hvae-warmup"]
    parser.add_argument("--runs", nargs="+", default=runs)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    shipped = configuration.load(LAYERS)
    print("| run | arm | images/s | CPU ms a step | to straightforward | to bare |")
    print("|---|---|---|---|---|---|")
    for run in arguments.runs:
        spec = shipped.run_spec(RunName(*run.split("/")), seed=0)
        own = {"network": {"width": arguments.width}, "threads": arguments.threads}
        spec = merge(spec, {**own, "device": "cpu"})
        found = measure(spec, arguments.steps, arguments.repeats)
        size = spec["training"]["batch_size"]
        cpu = {name: statistics.median(c for _, c in v) for name, v in found.items()}
        for name, times in found.items():
            rates = sorted(size / wall for wall, _ in times)
            print(
                f"| {run} x{arguments.width:g} | {name} "
                f"| {statistics.median(rates):.0f} ({rates[0]:.0f}–{rates[-1]:.0f}) "
                f"| {1000 * cpu[name]:.1f} | {cpu['straightforward'] / cpu[name]:.2f} "
                f"| {cpu['bare'] / cpu[name]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
