"""Benchmarks run and print their tables; how fast anything is, is no test."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TINY = [
    ("prepare", ["--synthetic", "60", "--repeats", "1"], r"images of \d+ bytes"),
    (
        "training",
        [
            "--runs",
            "mnist/hvae-warmup",
            "--width",
            ".05",
            "--steps",
            "2",
            "--repeats",
            "1",
        ],
        r"\| mnist/hvae-warmup x0\.05 \| training \| \d+ ",
    ),
    (
        "growth",
        ["--quick"],
        r"training, CPU a step, growth \| 200 to 400 images .* data_memory_mb 1 \| \d",
    ),
    ("cost", ["config/demo.yaml"], r"\| strokes/vlae \| \d\.\d M \| .* \| 3,000 \| 1 "),
]


@pytest.mark.parametrize(("name", "words", "expected"), TINY, ids=[t[0] for t in TINY])
def test_benchmark_prints_its_table(name, words, expected):
    finished = subprocess.run(
        [sys.executable, f"benchmarks/{name}.py", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert re.search(expected, finished.stdout), finished.stdout
