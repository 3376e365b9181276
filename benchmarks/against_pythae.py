"""Whole training against pythae 0.1.2: same network, data, batch and objective.

    python -m pip install --no-deps --require-hashes \
      --target .benchmarks-pythae -r benchmarks/pythae.txt
    python benchmarks/against_pythae.py [--threads 1] [--repeats 5]

Without the first line the rows say that they are open. Both arms start at the weights
of the VLAE of `mnist/vlae` and take batches of the same random bytes, under Adam with
the same learning rate:

ours    the loop of `vlae train`, without the evaluations between
pythae  its `BaseTrainer` on its `BetaVAE`, the network as in `straightforward.py`,
        without evaluation data, progress bars and messages

That losses and gradients agree is checked before anything is timed. Each arm has a
process of its own, so that no setting of the one reaches the other, and they take
turns. pythae's time runs from one step to another: what it does before the first and
after the last one is left out.
"""

import logging
import math
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

# Read when tqdm is imported, which torch may do: so here, also for the arms' processes.
os.environ["TQDM_DISABLE"] = "1"

import pythae_side
import torch
from rows import Row, parser, publish
from training import RandomData, spec_of, whole

from vlae.config.run_spec import RunSpec

WARM_UP = 5  # steps before the clock starts: memory is allocated in them
EPOCH = 60_000
"""Images in memory, as many as MNIST has; fewer where a run needs fewer."""


@dataclass(frozen=True)
class Setting:
    """One comparison; on a GPU wall seconds count, elsewhere the processor's."""

    width: float
    device: str
    steps: int
    target: float | None


SETTINGS: tuple[Setting, ...] = (
    Setting(0.25, "cpu", 60, 1.4),
    Setting(1.0, "cpu", 12, 1.3),
    Setting(1.0, "cuda", 1_800, 5.0),
)
QUICK = (Setting(0.05, "cpu", 2, None), Setting(0.05, "cuda", 2, None))


@dataclass(frozen=True)
class Seconds:
    """Seconds that a step takes."""

    wall: float
    cpu: float


class Clock:
    """Runs from when it is made; waits for the GPU before it looks."""

    def __init__(self) -> None:
        self.started = self._now()

    def per_step(self, steps: int) -> Seconds:
        pairs = zip(self.started, self._now(), strict=True)
        return Seconds(*((end - start) / steps for start, end in pairs))

    def _now(self) -> tuple[float, float]:
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()


def _data(spec: RunSpec, steps: int) -> RandomData:
    count = min(EPOCH, (WARM_UP + steps) * spec.training.batch_size)
    return RandomData(tuple(spec.data.shape), count=count)


def ours(spec: RunSpec, steps: int) -> Seconds:
    run = whole(spec, _data(spec, steps))
    run(WARM_UP)
    clock = Clock()
    run(steps)
    return clock.per_step(steps)


def pythaes(spec: RunSpec, steps: int) -> Seconds:
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    logging.disable(logging.INFO)
    torch.set_num_threads(spec.threads)
    data, size = _data(spec, steps), spec.training.batch_size
    epochs = math.ceil((WARM_UP + steps) * size / data.count)
    last = epochs * (data.count // size)

    class Timer(TrainingCallback):
        step = 0

        def on_train_step_end(self, training_config: Any, **kwargs: Any) -> None:
            self.step += 1
            if self.step == WARM_UP:
                self.clock = Clock()
            elif self.step == last:
                self.found = self.clock.per_step(last - WARM_UP)

    timer = Timer()
    images = torch.from_numpy(data.images("train")).float() / 255
    dataset = BaseDataset(images, torch.arange(data.count) % 10)
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=size,
            num_epochs=epochs,
            learning_rate=spec.training.learning_rate,
            no_cuda=spec.device == "cpu",
        )
        model = pythae_side.beta_vae(spec)
        BaseTrainer(model, dataset, None, config, [timer]).train()
    return timer.found


def measure(spec: RunSpec, steps: int, repeats: int) -> list[tuple[Seconds, Seconds]]:
    """Ours and pythae's, once a repeat."""
    # No copy of a process that has computed: its threads and GPU would not follow.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vlae.training.trainer"])
    with (
        ProcessPoolExecutor(1, context) as own,
        ProcessPoolExecutor(1, context) as other,
    ):
        return [
            (
                own.submit(ours, spec, steps).result(),
                other.submit(pythaes, spec, steps).result(),
            )
            for _ in range(repeats)
        ]


def rows(settings: tuple[Setting, ...], threads: int, repeats: int) -> Iterator[Row]:
    for setting in settings:
        spec = spec_of("mnist/vlae", setting.width, threads, setting.device)
        on_cpu = setting.device == "cpu"
        where = f"mnist/vlae x{setting.width:g}, batch {spec.training.batch_size}"
        where += f", CPU, threads: {threads}" if on_cpu else ", GPU"
        counted, informs = ("CPU", "wall") if on_cpu else ("wall", "CPU")
        what = "training against pythae 0.1.2, {} seconds"
        note = ""
        if not on_cpu and not torch.cuda.is_available():
            note = "open: no GPU here"
        elif not pythae_side.present():
            note = f"open: no pythae here; {pythae_side.INSTALL}"
        if note:
            yield Row(what.format(counted), where, (), "x", setting.target, note=note)
            continue
        off = pythae_side.difference(spec, pythae_side.beta_vae(spec))
        if off > pythae_side.TOLERANCE:
            raise SystemExit(f"{where}: losses or gradients differ by {off:.1e}.")
        found = measure(spec, setting.steps, repeats)
        for name in (counted, informs):
            field = name.lower()
            pairs = [(getattr(a, field), getattr(b, field)) for a, b in found]
            ratios = tuple(theirs / own for own, theirs in pairs)
            target = setting.target if name == counted else None
            yield Row(what.format(name), where, ratios, "x", target)
            for index, arm in enumerate(("ours", "pythae's")):
                values = tuple(1000 * pair[index] for pair in pairs)
                step = f"a step of that training, {arm}, {name} time"
                yield Row(step, where, values, "ms", more=False)


def main() -> None:
    words = parser(__doc__)
    words.add_argument("--threads", type=int, default=1)
    words.add_argument("--repeats", type=int, default=5)
    arguments = words.parse_args()
    settings, repeats = SETTINGS, arguments.repeats
    if arguments.quick:
        settings, repeats = QUICK, 1
    publish(rows(settings, arguments.threads, repeats), arguments.rows)


if __name__ == "__main__":
    main()
