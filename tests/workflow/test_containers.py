"""The image of the environment, as far as it can be checked without a runtime.

Snakemake's part is real; `apptainer` is a stand-in that notes how it is called and runs
the command here.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from slurm_cluster import copied_tree

from vlae.system.checkout import ROOT

SPEC = "results/runs/strokes/vlae/1/spec.json"
CARD = "results/data/strokes/card.json"
STAND_IN = """\
#!/bin/sh
[ "$1" = --version ] && { echo apptainer version 1.3.0; exit; }
printf '%s\\n' "$@" | head -n -1 >>calls
for command; do :; done
exec bash -c "$command"
"""


def test_image_has_the_python_and_the_packages_of_the_other_environments():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (python,) = [d for d in environment["dependencies"] if str(d).startswith("python=")]
    (image,) = re.findall(r"^FROM (\S+)$", text, re.MULTILINE)
    assert image.startswith(f"python:{python.removeprefix('python=')}-")
    (install,) = re.findall(r"^RUN (.*)$", text, re.MULTILINE)
    assert "pip install" in install and "--require-hashes" in install
    assert install.split()[-2:] == ["--requirement", "/opt/requirements.lock"]
    assert re.findall(r"^COPY (.*)$", text, re.MULTILINE) == ["requirements.lock /opt/"]


def test_only_the_lock_goes_into_the_image():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules == ["*", "!requirements.lock"]


@pytest.fixture
def tree(tmp_path):
    return copied_tree(tmp_path / "tree")


def snakemake(tree, *words, tools=None):
    path = [str(tools)] if tools else []
    path += [str(Path(sys.executable).parent), os.environ["PATH"]]
    options = ["--sdm", "apptainer", "--cores", "1"]
    options += ["--configfile", "tests/workflow/config/slurm.yaml"]
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *options, *words],
        cwd=tree,
        env={**os.environ, "PATH": os.pathsep.join(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_rule_runs_in_the_configured_image_and_finds_the_package(tree, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "apptainer").write_text(STAND_IN)
    (tools / "apptainer").chmod(0o755)
    (tree / "vlae.sif").touch()
    finished = snakemake(tree, "--", CARD, tools=tools)
    assert finished.returncode == 0, finished.stdout
    assert (tree / CARD).exists()
    called = (tree / "calls").read_text().splitlines()
    assert any(word.endswith("vlae.sif") for word in called)
    assert any(word.startswith(str(tree)) for word in called)  # the folder is bound


def test_without_apptainer_snakemake_says_so(tree):
    finished = snakemake(tree, "-n", "--", CARD)
    assert finished.returncode == 1
    assert "apptainer or singularity command has to be available" in finished.stdout
