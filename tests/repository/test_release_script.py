"""`.ci/release`, dry and with a `gh` that writes down what it is called with."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from release_helpers import finished_results, packed

import vlae
from vlae.system.checkout import ROOT

TAG = f"v{vlae.__version__}"
SCRIPT = ROOT / ".ci" / "release"
GH = """#!/usr/bin/env bash
echo "$@" >>"$LOG"
case "$2" in
  list) [ -z "$DRAFT" ] || echo "$DRAFT" ;;
  download) cp -r "$FILES" "$5" ;;
  edit) cp "${@: -1}" "$LOG.notes" ;;
esac
"""
"""A stand-in for GitHub's program: DRAFT is the state of the tag's release."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return packed(finished_results(folder / "results"), folder / "packed")


@pytest.fixture
def call(tmp_path):
    """Call the script; return its status and all that it says."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "gh").write_text(GH)
    (tools / "gh").chmod(0o755)

    def run(*words, draft="", files="", tag=TAG):
        environment = {
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "LOG": str(tmp_path / "log"),
            "DRAFT": draft,
            "FILES": str(files),
        }
        done = subprocess.run(
            [SCRIPT, "--out", tmp_path / "dist", *map(str, words), tag],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    return run


def log(tmp_path):
    path = tmp_path / "log"
    return path.read_text().splitlines() if path.exists() else []


def test_a_dry_run_builds_and_publishes_nothing(call, made, tmp_path):
    code, said = call("--dry-run", "--no-site", "--packed", made)
    assert code == 0, said
    assert "packed: 8 files, checksums right" in said
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert wheel.name == f"vlae-{vlae.__version__}-py3-none-any.whl"
    sums = {"cwd": tmp_path / "dist", "check": True}
    subprocess.run(["sha256sum", "--check", "wheel.sha256"], **sums)
    steps = re.findall(r"^would run: gh release (\w+)", said, re.MULTILINE)
    assert steps == ["create", "upload", "upload", "edit"]
    assert not log(tmp_path)  # the real one was not called


def test_a_draft_is_completed_and_then_published(call, made, tmp_path):
    code, said = call("--no-site", draft="true", files=made)
    assert code == 0, said
    steps = [line.split()[1] for line in log(tmp_path)]
    assert steps == ["list", "download", "upload", "edit"]
    assert f"{TAG} --draft=false --verify-tag" in log(tmp_path)[-1]
    notes = (tmp_path / "log.notes").read_text()
    assert "### Added" in notes and "## [" not in notes
    assert "no weights" not in notes


def test_without_a_draft_the_release_says_that_it_has_no_weights(call, tmp_path):
    code, said = call("--no-site")
    assert code == 0, said
    steps = [line.split()[1] for line in log(tmp_path)]
    assert steps == ["list", "create", "upload", "edit"]
    notes = (tmp_path / "log.notes").read_text()
    assert "This release has no weights and no report: none were packed" in notes


def test_what_is_published_is_not_touched(call, tmp_path):
    code, said = call("--no-site", draft="false")
    assert code == 1 and "is published already; make a new version" in said
    assert [line.split()[1] for line in log(tmp_path)] == ["list"]


@pytest.mark.parametrize("spoil", ["changed", "added", "no sums"])
def test_files_that_were_not_packed_so_are_refused(call, made, tmp_path, spoil):
    files = shutil.copytree(made, tmp_path / "files")
    if spoil == "changed":
        (files / "report.html").write_text("another page")
    elif spoil == "added":
        (files / "photo.png").write_text("a face")
    else:
        (files / "SHA256SUMS").unlink()
    code, said = call("--no-site", draft="true", files=files)
    told = {"changed": "are not those of", "added": "photo.png is not in"}
    assert code == 1 and told.get(spoil, "no SHA256SUMS") in said
    assert [line.split()[1] for line in log(tmp_path)] == ["list", "download"]


def test_a_tag_of_another_version_is_refused(call, tmp_path):
    code, said = call("--dry-run", tag="v9.9.9")
    assert code == 1 and f"expected {TAG}" in said
    assert not list((tmp_path / "dist").iterdir())


def test_the_site_is_that_of_make_docs(made, tmp_path):
    """With a stand-in for make: the real site has a test of its own."""
    if not re.search(r"^docs:", (ROOT / "Makefile").read_text(), re.MULTILINE):
        pytest.skip("the Makefile has no target 'docs' yet")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "make").write_text(
        '#!/bin/sh\n[ "$1" = docs ] && touch "$SITE/index.html"'
    )
    (tools / "make").chmod(0o755)
    (tmp_path / "site").mkdir()
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "SITE": str(tmp_path / "site"),
    }
    words = ["--dry-run", "--packed", made, "--out", tmp_path / "dist", TAG]
    subprocess.run([SCRIPT, *words], env=environment, check=True, capture_output=True)
    names = {path.name for path in (tmp_path / "site").iterdir()}
    assert names == {"index.html", "report.html", "explorer.html"}


# The workflow


def test_the_workflow_calls_the_script_on_a_tag():
    path = ROOT / ".github" / "workflows" / "release.yml"
    workflow = yaml.safe_load(path.read_text())
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true
    assert workflow["permissions"] == {}
    release, pages = workflow["jobs"]["release"], workflow["jobs"]["pages"]
    assert release["permissions"] == {"contents": "write"}
    runs = [step["run"] for step in release["steps"] if "run" in step]
    assert runs == ["make env", '.ci/release "$GITHUB_REF_NAME"']
    assert SCRIPT.stat().st_mode & 0o100
    site = release["steps"][-1]
    assert "upload-pages-artifact" in site["uses"]
    (called,) = [s for s in release["steps"] if s.get("run") == runs[-1]]
    assert called["env"]["SITE"] == site["with"]["path"]
    assert pages["needs"] == "release"
    assert pages["permissions"] == {"pages": "write", "id-token": "write"}
    assert "deploy-pages" in pages["steps"][0]["uses"]
