"""What GitHub, citation tools, pre-commit and the workflow catalogue read."""

import re
import tomllib

import pytest
import yaml

import vlae
from vlae.system.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def content(name):
    return yaml.safe_load((ROOT / name).read_text())


def python_of(job):
    (python,) = [s["with"] for s in job["steps"] if "setup-python" in s.get("uses", "")]
    assert (ROOT / python["cache-dependency-path"]).is_file()
    return python["python-version"]


def test_github_runs_what_everybody_runs():
    workflow = content(".github/workflows/ci.yml")
    # YAML reads `on` as true.
    assert set(workflow[True]) == {"push", "pull_request", "schedule"}
    job = workflow["jobs"]["test"]
    assert job["steps"][-1] == {"run": ".ci/run"}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
    assert PROJECT["requires-python"] == f">={python_of(job)}"
    browser = [
        step["run"].split()[0]
        for step in job["steps"]
        if "--version" in step.get("run", "")
    ]
    known = (ROOT / "tests" / "support" / "browser.py").read_text()
    assert all(f'"{name}"' in known for name in browser) and browser


def test_github_runs_fast_tests_on_newer_pythons():
    workflow = content(".github/workflows/ci.yml")
    job = workflow["jobs"]["newer"]
    assert python_of(job) == "${{ matrix.python }}"
    assert job["steps"][-1] == {"run": "make PYTHON=python check"}
    versions = [
        python_of(workflow["jobs"]["test"]),
        *job["strategy"]["matrix"]["python"],
    ]
    prefix = "Programming Language :: Python :: "
    named = [c.removeprefix(prefix) for c in PROJECT["classifiers"] if prefix in c]
    assert versions == named


def test_updates_come_monthly_and_together():
    updates = content(".github/dependabot.yml")["updates"]
    assert [u["package-ecosystem"] for u in updates] == ["pip", "github-actions"]
    for update in updates:
        assert update["schedule"] == {"interval": "monthly"}
        (group,) = update["groups"].values()
        assert group == {"patterns": ["*"]} and update["directory"] == "/"


def test_the_changelog_has_this_version_and_ten_lines_for_each():
    text = (ROOT / "CHANGELOG.md").read_text()
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    citation = content("CITATION.cff")
    assert heads[0] == "[Unreleased]"
    assert heads[1] == f"[{vlae.__version__}] - {citation['date-released']}"
    sections = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    for head, section in zip(heads, sections, strict=True):
        entries = re.findall(r"^- ", section, re.MULTILINE)
        assert len(entries) <= 12 and (entries or head == "[Unreleased]")
        kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
        order = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
        assert kinds == [kind for kind in order if kind in kinds]


def test_citation_agrees_with_project_and_licence():
    citation = content("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == vlae.__version__
    assert PROJECT["dynamic"] == ["version"]  # pyproject reads that of the package
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    paper = citation["preferred-citation"]
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Zhao", "Song", "Ermon"]
    assert paper["title"] in citation["title"] and paper["year"] == 2017


def test_hooks_are_tools_of_the_environment_and_of_make_lint():
    (repository,) = content(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"  # nothing is fetched
    required = (ROOT / "requirements.in").read_text()
    lint = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        tool = re.match(r"\.venv/bin/(\w+)", hook["entry"])
        assert tool and re.search(rf"^{tool[1]}==", required, re.MULTILINE)
        assert f" {tool[1]} " in lint.replace("\n", " \n")
    (files,) = [h["files"] for h in repository["hooks"] if h["id"] == "snakefmt"]
    assert re.search(files, "Snakefile") and re.search(files, "workflow/rules/a.smk")
    assert not re.search(files, "workflow/rulegraph.py")


def test_catalogue_says_how_to_deploy():
    usage = content(".snakemake-workflow-catalog.yml")["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    ways = usage["software-stack-deployment"]
    assert ways.keys() == {"conda", "apptainer", "apptainer+conda", "report"}
    assert all(isinstance(offered, bool) for offered in ways.values())
    # What a listing asks for.
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and (ROOT / "config" / "README.md").is_file()
    # What the ways ask for.
    assert ways["conda"] is (ROOT / "environment.yml").is_file()
    assert ways["report"] is ("snakemake[reports]" in required())
    image = content("config/config.yaml")["container"]
    assert ways["apptainer"] is ("://" in image)  # a file has to be built first


def required():
    return (ROOT / "requirements.in").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.md")))
def test_templates_name_what_exists(path):
    text = path.read_text()
    if text.startswith("---"):
        head = yaml.safe_load(text.split("---")[1])
        assert {"name", "about"} <= head.keys()
    for name in re.findall(r"\b[A-Z]+\.md\b", text):
        assert (ROOT / name).is_file()
