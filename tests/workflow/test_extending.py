"""The examples of docs/extending.md, put where their names say, as one pipeline."""

import importlib.util
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from sklearn.datasets import load_digits
from workflow_helpers import copied_tree, jobs, snakemake

from vlae.data import prepared
from vlae.system.checkout import ROOT

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(
    re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
)
COMMANDS = re.findall(r"^    ((?:python|snakemake) .*)$", PAGE, re.MULTILINE)
ADDED = [
    name for name in FILES if name.startswith(("src/", "my/")) and name.endswith(".py")
]


def command(tree, line):
    """Run a `python` command of the page as if after `source .venv/bin/activate`."""
    program, *words = line.split()
    assert program == "python"
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    subprocess.run([sys.executable, *words], cwd=tree, env=environment, check=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tree to which all files of the page were added, and its pipeline run."""
    tree = copied_tree(tmp_path_factory.mktemp("extended"))
    for name, content in FILES.items():
        assert not (tree / name).exists(), f"{name} is there already"
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    write, alone, together = COMMANDS
    command(tree, write)
    overlay = alone.split("--configfile ")[1]
    planned = jobs(snakemake(tree, "-n", config=overlay))
    assert {"train digits8/hvae/2", "report"} <= planned
    snakemake(tree, config=together.split("--configfile ")[1])
    return tree


def table(tree, name):
    return pd.read_parquet(tree / "results" / f"{name}.parquet")


def test_every_block_of_code_has_a_file_name():
    """Or it would be run by nobody."""
    assert PAGE.count("```") == 2 * len(FILES) == 2 * 15
    assert {name.split("/")[0] for name in FILES} == {"my", "src", "workflow", "report"}


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]])
def test_examples_are_written_as_the_rest(finished, words):
    assert len(ADDED) == 8
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *words, *ADDED],
        cwd=finished,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_data_set_by_configuration(finished):
    data = prepared.load(finished / "results" / "data" / "digits8")
    assert data.card["counts"] == {"train": 1497, "test": 300}
    digits = load_digits()
    rows = data.table("test")
    expected = np.rint(digits.images[rows["index"]] / 16 * 255)
    np.testing.assert_array_equal(data.images("test")[:, 0], expected)
    np.testing.assert_array_equal(rows["label"], digits.target[rows["index"]])


def test_data_set_by_module(finished):
    """The edge, a ramp of one pixel, adds a twelfth; the centre is that of the ink."""
    data = prepared.load(finished / "results" / "data" / "discs")
    assert data.card["counts"] == {"train": 2000, "test": 400}
    rows = data.table("test")
    ink = data.images("test")[:, 0] / 255
    area = ink.sum((1, 2))
    expected = np.pi * (rows["radius"] ** 2 + 1 / 12)
    np.testing.assert_allclose(area, expected, rtol=0.02)
    centres = np.arange(16) + 0.5
    np.testing.assert_allclose((ink @ centres).sum(1) / area, rows["x"], atol=0.05)
    across = (centres @ ink).sum(1) / area
    np.testing.assert_allclose(across, rows["y"], atol=0.05)


def test_model(finished):
    folder = finished / "results" / "runs" / "discs" / "vae-shared" / "2"
    with safe_open(folder / "model.safetensors", "numpy") as weights:
        scale = np.exp(weights.get_tensor("log_scale"))
    found = table(finished, "experiments/discs/vae-shared/2/posterior_width")
    np.testing.assert_allclose(found["width"], scale.reshape(2, 2).mean(1), rtol=1e-6)
    assert (scale < 0.8).all()  # it was 1 before the training
    history = pd.read_parquet(folder / "history.parquet")
    bound = history[(history["term"] == "elbo") & (history["split"] == "held-out")]
    assert bound["value"].iloc[-1] > bound["value"].iloc[0] + 10


def test_experiment(finished):
    shared = table(finished, "experiments/discs/vae-shared/2/posterior_width")
    assert shared["layer"].tolist() == [1, 2]
    np.testing.assert_allclose(shared[["variation", "low", "high"]], 0, atol=1e-9)
    flat = table(finished, "experiments/discs/vae/2/posterior_width")
    assert (flat["low"] < flat["variation"]).all()
    stated = r"0 for the model with one\s+scale and 0\.(\d) to 0\.(\d) for"
    said = re.search(stated, PAGE)
    assert said
    low, high = (int(digit) / 10 for digit in said.groups())
    assert flat["variation"].between(low, high).all()


def test_measure(finished):
    path = finished / "src/vlae/experiments/measures/symmetry.py"
    found = importlib.util.spec_from_file_location("symmetry", path)
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    bars = np.zeros((4, 1, 8, 8))
    for image, columns in enumerate([(3, 4), (2, 3, 4), (5, 6)]):
        bars[image, :, :, list(columns)] = 1
    symmetry = module.measure(bars)["symmetry"]
    np.testing.assert_allclose(symmetry, [1, 2 / 3, 0, np.nan])


def test_figure(finished):
    folder = finished / "results" / "figures"
    assert (folder / "posterior_width.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "posterior_width.svg").read_text()


def test_claim(finished):
    findings = table(finished, "claims/W.findings").set_index("run")
    assert findings["outcome"].to_dict() == {"vae-shared": "passes", "vae": "fails"}
    assert findings["control"].to_dict() == {"vae-shared": False, "vae": True}
    verdicts = table(finished, "claims/W.verdicts")
    assert verdicts["verdict"].tolist() == ["shown only"]
    assert verdicts["passed"].tolist() == ["1 of 1"]


def test_report_shows_all_of_it(finished):
    text = (finished / "results" / "report.html").read_text()
    for words in (
        'id="posterior_width"',
        'id="claim-W"',
        "The width of q(z|x)",
        "over 400 held-out images of the scale",
        "by at most 0.00 of its mean",
        "varies over held-out images by at most 0.05 of its mean",
        "No picture could show a twentieth of a width.",
        "Digits of 8x8 pixels: HVAE",
    ):
        assert words in text, words


def test_reference_shows_the_new_keys(finished):
    command(finished, "python -m vlae config-docs --out reference.md")
    text = (finished / "reference.md").read_text()
    for name in FILES:
        if name.startswith("workflow/schemas"):
            title = re.search(r"^title: (.*)$", FILES[name], re.MULTILINE)
            assert title and f"## {title[1]}\n" in text


def test_an_edit_of_the_model_trains_its_run_alone(finished):
    """Last: it changes the tree."""
    path = finished / "src" / "vlae" / "models" / "vae_shared.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    planned = jobs(snakemake(finished, "-n", config="my/discs.yaml"))
    trained = {job for job in planned if job.startswith(("prepare", "train"))}
    assert trained == {"train discs/vae-shared/2"}
    assert {"figure posterior_width", "claim W", "report"} <= planned
