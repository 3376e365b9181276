"""How fast a training is, against its bare model step and a straightforward version.

    python benchmarks/training.py [--runs mnist/vlae ...] [--width 0.25] [--steps 20]
    python benchmarks/training.py --profile straightforward bare --runs mnist/vlae

Arms on the same network and batch size, each in a process of its own (but for the
second and third) and all of them interleaved and repeated, so that noise of the machine
meets them alike:

straightforward  the model as anybody would write it first (straightforward.py), Adam
                 with its defaults, PyTorch's own settings
bare             our model, one fixed batch: forward, backward, step of the optimiser
training         the real loop: batches, data noise, schedules, clipping, progress
bf16, compiled   as bare, with products in bfloat16 or by torch.compile

Ratios are of CPU seconds a step (of wall seconds on a GPU). Data are random bytes of
the data set's shape: what they show does not matter for speed.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rows import Row, parser, publish
from straightforward import straightforward as rebuilt

from vlae.config import configuration
from vlae.config.overlays import merge
from vlae.config.run_spec import RunSpec
from vlae.config.selection import RunName
from vlae.models import base
from vlae.system.random_streams import generator
from vlae.training import device as devices
from vlae.training import trainer as training_loop
from vlae.training.live import Live

WIDTHS = {"mnist/vlae": 0.25, "svhn/vlae": 0.25, "mnist/hvae-warmup": 1.0}
WARM_UP = 3  # steps before the first measurement: memory is allocated in them
Steps = Callable[[int], None]


@dataclass(frozen=True)
class RandomData:
    """Stand-in for `prepared.Prepared`, with random bytes."""

    shape: tuple[int, ...]
    attributes: tuple[str, ...] = ()
    count: int = 2_000

    @property
    def card(self) -> dict[str, Any]:
        return {"sha256": {}}  # it has no files

    def images(self, split: str) -> np.ndarray:
        del split
        stream = np.random.default_rng(0)
        return stream.integers(0, 256, (self.count, *self.shape), np.uint8)

    def table(self, split: str, columns: list[str] | None = None) -> pd.DataFrame:
        del split
        columns = ["label", *self.attributes] if columns is None else columns
        limit = {"label": 10}
        rows = np.arange(self.count)
        return pd.DataFrame({c: rows % limit.get(c, 2) for c in columns}, index=rows)


def changed(spec: RunSpec, **changes: Any) -> RunSpec:
    """Return the spec with `changes` merged into it, as in the configuration."""
    return RunSpec.of(merge(spec.as_dict(), changes))


def spec_of(run: str, width: float, threads: int, device: str) -> RunSpec:
    """Return the spec of a shipped run at another width."""
    spec = configuration.load().specs.run_spec(RunName.parse(run), seed=0)
    return changed(spec, network={"width": width}, threads=threads, device=device)


def straightforward(spec: RunSpec) -> Steps:
    torch.set_num_threads(spec.threads)
    device = devices.resolve_device(spec.device)
    model = rebuilt(base.build_model(spec)).to(device)
    optimiser = torch.optim.Adam(model.parameters(), spec.training.learning_rate)
    return _steps(spec, model, optimiser, torch.contiguous_format)


def bare(spec: RunSpec) -> Steps:
    devices.set_up(spec)
    model = base.build_model(spec).to(devices.resolve_device(spec.device))
    rate = spec.training.learning_rate
    optimiser = torch.optim.Adam(model.parameters(), rate, fused=True)
    return _steps(spec, model, optimiser, torch.channels_last)


def _steps(
    spec: RunSpec,
    model: Any,
    optimiser: torch.optim.Optimizer,
    layout: torch.memory_format,
) -> Steps:
    device = devices.resolve_device(spec.device)
    size, stream = spec.training.batch_size, generator(device, 0)
    x = torch.rand(size, *spec.data.shape, device=device)
    x = x.contiguous(memory_format=layout)
    labels = torch.arange(size, device=device) % 10

    def losses(noise: list[torch.Tensor]) -> torch.Tensor:
        with devices.number_format(device, spec.precision):
            return model.loss(model.terms(x, x, labels, noise), 1.0)

    loss_of = devices.compiled(losses, spec.compile)

    def run(steps: int) -> None:
        model.train()
        for _ in range(steps):
            loss = loss_of(model.draw_noise(size, stream))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return run


def whole(spec: RunSpec, data: Any = None) -> Steps:
    """The loop of `vlae train` without the evaluations between, which are a setting."""
    devices.set_up(spec)
    shape, attributes = spec.data.shape, spec.data.attributes
    data = data or RandomData(tuple(shape), tuple(attributes))
    device = devices.resolve_device(spec.device)
    trainer = training_loop._Trainer(spec, data, device)
    trainer._evaluate = lambda: None  # type: ignore[method-assign]

    def run(steps: int) -> None:
        settings = {"steps": trainer.state.step + steps}
        trainer.settings = changed(spec, training=settings).training
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
            live = Live(Path(folder), spec.name, settings["steps"])
            trainer.run(Path(folder) / "state.safetensors", 60.0, live)

    return run


ARMS: dict[str, tuple[Callable[[RunSpec], Steps], dict[str, Any]]] = {
    "straightforward": (straightforward, {}),
    "bare": (bare, {}),
    "training": (whole, {}),
    "bf16": (bare, {"precision": "bf16"}),
    "compiled": (bare, {"compile": "default"}),
}
PROCESSES = [["straightforward"], ["bare", "training"], ["bf16"], ["compiled"]]


def serve(spec: RunSpec, arms: list[str]) -> None:
    """Take lines "arm steps" and answer with seconds a step, wall and CPU."""
    ready = {name: ARMS[name][0](changed(spec, **ARMS[name][1])) for name in arms}
    on_gpu = devices.resolve_device(spec.device).type == "cuda"
    for line in sys.stdin:
        name, steps = line.split()
        wall, cpu = time.perf_counter(), time.process_time()
        ready[name](int(steps))
        if on_gpu:
            torch.cuda.synchronize()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps([wall / int(steps), cpu / int(steps)]), flush=True)


class Worker:
    """A process that serves some arms."""

    def __init__(self, spec: RunSpec, arms: list[str]) -> None:
        command = [sys.executable, __file__, "--serve", *arms]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **pipes)
        self._say(json.dumps(spec.as_dict()))

    def _say(self, line: str) -> None:
        assert self.process.stdin
        print(line, file=self.process.stdin, flush=True)

    def ask(self, arm: str, steps: int) -> tuple[float, float]:
        """Seconds a step, wall and CPU."""
        self._say(f"{arm} {steps}")
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"The process of the arm {arm} ended; see above.")
        wall, cpu = json.loads(line)
        return wall, cpu

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def measure(
    spec: RunSpec, arms: list[str], steps: int, repeats: int
) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds a step of each arm, for each repeat."""
    workers: dict[str, Worker] = {}
    for names in PROCESSES:
        served = [name for name in names if name in arms]
        if served:
            workers |= dict.fromkeys(served, Worker(spec, served))
    try:
        for name in arms:
            workers[name].ask(name, WARM_UP)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in arms}
        for _ in range(repeats):
            for name in arms:
                found[name].append(workers[name].ask(name, steps))
        return found
    finally:
        for worker in set(workers.values()):
            worker.end()


def profile(arm: str, spec: RunSpec, steps: int) -> str:
    """Where the time of an arm goes: operators of a step by their own CPU time."""
    make, own = ARMS[arm]
    run = make(changed(spec, **own))
    run(WARM_UP)
    with torch.profiler.profile() as found:
        run(steps)
    averages = found.key_averages()
    total = sum(event.self_cpu_time_total for event in averages)
    averages = sorted(averages, key=lambda event: -event.self_cpu_time_total)
    lines = [
        f"| {event.key} | {event.count / steps:.0f} "
        f"| {event.self_cpu_time_total / steps / 1000:.2f} |"
        for event in averages[:16]
    ]
    head = f"{arm}: {total / steps / 1000:.1f} ms a step"
    columns = ["| operator | calls a step | own ms a step |", "|---|---|---|"]
    return "\n".join([head, "", *columns, *lines, ""])


def rows(arguments: argparse.Namespace) -> Iterator[Row]:
    arms = [a for a in ARMS if a not in ("bf16", "compiled") or a in arguments.also]
    for run in arguments.runs:
        width = arguments.width or WIDTHS.get(run, 0.25)
        spec = spec_of(run, width, arguments.threads, arguments.device)
        found = measure(spec, arms, arguments.steps, arguments.repeats)
        on_gpu = devices.resolve_device(arguments.device).type == "cuda"
        place = "GPU" if on_gpu else f"threads: {arguments.threads}"
        setting = f"{run} x{width:g}, {place}"
        seconds = {k: [v[0 if on_gpu else 1] for v in t] for k, t in found.items()}
        size = spec.training.batch_size
        wall = [size / v[0] for v in found["training"]]
        yield Row("training", setting, tuple(wall), "images/s")
        for arm, target in (("bare", 1.5), ("bf16", 2.0), ("compiled", None)):
            if arm in arms:
                step = "bare step" if arm == "bare" else f"bare step, {arm},"
                what = f"{step} against straightforward"
                yield Row(what, setting, _ratios(seconds, arm), "x", target)
        values = tuple(
            b / t for b, t in zip(seconds["bare"], seconds["training"], strict=True)
        )
        yield Row("training against bare step", setting, values, "x", 0.95)


def _ratios(seconds: dict[str, list[float]], arm: str) -> tuple[float, ...]:
    plain = seconds["straightforward"]
    return tuple(p / s for p, s in zip(plain, seconds[arm], strict=True))


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        spec = RunSpec.of(json.loads(sys.stdin.readline()))
        return serve(spec, sys.argv[2:])
    options = parser(__doc__)
    options.add_argument("--runs", nargs="+", default=list(WIDTHS))
    options.add_argument("--width", type=float, help="default: as mnist-cpu.yaml")
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--repeats", type=int, default=7)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--device", default="cpu", choices=["cpu", "cuda", "mps"])
    also = ["bf16", "compiled"]
    options.add_argument("--also", nargs="*", default=["bf16"], choices=also)
    options.add_argument("--profile", nargs="+", choices=ARMS, default=[])
    arguments = options.parse_args()
    for run, arm in itertools.product(arguments.runs, arguments.profile):
        width = arguments.width or WIDTHS.get(run, 0.25)
        spec = spec_of(run, width, arguments.threads, arguments.device)
        print(f"{run} x{width:g}, {profile(arm, spec, arguments.steps)}")
    if arguments.profile:
        return None
    if arguments.quick:
        arguments.runs, arguments.width = ["mnist/hvae-warmup"], 0.05
        arguments.steps, arguments.repeats = 2, 1
    return publish(rows(arguments), arguments.rows)


if __name__ == "__main__":
    main()
