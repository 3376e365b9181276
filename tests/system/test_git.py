"""A history that cannot be read is never taken for none: git's reason, and the cure."""

import os
import shlex
import subprocess

import pytest

from vlae.report import provenance
from vlae.system import git as git_module
from vlae.system.git import TRACKED, git, no_history

WHO = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
FOLDERS = ["clone", "Ordner mit ä, 'Hochkomma' und \" Zeichen"]


def run(folder, *words):
    subprocess.run(["git", *WHO, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(params=FOLDERS)
def clone(tmp_path, request, monkeypatch):
    """A clone in a folder that is in no repository, without settings of the caller."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (tmp_path / "home").mkdir()
    folder = tmp_path / request.param
    folder.mkdir()
    (folder / TRACKED).touch()
    run(folder, "init", "-q")
    run(folder, "add", ".")
    run(folder, "commit", "-qm", "first")
    return folder


def test_a_clone_has_a_history(clone):
    assert no_history(clone) == ""
    assert len(git("rev-parse", "HEAD", folder=clone)) == 40


def test_git_is_not_installed(clone, monkeypatch):
    monkeypatch.setenv("PATH", str(clone))
    said = no_history(clone)
    assert said.startswith("git cannot be started here (No such file or directory)")
    assert "install it" in said


def test_a_download_is_not_a_clone(clone):
    (clone / ".git").rename(clone.parent / "elsewhere")
    said = no_history(clone)
    assert said.startswith(f"{clone} is not a git clone, as after a download of a zip")
    assert "`git clone`" in said


def test_a_download_in_another_repository_has_not_its_commit(
    clone, tmp_path, monkeypatch
):
    """Such as a home folder whose settings are in git."""
    (clone / ".git").rename(tmp_path / ".git")
    run(tmp_path, "rm", "-q", "--cached", TRACKED)
    run(tmp_path, "commit", "-qm", "settings", "--allow-empty")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    said = no_history(clone)
    assert f"it lies in the git repository {tmp_path}, which does not know" in said


def test_a_part_of_a_larger_repository_has_its_commit(clone, tmp_path, monkeypatch):
    (clone / ".git").rename(tmp_path / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    run(tmp_path, "add", clone.name)
    run(tmp_path, "commit", "-qm", "moved")
    assert no_history(clone) == ""


def test_a_repository_without_a_commit(tmp_path):
    run(tmp_path, "init", "-q")
    (tmp_path / TRACKED).touch()
    run(tmp_path, "add", ".")
    assert no_history(tmp_path) == "git says: Needed a single revision"


def test_a_damaged_repository(clone):
    (clone / ".git" / "config").write_text("[core")
    said = no_history(clone)
    assert said.startswith("git says: bad config line "), said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_clone_of_somebody_else(clone):
    """The proposed command, run as it stands, is the cure."""
    for path in [clone, *clone.rglob("*")]:
        os.chown(path, 12345, -1)
    said = no_history(clone)
    assert said.startswith("git says: detected dubious ownership in repository at ")
    assert "a folder of another user" in said
    cure = said.partition("user: `")[2].removesuffix("`")
    assert cure.startswith("git config --global --add safe.directory ")
    subprocess.run(cure, shell=True, check=True)
    assert no_history(clone) == ""


def stand_in(folder, monkeypatch, script):
    """Put a script first on the PATH, under the name of git."""
    (folder / "tools").mkdir()
    (folder / "tools" / "git").write_text(f"#!/bin/sh\n{script}\nexit 128\n")
    (folder / "tools" / "git").chmod(0o755)
    path = f"{folder / 'tools'}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)


def test_a_git_that_proposes_nothing_is_completed(clone, monkeypatch, tmp_path):
    said = "fatal: unsafe repository (dubious ownership)"
    stand_in(tmp_path, monkeypatch, f"echo '{said}' >&2")
    cure = f"git config --global --add safe.directory {shlex.quote(str(clone))}"
    assert no_history(clone).endswith(f"If you trust that user: `{cure}`")


def test_nothing_is_written_into_the_clone(clone):
    """Git would refresh its index when it is asked for changes."""
    os.utime(clone / TRACKED, (1, 1))
    before = {p: p.stat().st_mtime_ns for p in clone.rglob("*")}
    git("status", "--porcelain", folder=clone)
    assert {p: p.stat().st_mtime_ns for p in clone.rglob("*")} == before


def test_git_is_asked_in_english(tmp_path, monkeypatch):
    """Whatever the language of the user: its words are searched."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    stand_in(tmp_path, monkeypatch, 'echo "fatal: in $LC_ALL" >&2')
    assert no_history(tmp_path) == "git says: in C"


def test_a_reason_in_an_unknown_encoding(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "printf 'fatal: gro\\337\\n' >&2")
    assert no_history(tmp_path).startswith("git says: gro")


def test_start_and_report_state_the_reason(monkeypatch):
    for module in (git_module, provenance):
        monkeypatch.setattr(module, "no_history", lambda: "WHY. WHAT TO DO")
    assert provenance.commit() == "unknown: WHY. WHAT TO DO"
    assert git_module.warning().endswith(" criteria are: WHY. WHAT TO DO.")
    monkeypatch.setattr(git_module, "no_history", lambda: "")
    assert git_module.warning() == ""
