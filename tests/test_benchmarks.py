"""Benchmarks run and print their tables; how fast anything is, is no test."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vlae import training
from vlae.networks.vlae import plan

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
    ("cost", ["config/demo.yaml"], r"\| strokes/vlae \| \d\.\d M \| .* \| 3,000 \| 1 "),
    (
        "against_pythae",
        ["--quick"],
        r"0\.1\.2, CPU seconds \| mnist/vlae x0\.05, batch 100, CPU, threads: 1 \| "
        r"(open: no pythae here; python -m pip install .* |[\d.]+ x \(.*\) )\|",
    ),
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


@pytest.fixture(scope="module")
def benchmark_modules():
    """Imports modules of benchmarks/, which is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TQDM_DISABLE", "1")
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module


@pytest.fixture
def spec(benchmark_modules):
    against = benchmark_modules("against_pythae")
    return against.spec_of(against.Setting(0.05, "cpu", 2, None), threads=1)


def test_plain_network_is_that_of_the_package(benchmark_modules, spec):
    plain = benchmark_modules("plain")
    layout, latents = plan(spec["network"], (1, 28, 28), "network"), [2, 2, 2]
    encoder = plain.Encoder(layout, latents).double().eval()
    decoder = plain.Decoder(layout, latents, 1).double().eval()
    model = training.build_model(spec).double().eval()
    with torch.no_grad():  # as initialised, all scales are nearly the same
        for parameter in model.parameters():
            parameter.mul_(2)
    plain.load(encoder, decoder, model.state_dict())
    x = torch.rand(3, 1, 28, 28, dtype=torch.float64)
    mean, log_variance = encoder(x)
    means, scales = zip(*model.posterior(x), strict=True)
    torch.testing.assert_close(mean, torch.cat(means, 1))
    torch.testing.assert_close(log_variance, 2 * torch.cat(scales, 1).log())
    z = torch.randn(3, 6, dtype=torch.float64)
    torch.testing.assert_close(decoder(z), model.decode(list(z.split(2, 1))))


def test_pythae_has_our_loss_and_gradient_at_the_same_beta(benchmark_modules, spec):
    side = benchmark_modules("pythae_side")
    if not side.present():
        pytest.skip(f"pythae is not here: {side.INSTALL}")
    same, other = side.beta_vae(spec), side.beta_vae(spec)
    assert same.beta == 1 / 16
    assert side.difference(spec, same) <= side.TOLERANCE
    other.beta = 1 / 8
    assert side.difference(spec, other) > 1e-4
