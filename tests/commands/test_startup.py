"""What is imported before any work is done: seconds, dozens of times in a pipeline."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import vlae
from vlae.system import registry

SOURCE = Path(__file__).parents[2] / "src"


# These use scikit-learn, which takes a second to import and much longer to work.
PROBING = ["vlae.experiments.codes", "vlae.experiments.stability"]


def all_of(package):
    found = [f"vlae.{package}.{name}" for name in registry.names(package)]
    return [name for name in found if name not in PROBING]


# An experiment that needs no scipy.stats.
DRAWING = ["vlae.experiments.generation"]

# Modules of the package, and what they must not import, directly or not.
LIGHT = {
    "the package": (["vlae"], {"msgspec", "numpy", "pandas", "torch", "yaml"}),
    "Snakefile": (
        ["vlae.config.configuration", "vlae.results.targets", "vlae.config.overlays"],
        {"numpy", "pandas", "torch"},
    ),
    "results from Python": (
        ["vlae.results.loaded_results"],
        {"matplotlib", "scipy", "seaborn", "skimage", "sklearn", "torch"},
    ),
    "a run from Python": (
        ["vlae.training.loaded_run", *all_of("models")],
        {"matplotlib", "pandas", "scipy.stats", "seaborn", "skimage", "torch._dynamo"},
    ),
    "prepare": (
        [
            "vlae.commands.prepare",
            "vlae.data.datasets.strokes",
            "vlae.data.datasets.idx",
        ],
        {"matplotlib", "seaborn", "skimage", "torch"},
    ),
    "train": (
        ["vlae.commands.train", "vlae.training.trainer", *all_of("models")],
        {"matplotlib", "scipy", "seaborn", "skimage", "torch._dynamo", "torchvision"},
    ),
    "experiment": (
        ["vlae.commands.experiment", "vlae.training.trained_run", *DRAWING],
        {"matplotlib", "scipy.stats", "seaborn", "skimage", "torch._dynamo"},
    ),
    "claim": (
        ["vlae.commands.claim", "vlae.claims.base", *all_of("claims")],
        {"matplotlib", "scipy", "seaborn", "skimage", "sklearn", "torch"},
    ),
    "figure": (
        ["vlae.commands.figure", *all_of("figures")],
        {"matplotlib.pyplot", "scipy", "seaborn", "skimage", "torch"},
    ),
    "explorer": (
        ["vlae.commands.explorer", "vlae.report.explorer"],
        {"numpy", "onnx", "pandas", "torch"},
    ),
    "export": (
        ["vlae.commands.export", "vlae.training.onnx_export", *all_of("models")],
        {"matplotlib", "scipy.stats", "seaborn", "skimage", "torch._dynamo"},
    ),
    "report": (
        ["vlae.commands.report", "vlae.report.page"],
        {"matplotlib.pyplot", "scipy", "seaborn", "skimage", "torch"},
    ),
    "save-reference": (
        ["vlae.commands.save_reference", "vlae.report.reference"],
        {"matplotlib.pyplot", "scipy", "seaborn", "skimage", "torch"},
    ),
    "published": (
        ["vlae.commands.published", "vlae.results.published"],
        {"matplotlib", "scipy", "seaborn", "skimage", "torch"},
    ),
    "crate": (
        ["vlae.commands.crate", "vlae.report.ro_crate"],
        {"matplotlib", "scipy", "seaborn", "skimage", "torch"},
    ),
    "release": (
        ["vlae.commands.release", "vlae.report.release"],
        {"matplotlib.pyplot", "scipy", "seaborn", "skimage", "torch"},
    ),
    "fetch-weights": (
        ["vlae.commands.fetch_weights", "vlae.results.released"],
        {"matplotlib", "numpy", "pandas", "scipy", "seaborn", "skimage", "torch"},
    ),
    "watch": (
        ["vlae.commands.watch", "vlae.results.watched", "vlae.report.watch_text"],
        {"matplotlib", "scipy", "seaborn", "skimage", "tensorboard", "torch"},
    ),
    "compare": (
        ["vlae.commands.compare", "vlae.report.comparison"],
        {"matplotlib", "scipy", "seaborn", "skimage", "torch"},
    ),
}

# What the pipeline starts often; the others are checked by `make test-slow`.
OFTEN = {
    *("the package", "Snakefile", "prepare"),
    *("train", "experiment", "claim", "figure", "report"),
}


def imported(code):
    """Names of all modules that a process has imported after `code`."""
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    return {*finished.stdout.split()}


@pytest.mark.parametrize(
    "command",
    [pytest.param(c, marks=() if c in OFTEN else pytest.mark.slow) for c in LIGHT],
)
def test_a_command_imports_nothing_heavy_that_it_does_not_need(command):
    modules, unwanted = LIGHT[command]
    found = imported(f"import {', '.join(modules)}")
    assert {*modules} <= found
    assert not found & unwanted


def test_setting_determinism_imports_no_compiler():
    """Every experiment does it, and would wait a second for the compiler."""
    found = imported(
        "from types import SimpleNamespace\n"
        "from vlae.training.device import set_up\n"
        "set_up(SimpleNamespace(threads=1, precision='float32'))"
    )
    assert "torch" in found
    assert not found & {"sympy", "torch._dynamo", "torch._inductor"}


def test_public_names_are_imported_at_their_first_use():
    found = imported("import vlae; vlae.load_results")
    assert "vlae.results.loaded_results" in found and "torch" not in found
    assert "torch" in imported("from vlae import load")


def test_public_names_are_those_that_are_listed():
    assert {*vlae.__all__} <= {*dir(vlae)}
    for name in vlae.__all__:
        assert getattr(vlae, name).__doc__ if name != "__version__" else True
    with pytest.raises(AttributeError, match="module 'vlae' has no attribute 'lood'"):
        _ = vlae.lood
