"""What memory a training takes, against what its job asks a cluster for.

    python benchmarks/memory.py DATASET/RUN [OVERLAY ...] [--images 2000]

Trains the run at its configured width for one step, with an evaluation before and
after, on the processor and on random images, in a process of its own; prints that
process's largest resident set. More images add their bytes, up to `data_memory_mb`.
More steps add nothing (`python benchmarks/growth.py`).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from rows import ROOT, Row, parser, publish

from vlae.config import configuration, resources
from vlae.config.overlays import merge
from vlae.config.run_spec import DataFacts, RunSpec
from vlae.config.selection import RunName
from vlae.data import prepared
from vlae.data.datasets import base

MB = 1_000_000


def write_data(folder: Path, facts: DataFacts, count: int) -> None:
    """So many random images a split, with labels or attributes where there are any."""
    noise = np.random.default_rng(0)
    images = noise.integers(0, 256, (count, *facts.shape), np.uint8)
    table = pd.DataFrame({"row": np.arange(count)})
    if facts.classes:
        table["label"] = np.arange(count) % facts.classes
    for name in facts.attributes:
        table[name] = np.arange(count) % 2
    splits = [
        base.Streamed(name, count, iter([(images, table)]))
        for name in ("train", "test")
    ]
    prepared.write(folder, splits, facts.as_dict(), lambda *_: None)


def peak(spec: RunSpec, count: int) -> float:
    """MB of a `vlae train` of `spec`: one step on `count` images."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_data(folder / "data", spec.data, count)
        (folder / "spec.json").write_text(json.dumps(spec.as_dict()))
        words = [sys.executable, "-m", "vlae", "train"]
        for option, name in (
            ("spec", "spec.json"),
            ("data", "data/card.json"),
            ("checkpoints", "checkpoints"),
            ("model", "model.safetensors"),
            ("history", "history.parquet"),
            ("facts", "training.json"),
        ):
            words += [f"--{option}", str(folder / name)]
        search = {"PYTHONPATH": str(ROOT / "src")}
        process = subprocess.Popen(words, env={**os.environ, **search})
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"the training of {spec.name} failed")
        return usage.ru_maxrss * 1024 / MB


def measure(arguments: argparse.Namespace) -> Row:
    found = configuration.load(arguments.overlays)
    name = RunName(*arguments.run.split("/"))
    own = {"device": "cpu", "compile": "none", "training": {"steps": 1}}
    own["evaluation"] = {"images": 500}
    spec = RunSpec.of(merge(found.specs.run_spec(name, 0).as_dict(), own))
    count = arguments.images
    values = (peak(spec, count),)
    size = 2 * count * int(np.prod(spec.data.shape))
    asked = resources.training_memory(spec, size, 4000) - resources.SNAKEMAKE_MB
    width = spec.network["width"]
    setting = f"{name} x{width:g}, threads: {spec.threads}, CPU"
    note = f"asked for, without Snakemake's: {asked:,} MB"
    return Row("memory of a training", setting, values, "MB", asked, False, note)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("run", help="as in results/runs, e.g. mnist/vlae")
    options.add_argument("overlays", type=Path, nargs="*")
    options.add_argument("--images", type=int, default=2000, help="of each split")
    arguments = options.parse_args()
    if arguments.quick:
        arguments.images = 200
    publish([measure(arguments)], arguments.rows)


if __name__ == "__main__":
    main()
