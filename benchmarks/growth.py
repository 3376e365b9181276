"""How time and memory grow with images and with steps, up to a million images.

    python benchmarks/growth.py [--images 1000000] [--repeats 3]

Images of 64x64x3 px lie in an .npz file, as anybody's would. `vlae prepare` makes
prepared data of them, and a training with a tiny network reads those with a
`data_memory_mb` far below their size. Each measurement is a process of its own; sizes
are interleaved. Rows compare the many images with FEW of them, so that what does not
grow (the libraries, the network) drops out.

Memory is the largest resident set, CPU time that of all threads: other programs change
it less than the time on the clock. A step is from one batch to the next, and the
network tiny, so that reading shows. After preparation the system holds as much of the
files in its memory as is free; rows of a set that does not fit come from the disk.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, parser, publish

from vlae.system.disk import require

SHAPE = (3, 64, 64)
BYTES = 3 * 64 * 64
FEW, STEPS, FEW_STEPS, MEMORY_MB = 10_000, 200, 20, 64
PREPARE_MIB = 128  # parts of 16 MiB are read, cut and written; tables are small
NETWORK = {
    "model": "hvae",
    "input": list(SHAPE),
    "latents": [4, 2],
    "width": 1.0,
    "batch_norm": "none",
    "batch_norm_epsilon": 1e-5,
    "batch_norm_gain": True,
    "initial_std": 0.0,
    "unnormed_weights": "normal",
    "posterior_scale": "softplus",
    "scale_minimum": 0.001,
    "inference": "bottom-up",
    "posterior": ["f8", "f8"],
    "prior": ["f8"],
    "decoder": "f8",
}
Found = dict[str, float]


def write_npz(path: Path, count: int) -> None:
    """So many images and labels, a part at a time; what they show does not matter."""
    block = np.random.default_rng(0).integers(0, 256, (1000, *SHAPE), np.uint8)
    facts = {"descr": "|u1", "fortran_order": False, "shape": (count, *SHAPE)}
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("images.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, facts)
            for start in range(0, count, len(block)):
                file.write(block[: count - start].data)
        with archive.open("labels.npy", "w") as file:
            np.lib.format.write_array(file, np.arange(count) % 10)


def prepare(folder: Path) -> Found:
    """In a process of its own: prepare the .npz file in `folder`."""
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    from vlae.__main__ import main as vlae

    spec = {
        **dict.fromkeys(("title", "source", "licence", "name"), "benchmark"),
        "module": "arrays",
        "shape": SHAPE,
        "classes": 10,
        "test": 0.1,
        "seed": 0,
        "files": {"arrays": {"name": "images.npz"}},
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    paths = ["--spec", folder / "spec.json", "--raw", folder / "images.npz"]
    paths += ["--card", folder / "data" / "card.json"]
    clock, cpu = time.perf_counter(), time.process_time()
    if vlae(["prepare", *map(str, paths)]):
        raise SystemExit(1)
    return {
        "clock": time.perf_counter() - clock,
        "cpu": time.process_time() - cpu,
        "memory": memory(),
    }


def train(folder: Path, steps: int, memory_mb: int) -> Found:
    """In a process of its own: train on the prepared data in `folder`."""
    started = time.perf_counter()
    from vlae.config import configuration
    from vlae.config.overlays import merge
    from vlae.config.run_spec import RunSpec
    from vlae.config.selection import RunName
    from vlae.data import prepared
    from vlae.training import batches, trainer

    shipped = configuration.load().specs.run_spec(RunName("celeba", "vlae"), 0)
    changes = {
        "device": "cpu",
        "threads": 1,
        "data": {"shape": SHAPE, "classes": 10, "attributes": []},
        "training": {"steps": steps},
        "evaluation": {"every": steps, "images": 100},
    }
    spec = RunSpec.of(merge(shipped.as_dict(), changes)).replace(network=NETWORK)
    clock: list[float] = []
    cpu: list[float] = []

    def noting(kind: Any) -> None:
        batch = kind.batch

        def noted(images: Any, *arguments: Any) -> Any:
            clock.append(time.perf_counter())
            cpu.append(time.process_time())
            return batch(images, *arguments)

        kind.batch = noted

    noting(batches.Resident)
    noting(batches.Streamed)
    with tempfile.TemporaryDirectory() as state:
        data = prepared.load(folder / "data")
        trainer.train(spec, data, Path(state), 1e9, memory_mb)
    return {
        "first": clock[0] - started,
        "clock": 1000 * (clock[-1] - clock[0]) / (steps - 1),
        "cpu": 1000 * (cpu[-1] - cpu[0]) / (steps - 1),
        "memory": memory(),
    }


def memory() -> float:
    """Largest resident set of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def child(job: str, *words: object) -> Found:
    """Run `prepare` or `train` in a process of its own."""
    command = [sys.executable, __file__, "--child", job, *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.check_output(command, env=environment)
    found: Found = json.loads(said.splitlines()[-1])
    return found


def measured(arguments: argparse.Namespace, folder: Path) -> Iterator[Row]:
    many, few = arguments.images, min(arguments.few, arguments.images)
    least, steps, limit = arguments.least, arguments.steps, arguments.memory
    # The .npz file and the prepared data, and a tenth for the tables and the state.
    require(folder, int(2.1 * (many + few) * BYTES))
    prepared: dict[int, list[Found]] = {few: [], many: []}
    for count in prepared:
        (folder / str(count)).mkdir()
        write_npz(folder / str(count) / "images.npz", count)
    for _ in range(arguments.repeats):
        for count, found in prepared.items():
            shutil.rmtree(folder / str(count) / "data", ignore_errors=True)
            found.append(child("prepare", folder / str(count)))
    for count in prepared:
        (folder / str(count) / "images.npz").unlink()
    here = f"{few:,} to {many:,} images of 64x64x3"
    for count, found in prepared.items():
        each = tuple(1e6 * one["clock"] / count for one in found)
        yield Row("prepare, an image", f"{count:,} images", each, "µs")
    cpu = [[one["cpu"] / n for one in found] for n, found in prepared.items()]
    yield Row("prepare, CPU an image, growth", here, ratios(*cpu), "x", 1.2, False)
    taken = [[one["memory"] for one in found] for found in prepared.values()]
    more = differences(*taken)
    yield Row("prepare, memory, growth", here, more, "MiB", PREPARE_MIB, False)

    cases = [(few, least), (few, steps), (many, steps)]
    trained: dict[tuple[int, int], list[Found]] = {case: [] for case in cases}
    for _ in range(arguments.repeats):
        for (count, number), found in trained.items():
            found.append(child("train", folder / str(count), number, limit))

    def columns(key: str) -> list[list[float]]:
        return [[one[key] for one in found] for found in trained.values()]

    for (count, number), found in trained.items():
        case = f"{count:,} images, {number} steps"
        first = tuple(one["first"] for one in found)
        yield Row("training, from start to first step", case, first, "s")
        each = tuple(one["clock"] for one in found)
        yield Row("training, a step", case, each, "ms")
    there, along = f"{here}, data_memory_mb {limit}", f"{least} to {steps} steps"
    a, b, c = columns("cpu")
    what = "training, CPU a step, growth"
    yield Row(what, there, ratios(b, c), "x", 1.2, False)
    yield Row(what, along, ratios(a, b), "x", 1.2, False)
    a, b, c = columns("memory")
    what = "training, memory, growth"
    yield Row(what, there, differences(b, c), "MiB", limit, False)
    yield Row(what, along, differences(a, b), "MiB", limit, False)
    if arguments.resident:
        all_resident = child("train", folder / str(many), steps, 1 << 30)
        d = [all_resident["memory"]]
        yield Row(what, f"{here}, all resident", differences(b[:1], d), "MiB")
        streamed = columns("cpu")[2]
        d = [all_resident["cpu"]] * len(streamed)
        what = "training, CPU a step, streamed over resident"
        yield Row(what, f"{many:,} images", ratios(d, streamed), "x")


def ratios(before: list[float], after: list[float]) -> tuple[float, ...]:
    return tuple(y / x for x, y in zip(before, after, strict=True))


def differences(before: list[float], after: list[float]) -> tuple[float, ...]:
    """At least .1: less is noise, and a share of a target has to be positive."""
    return tuple(max(y - x, 0.1) for x, y in zip(before, after, strict=True))


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        job, folder, *numbers = sys.argv[2:]
        work: Any = {"prepare": prepare, "train": train}[job]
        print(json.dumps(work(Path(folder), *map(int, numbers))))
        return
    found = parser(__doc__)
    found.add_argument("--images", type=int, default=100_000)
    found.add_argument("--repeats", type=int, default=3)
    found.add_argument(
        "--folder", type=Path, help="for temporary files (25 kB an image)"
    )
    arguments = found.parse_args()
    arguments.few, arguments.steps, arguments.least = FEW, STEPS, FEW_STEPS
    arguments.memory = MEMORY_MB
    arguments.resident = arguments.images <= 200_000 and not arguments.quick
    if arguments.quick:
        arguments.few, arguments.images, arguments.repeats = 200, 400, 1
        arguments.steps, arguments.least, arguments.memory = 4, 2, 1
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        publish(measured(arguments, Path(folder)), arguments.rows)


if __name__ == "__main__":
    main()
