"""The environments of conda and of make: the same versions, and the package in one."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import environment
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from workflow_helpers import copied_tree, snakemake

from vlae.system.checkout import ROOT

LOCK = (ROOT / "requirements.lock").read_text()


def test_conda_environment_pins_what_the_lock_pins():
    written = (ROOT / "environment.yml").read_text()
    assert written == environment.environment(LOCK), "run `make lock`"
    (pip,) = [d for d in yaml.safe_load(written)["dependencies"] if isinstance(d, dict)]
    assert pip["pip"] == environment.pins(LOCK)


def test_lock_pins_every_direct_requirement_with_hashes():
    pins = environment.pins(LOCK)
    direct = [
        line.split("#")[0].split("[")[0].split("==")[0].strip()
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if "==" in line
    ]
    assert len(direct) > 10
    locked = {pin.split("==")[0] for pin in pins}
    assert set(direct) <= locked
    blocks = LOCK.count("    --hash=sha256:")
    assert blocks >= len(pins)


def test_every_rule_with_a_command_names_the_environment():
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        text = path.read_text()
        rules = len(re.findall(r"^ *shell:$", text, re.MULTILINE))
        assert text.count("../../environment.yml") == rules, path.name


def test_lock_names_no_host():
    names = (
        "requirements.lock",
        "workflow/uv.lock",
        "environment.yml",
        "requirements.in",
    )
    for name in names:
        text = (ROOT / name).read_text()
        assert "://" not in text and "index-url=" not in text, name


def test_conda_finds_one_version_of_each_package_on_every_system():
    """Pip takes the lines whose markers hold: never two, and torch on all."""
    written = yaml.safe_load((ROOT / "environment.yml").read_text())
    # Conda 26 takes `nodefaults` for a channel of that name, and fails.
    assert written["channels"] == ["conda-forge"]
    python, pip, pinned = written["dependencies"]
    assert pip.startswith("pip=")
    version = python.removeprefix("python=")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert SpecifierSet(project["requires-python"]).contains(version)
    for system, machine in (
        ("linux", "x86_64"),
        ("linux", "aarch64"),
        ("darwin", "arm64"),
    ):
        here = {
            "sys_platform": system,
            "platform_machine": machine,
            "python_full_version": version,
            "python_version": version.rpartition(".")[0],
            "platform_python_implementation": "CPython",
        }
        wanted = [Requirement(pin) for pin in pinned["pip"]]
        names = [r.name for r in wanted if not r.marker or r.marker.evaluate(here)]
        assert len(names) == len(set(names))
        assert {"torch", "torchvision", "snakemake"} <= set(names)
        # The GPU's libraries come with it where NVIDIA has them, and only there.
        assert ("nvidia-cublas" in names) == (system == "linux")


@pytest.mark.parametrize("name", ["a b'c", 'a"b'])
def test_make_env_installs_the_package_below_any_path(tmp_path, name):
    """Editable, without the network; the libraries of the lock are there already."""
    tree = copied_tree(tmp_path / name)
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=tree, check=True
    )
    (packages,) = tree.glob(".venv/lib/python*/site-packages")
    libraries = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n")
    (tree / ".venv" / "locked").touch()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def said(*words):
        return subprocess.run(
            words,
            cwd=tree,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        ).stdout

    assert "--editable" in said("make", "env")
    assert "--editable" not in said("make", "env")
    said("make", "unlock")
    python = str(tree / ".venv" / "bin" / "python")
    found = said(python, "-c", "import vlae; print(vlae.__file__)")
    assert Path(found.strip()) == tree / "src" / "vlae" / "__init__.py"
    if '"' not in name:  # which no script that pip writes can bear
        assert "Commands for people" in said(".venv/bin/vlae", "--help")


def test_a_snakemake_from_elsewhere_says_what_it_lacks(tmp_path):
    """With --use-conda, Snakemake itself runs in an environment that a person made."""
    hidden = tmp_path / "hidden" / "sitecustomize.py"
    hidden.parent.mkdir()
    hidden.write_text("import sys\nsys.modules['msgspec'] = None\n")
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "snakemake",
            "-n",
            "--cores",
            "1",
            "-s",
            ROOT / "Snakefile",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(hidden.parent)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 1
    said = finished.stdout + finished.stderr
    assert "has no package 'msgspec'" in said
    assert "pip install msgspec" in said


# Eight jobs, of all kinds.
FEW_JOBS = "tests/workflow/config/slurm.yaml"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("conda"), reason="no conda on the PATH")
def test_a_pipeline_runs_in_condas_environment(tmp_path):
    """Every command runs there, whatever Python has started Snakemake."""
    tree = copied_tree(tmp_path)
    snakemake(tree, "--use-conda", config=FEW_JOBS)
    (made,) = (tree / ".snakemake" / "conda").glob("*/bin/python")
    version = [str(made), "-c", "import platform; print(platform.python_version())"]
    found = subprocess.run(version, capture_output=True, text=True, check=True).stdout
    written = yaml.safe_load((tree / "environment.yml").read_text())
    assert f"python={found.strip()}" in written["dependencies"]
    provenance = json.loads((tree / "results" / "report.provenance.json").read_text())
    assert provenance["python"] == found.strip()
    for path in (tree / "results" / "runs").rglob("training.json"):
        versions = json.loads(path.read_text())["versions"]
        assert versions["python"] == found.strip(), path
