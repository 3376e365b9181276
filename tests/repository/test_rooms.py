"""The thirteen rooms of `src/vlae`, and what each may import (docs/architecture.md)."""

import re

import pytest
from rooms import BESIDE_ROOMS, ROOMS, broken_rules

from vlae.system.checkout import ROOT


def test_the_package_keeps_its_rules():
    assert broken_rules(ROOT / "src" / "vlae") == []


def test_the_page_has_the_rooms_in_this_order():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert rows == [*reversed(ROOMS)]


# The checker itself, on a made-up package


@pytest.fixture
def package(tmp_path):
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text('"""A room."""\n')
    for name in BESIDE_ROOMS:
        (tmp_path / name).write_text('"""A door."""\n' if name[0] == "_" else "")
    (tmp_path / "system" / "files.py").write_text("def read(): ...\n")
    (tmp_path / "config" / "run_spec.py").write_text("class RunSpec: ...\n")
    (tmp_path / "config" / "specs.py").write_text("from vlae.config import run_spec\n")
    (tmp_path / "models" / "vae.py").write_text(
        "from vlae.models import _layers\nfrom vlae.config.run_spec import RunSpec\n"
    )
    (tmp_path / "models" / "_layers.py").write_text("from vlae.system import files\n")
    return tmp_path


def test_a_package_that_keeps_the_rules(package):
    assert broken_rules(package) == []


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("utils.py", "", "utils.py: not a room"),
        (
            "system/files.py",
            "from vlae.config.run_spec import RunSpec",
            "system.files imports config.run_spec: not a room below system",
        ),
        (
            "system/files.py",
            "def late():\n    import vlae.training",
            "system.files imports training: not a room below system",
        ),
        (
            "models/vae.py",
            "from vlae.config import specs",
            "models.vae imports config.specs: not a room below models",
        ),
        (
            "figures/one.py",
            "import vlae.claims",
            "figures.one imports claims: not a room below figures",
        ),
        (
            "training/loop.py",
            "from vlae.models._layers import f",
            "training.loop imports models._layers: private to its folder",
        ),
        (
            "training/loop.py",
            "from vlae.models.vae import _f",
            "training.loop imports _f of models.vae: private to its module",
        ),
        (
            "training/loop.py",
            "from vlae.models import vae as v\nv._f()",
            "training.loop uses _f of models.vae: private to its module",
        ),
        (
            "training/loop.py",
            "from vlae.models.hvae import f",
            "training.loop imports models.hvae: there is no such module",
        ),
        (
            "data/__init__.py",
            "X = 1",
            "data/__init__.py: more than a docstring (line 2)",
        ),
        ("__init__.py", "import torch", "__init__.py: more than a docstring (line 2)"),
        (
            "config/run_spec.py",
            "from vlae.config.specs import x",
            "import cycle: config.run_spec -> config.specs -> config.run_spec",
        ),
    ],
)
def test_what_breaks_a_rule_is_found(package, file, line, expected):
    path = package / file
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}{line}\n")
    assert broken_rules(package) == [expected]


def test_a_missing_room_is_found(package):
    for path in (package / "claims").iterdir():
        path.unlink()
    (package / "claims").rmdir()
    assert broken_rules(package) == ["claims: missing"]


def test_lazy_public_names_are_allowed(package):
    (package / "__init__.py").write_text(
        '"""A door."""\n'
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from vlae.models.vae import VAE\n"
        '__all__ = ["VAE"]\n'
        "def __getattr__(name): ...\n"
    )
    assert broken_rules(package) == []
