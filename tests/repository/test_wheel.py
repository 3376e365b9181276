"""The package as a wheel, in an environment of its own, without the repository."""

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from helpers import save_run, spec
from packaging.requirements import Requirement
from workflow_helpers import copied_tree

import vlae
from vlae.models import base
from vlae.system.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
USE = """
import sys
import numpy as np
import vlae

run = vlae.load(sys.argv[1], device="cpu")
np.save(sys.argv[2], run.sample(3, seed=5))
print(vlae.__file__)
"""


def test_ranges_hold_what_the_lock_pins():
    """Otherwise the tests would run with other libraries than the package asks for."""
    extras = PROJECT["optional-dependencies"].values()
    for text in [
        *PROJECT["dependencies"],
        *(line for extra in extras for line in extra),
    ]:
        requirement = Requirement(text)
        lower, upper = sorted(clause.operator for clause in requirement.specifier)
        assert (lower, upper) == ("<", ">="), text
        assert requirement.specifier.contains(version(requirement.name)), text


def test_ranges_and_lock_ask_for_the_same_libraries():
    direct = {
        line.split("#")[0].split("[")[0].split("==")[0].strip()
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if "==" in line
    }
    extras = PROJECT["optional-dependencies"]
    asked = [
        *PROJECT["dependencies"],
        *(line for name, extra in extras.items() if name != "bench" for line in extra),
    ]
    build = {"setuptools"}
    assert {Requirement(text).name for text in asked} == direct - build


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the working tree; a build leaves files in its folder."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = copied_tree(folder / "a b'c")
    pip("wheel", ".", "--no-deps", "--no-build-isolation", "-w", folder, cwd=tree)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Python of an empty environment with the wheel and the libraries of the tests."""
    folder = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    pip("install", "--no-deps", "--no-index", "--target", packages, wheel, cwd=folder)
    # Folders in a .pth are searched, and their own .pth files are not: not what an
    # editable installation of the repository points to.
    libraries = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n")
    return folder / "bin" / "python"


def pip(*words, cwd):
    run(sys.executable, "-m", "pip", "--quiet", *words, cwd=cwd)


def run(*words, cwd, check=0):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == check, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_wheel_holds_the_package_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name.startswith(f"vlae-{vlae.__version__}-py3-none-any")
    assert {name.split("/")[0] for name in names} == {
        "vlae",
        f"vlae-{vlae.__version__}.dist-info",
    }
    source = ROOT / "src"
    tracked = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    assert {name for name in names if name.startswith("vlae/")} == tracked


@pytest.mark.slow
def test_a_run_samples_without_the_repository(python, tmp_path):
    folder = tmp_path / "run"
    settings = spec()
    save_run(folder, settings, base.build_model(settings))
    (tmp_path / "use.py").write_text(USE)
    out = tmp_path / "images.npy"
    said = run(python, "use.py", folder, out, cwd=tmp_path)
    assert Path(said.splitlines()[-1]).is_relative_to(python.parents[1])
    expected = vlae.load(folder, device="cpu").sample(3, seed=5)
    np.testing.assert_array_equal(np.load(out), expected)


@pytest.mark.slow
def test_commands_without_the_repository(python, tmp_path):
    said = run(python, "-m", "vlae", "--version", cwd=tmp_path)
    assert said == f"vlae {vlae.__version__}\n"
    for words in (["spec", "mnist/vlae", "1"], ["config-docs"]):
        said = run(python, "-m", "vlae", *words, cwd=tmp_path, check=1)
        assert said.startswith(f"vlae {words[0]}: ")
        assert "This needs the repository" in said and "Traceback" not in said
