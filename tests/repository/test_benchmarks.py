"""Benchmarks run and print their tables; how fast anything is, is no test."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import pythae_side
import rows
import straightforward
import torch
import training

from vlae.models.base import build_model
from vlae.system.checkout import ROOT

TINY = [
    ("training", [], r"\| training against bare step \| mnist/hvae-warmup x0\.05"),
    ("bound", [], r"\| share of the machine's bound \| mnist/vlae x0\.05, cpu \| \d"),
    (
        "growth",
        [],
        r"training, CPU a step, growth \| 200 to 400 images .* data_memory_mb 1 \| \d",
    ),
    ("cost", ["config/demo.yaml"], r"\| strokes/vlae \| \d\.\d M \| .* \| [\d,]+ \|"),
    (
        "memory",
        ["strokes/classifier"],
        r"memory of a training \| strokes/classifier .* MB ",
    ),
    (
        "pipeline",
        [],
        r"\| demo: wall time to .* \| one step, 2 cores: \d+ s to \d+ s .* x ",
    ),
    (
        "against_pythae",
        [],
        r"0\.1\.2, CPU seconds \| mnist/vlae x0\.05, batch 100, CPU, threads: 1 \| "
        r"(open: no pythae here; python -m pip install .* |[\d.]+ x \(.*\) )\|",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "words", "expected"), TINY)
def test_benchmark_prints_its_table(name, words, expected):
    finished = subprocess.run(
        [sys.executable, f"benchmarks/{name}.py", "--quick", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert re.search(expected, finished.stdout), finished.stdout


@pytest.mark.slow
def test_all_benchmarks_give_one_table_and_a_plot(tmp_path):
    """The rows of every command that was asked for, read back and judged."""
    words = ["--quick", "--only", "prepare", "inference", "--out", str(tmp_path)]
    finished = subprocess.run(
        [sys.executable, "benchmarks/run.py", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    table = (tmp_path / "table.md").read_text()
    assert "| prepare against Pillow's decoder alone | 60 JPEG files" in table
    assert re.search(r"chains, as loaded to as trained \| mnist/vlae .* x ", table)
    assert "<svg" in (tmp_path / "plot.svg").read_text()


@pytest.mark.parametrize(
    ("values", "target", "more", "met"),
    [
        ((1.0, 3.0, 2.0), 2.0, True, True),
        ((1.0, 3.0, 1.9), 2.0, True, False),
        ((1.0, 3.0, 1.9), 2.0, False, True),
        ((), 2.0, True, None),
        ((1.0,), None, True, None),
    ],
)
def test_a_row_is_met_by_its_median(values, target, more, met):
    row = rows.Row("what", "where", values, "x", target, more)
    assert row.met is met
    answer = {True: "| yes |", False: "| no |", None: "| open |"}[met]
    assert row.line().endswith(answer) == (target is not None)
    assert ("open" in row.line()) == (not values)


RUNS = ["mnist/vlae", "mnist/hvae-warmup", "svhn/vlae", "celeba/vlae"]


@pytest.mark.parametrize("run", RUNS)
def test_our_model_gives_the_losses_of_the_straightforward_one(run):
    """Five steps of each from the same weights, batches and noise."""
    spec = training.spec_of(run, 0.05, 1, "cpu")
    ours = build_model(spec)
    plain: Any = straightforward.straightforward(ours)
    rate = spec.training.learning_rate
    optimisers = (
        torch.optim.Adam(ours.parameters(), rate, fused=True),
        torch.optim.Adam(plain.parameters(), rate),
    )
    shape = spec.data.shape
    for step in range(5):
        x = torch.rand(6, *shape, generator=torch.Generator().manual_seed(step))
        found = []
        for model, optimiser in zip((ours, plain), optimisers, strict=True):
            noise = model.draw_noise(6, torch.Generator().manual_seed(step))
            loss = model.loss(model.terms(x, x, torch.zeros(6), noise), 0.5)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            found.append(loss.item())
        assert found[0] == pytest.approx(found[1], rel=2e-4)


@pytest.mark.skipif(
    not pythae_side.present(), reason=f"no pythae here: {pythae_side.INSTALL}"
)
def test_pythae_has_our_loss_and_gradient_at_the_same_beta(monkeypatch):
    side = pythae_side
    monkeypatch.setenv("TQDM_DISABLE", "1")
    spec = training.spec_of("mnist/vlae", 0.05, 1, "cpu")
    same, other = side.beta_vae(spec), side.beta_vae(spec)
    assert same.beta == 1 / 16
    assert side.difference(spec, same) <= side.TOLERANCE
    other.beta = 1 / 8
    assert side.difference(spec, other) > 1e-4
