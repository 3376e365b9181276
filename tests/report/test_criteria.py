"""The report says of which commit the criteria are, and which were changed since."""

import json
import shutil
import subprocess

import pytest
import yaml
from helpers import ROOT

from vlae.config.report_spec import ClaimSpec
from vlae.report.provenance import CLAIMS_FILE, criteria, git


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder of its own with the shipped claims in a first commit."""
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / CLAIMS_FILE, tmp_path / CLAIMS_FILE)
    monkeypatch.chdir(tmp_path)
    commit(tmp_path, "init -q", "add .", "commit -qm first")
    return tmp_path


def commit(folder, *commands):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in commands:
        subprocess.run(["git", *who, *command.split()], cwd=folder, check=True)


def specs():
    """As commands read them: numbers that two claims share are two here."""
    shipped = yaml.safe_load((ROOT / CLAIMS_FILE).read_text())["claims"]
    more: dict[str, list[int]] = {"development_seeds": [], "runs": [], "controls": []}
    found = [{**claim, "id": name, **more} for name, claim in shipped.items()]
    return [ClaimSpec.of(claim) for claim in json.loads(json.dumps(found))]


def test_committed_criteria_are_not_flagged(checkout):
    found = criteria(specs())
    head = git("rev-parse", "--short", "HEAD")
    assert found.source.startswith(f"of commit {head} of 20")
    assert "uncommitted" not in found.source
    assert found.changed == []


def test_a_criterion_that_is_not_the_committed_one_is_flagged(checkout):
    """Whether the file was edited or an overlay changed it."""
    edited = specs()
    (claim,) = (found for found in edited if found.id == "F3")
    claim.criterion["largest"]["value"] = 0.6
    found = criteria(edited)
    assert found.changed == ["F3"]
    assert "uncommitted" not in found.source, "the file itself is the committed one"
    new = ClaimSpec.of({**specs()[0].as_dict(), "id": "mine"})
    assert criteria([new]).changed == ["mine"]


def test_another_selection_of_runs_is_not_another_criterion(checkout):
    (claim, *_) = specs()
    row = {"dataset": "a", "dataset_title": "A", "run": "b", "label": "B", "seeds": [1]}
    selected = ClaimSpec.of({**claim.as_dict(), "runs": [row]})
    assert criteria([selected]).changed == []


def test_an_edit_of_the_file_shows_until_it_is_committed_and_is_counted_then(checkout):
    path = checkout / CLAIMS_FILE
    path.write_text(path.read_text() + "\n# A comment.\n")
    found = criteria(specs())
    assert found.source.endswith("the file has uncommitted changes")
    assert found.changed == []
    commit(checkout, "commit -qam second")
    assert criteria(specs()).source.endswith("change 1 of the file")


def test_without_git_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = criteria(specs())
    assert "no commit" in found.source
    assert found.changed == []
    monkeypatch.setenv("PATH", "")
    assert git("status") == ""
