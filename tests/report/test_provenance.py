"""Results whose making nobody has a record of are not passed off as this code's."""

import json

import pytest
from results_helpers import write_results

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec
from vlae.report import provenance, reference
from vlae.system import snakemake_state
from vlae.system.code_hash import training_code
from vlae.system.files import write_json


@pytest.fixture
def folder(tmp_path):
    """A folder with results of two seeds, trained by this code."""
    root = write_results(tmp_path / "results", seeds=(1, 2))
    for path in root.glob("runs/*/*/*/training.json"):
        edit(path, code=training_code("vlae"))
    return tmp_path


def edit(path, **changes):
    write_json(path, {**json.loads(path.read_text()), **changes})


def other_code(folder):
    results = ResultsFolder(folder / "results")
    return provenance.other_code(ReportSpec.read(results.report_spec).runs, results)


# Snakemake's record


def test_results_without_a_record_are_told(folder):
    said = snakemake_state.unrecorded(folder)
    assert "holds 2 finished trainings" in said and "--forceall" in said
    (folder / ".snakemake" / "metadata").mkdir(parents=True)  # as a dry run leaves it
    assert snakemake_state.unrecorded(folder) == said


@pytest.mark.parametrize("record", ["metadata/cmVzdWx0cw==", "metadata.db"])
def test_with_a_record_there_is_nothing_to_say(folder, record):
    path = folder / ".snakemake" / record
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert snakemake_state.unrecorded(folder) == ""


def test_where_nothing_is_trained_there_is_nothing_to_say(folder, tmp_path_factory):
    for path in folder.rglob("training.json"):
        path.unlink()
    assert snakemake_state.unrecorded(folder) == ""
    assert snakemake_state.unrecorded(tmp_path_factory.mktemp("new")) == ""


# The code of a training


def test_what_this_code_trained(folder):
    assert other_code(folder) == []


def test_what_other_code_trained_is_named(folder):
    trained = folder / "results" / "runs" / "strokes" / "vlae"
    edit(trained / "2" / "training.json", code="0" * 16)
    assert other_code(folder) == ["strokes/vlae, seed 2"]
    edit(trained / "1" / "training.json", code="1" * 16)
    assert other_code(folder) == ["strokes/vlae, seeds 1, 2"]


def test_a_reference_passes_it_on(folder, monkeypatch):
    results = folder / "results"
    monkeypatch.setattr(reference, "PUBLISHABLE", ())
    edit(results / "report.provenance.json", other_code=["strokes/vlae, seed 2"])
    assert reference.save(ResultsFolder(results), folder / "kept")[1:] == [
        "trained by another version of the code: strokes/vlae, seed 2"
    ]
    facts = json.loads((folder / "kept" / "reference.json").read_text())
    assert facts["other_code"] == ["strokes/vlae, seed 2"]
