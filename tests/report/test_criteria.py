"""The report says of which commit the criteria are, and which were changed since."""

import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from helpers import ROOT

from vlae.config.report_spec import ClaimSpec
from vlae.report import provenance
from vlae.report.provenance import CLAIMS_FILE
from vlae.system.git import git


@pytest.fixture
def checkout(tmp_path):
    """A clone of its own with the shipped claims in a first commit."""
    folder = tmp_path / "clone"
    (folder / "config").mkdir(parents=True)
    shutil.copy(ROOT / CLAIMS_FILE, folder / CLAIMS_FILE)
    commit(folder, "init -q", "add .", "commit -qm first")
    return folder


def commit(folder, *commands):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in commands:
        subprocess.run(["git", *who, *command.split()], cwd=folder, check=True)


def edit(folder):
    path = folder / CLAIMS_FILE
    path.write_text(path.read_text() + "\n# A comment.\n")


def specs():
    """As commands read them: numbers that two claims share are two here."""
    shipped = yaml.safe_load((ROOT / CLAIMS_FILE).read_text())["claims"]
    more: dict[str, Any] = {"development_seeds": [], "runs": [], "controls": []}
    more["needs_control"] = False
    found = [{**claim, "id": name, **more} for name, claim in shipped.items()]
    for claim in found:
        claim.pop("depicts", None)
    return [ClaimSpec.of(claim) for claim in json.loads(json.dumps(found))]


@pytest.fixture
def criteria(checkout):
    """What the report says of claims, wherever it is written."""
    return lambda claims: provenance.criteria(claims, checkout)


def test_committed_criteria_are_not_flagged(checkout, criteria):
    found = criteria(specs())
    head = git("rev-parse", "--short", "HEAD", folder=checkout)
    assert found.source.startswith(f"of commit {head} of 20")
    assert "uncommitted" not in found.source
    assert found.changed == []


def test_a_criterion_that_is_not_the_committed_one_is_flagged(criteria):
    """Whether the file was edited or an overlay changed it."""
    edited = specs()
    (claim,) = (found for found in edited if found.id == "F3")
    claim.criterion["largest"]["value"] = 0.65
    found = criteria(edited)
    assert found.changed == ["F3"]
    assert "uncommitted" not in found.source, "the file itself is the committed one"
    new = ClaimSpec.of({**specs()[0].as_dict(), "id": "mine"})
    assert criteria([new]).changed == ["mine"]


def test_another_selection_of_runs_is_not_another_criterion(criteria):
    (claim, *_) = specs()
    row = {"dataset": "a", "dataset_title": "A", "run": "b", "label": "B", "seeds": [1]}
    selected = ClaimSpec.of({**claim.as_dict(), "runs": [row]})
    assert criteria([selected]).changed == []


def test_an_edit_shows_until_it_is_committed(checkout, criteria):
    edit(checkout)
    found = criteria(specs())
    assert found.source.endswith("the file has uncommitted changes")
    assert found.changed == []


def head(folder):
    return git("rev-parse", "--short", "HEAD", folder=folder)


def rewrite(folder, **values):
    """Commit another `largest` of some claims."""
    path = folder / CLAIMS_FILE
    content = yaml.safe_load(path.read_text())
    for name, value in values.items():
        content["claims"][name]["criterion"]["largest"] = {"value": value, "why": "x"}
    path.write_text(yaml.safe_dump(content))
    commit(folder, "commit -qam rewritten")
    return head(folder)


def test_only_what_changes_a_criterion_dates_it(checkout, criteria):
    first = head(checkout)
    by_id = {claim.id: claim for claim in specs()}
    edit(checkout)
    commit(checkout, "commit -qam comment")
    second = rewrite(checkout, F3=0.65)
    assert first != second
    assert criteria([by_id["F3"]]).source.startswith(f"of commit {second} of 20")
    assert criteria([by_id["P1"]]).source.startswith(f"of commit {first} of 20")
    both = criteria([by_id["P1"], by_id["F3"]])
    assert both.source.startswith(f"of commit {second} of 20")
    assert both.changed == ["F3"]


def shallow(checkout, depth):
    """A clone of the last commits of a clone."""
    words = ["clone", "--quiet", "--depth", str(depth), checkout.as_uri()]
    folder = checkout.with_name(f"depth-{depth}")
    subprocess.run(["git", *words, str(folder)], check=True)
    return folder


def test_a_shallow_clone_does_not_date_criteria_by_its_oldest_commit(checkout):
    (checkout / "other").touch()
    commit(checkout, "add .", "commit -qm another")
    found = provenance.criteria(specs(), shallow(checkout, 1))
    assert " or an earlier one (" in found.source
    assert "`git fetch --unshallow`" in found.source
    assert found.changed == []


def test_a_file_that_was_removed_and_added_again_is_dated_by_the_latter(checkout):
    content = (checkout / CLAIMS_FILE).read_text()
    commit(checkout, f"rm -q {CLAIMS_FILE}", "commit -qm removed")
    (checkout / "config").mkdir(exist_ok=True)
    (checkout / CLAIMS_FILE).write_text(content)
    commit(checkout, "add .", "commit -qm added")
    found = provenance.criteria(specs(), checkout)
    assert found.source.startswith(f"of commit {head(checkout)} of 20")


def test_a_shallow_clone_that_has_the_change_dates_criteria_by_it(checkout):
    second = rewrite(checkout, F3=0.65)
    edit(checkout)
    commit(checkout, "commit -qam comment")
    found = provenance.criteria(specs(), shallow(checkout, 3))
    assert found.source.startswith(f"of commit {second} of 20")
    assert "or an earlier one" not in found.source


def test_the_folder_of_the_results_plays_no_part(checkout, tmp_path, monkeypatch):
    """Also where it is in a repository of the user's own."""
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    commit(tmp_path / "mine", "init -q", "commit -qm mine --allow-empty")
    head = git("rev-parse", "--short", "HEAD", folder=checkout)
    found = provenance.criteria(specs(), checkout)
    assert found.source.startswith(f"of commit {head} of 20")


def test_criteria_that_no_commit_has(checkout):
    subprocess.run(["git", "rm", "-q", "--cached", CLAIMS_FILE], cwd=checkout)
    commit(checkout, "commit -qm without")
    found = provenance.criteria(specs(), checkout)
    assert found.source.startswith("of an unknown commit: git says: ")
    assert found.changed == []


def test_without_git_nothing_is_claimed(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = provenance.criteria(specs(), checkout)
    assert found.source.startswith("of an unknown commit: git cannot be started here")
    assert found.changed == []
