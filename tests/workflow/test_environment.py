"""The two environments, of conda and of make, are the same versions."""

import tomllib

import environment
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

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


def test_every_rule_names_the_environment():
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        text = path.read_text()
        rules = text.count("\nrule ")
        assert text.count("../../environment.yml") == rules, path.name


def test_lock_names_no_host():
    for name in ("requirements.lock", "environment.yml", "requirements.in"):
        text = (ROOT / name).read_text()
        assert "://" not in text and "index-url=" not in text, name


def test_conda_finds_one_version_of_each_package_on_every_system():
    """Pip takes the lines whose markers hold: never two, and torch on all."""
    written = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert written["channels"] == ["conda-forge", "nodefaults"]
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
