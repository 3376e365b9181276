"""Files that only the repository has."""

import os

import pytest

from vlae.system import checkout
from vlae.system.checkout import ROOT, check_path, files_hash, of_repository
from vlae.system.errors import UserError


def test_the_root_is_that_of_the_repository():
    assert (ROOT / "src" / "vlae" / "system" / "checkout.py").is_file()
    assert (ROOT / "Snakefile").is_file()


@pytest.mark.parametrize(
    "parts", [(), ("report",), ("workflow", "schemas", "run.schema.yaml")]
)
def test_what_the_repository_has(parts):
    assert of_repository(*parts) == ROOT.joinpath(*parts)


def test_a_package_without_its_repository_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    with pytest.raises(UserError) as caught:
        of_repository("report", "page")
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'report' / 'page'}: not found.")
    assert "`make env`" in said


def write(folder, **files):
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_a_hash_of_files_is_that_of_their_names_and_contents(tmp_path):
    first = write(tmp_path / "a", one="1", two="2")
    assert files_hash(write(tmp_path / "b", two="2", one="1")) == files_hash(first)
    for name, files in {
        "renamed": {"one": "1", "three": "2"},
        "edited": {"one": "1", "two": "3"},
        "longer": {"one": "1", "two": "2", "x": ""},
        "shorter": {"one": "1"},
    }.items():
        assert files_hash(write(tmp_path / name, **files)) != files_hash(first), name


def test_a_hash_of_files_ignores_their_age_and_hidden_ones(tmp_path):
    folder = write(tmp_path / "a", one="1")
    before = files_hash(folder)
    os.utime(folder / "one", (1, 1))
    (folder / ".DS_Store").touch()
    assert files_hash(folder) == before


def test_paths_that_snakemake_cannot_take_are_named(tmp_path):
    check_path(tmp_path / "Ordner mit 'ä' und \"ß\"")
    with pytest.raises(UserError, match="braces in the path of the code"):
        check_path(tmp_path / "{a}")
