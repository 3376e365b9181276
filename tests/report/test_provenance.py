"""Results whose making nobody has a record of are not passed off as this code's."""

import json

import pytest
from results_helpers import write_results

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


def made_by(folder):
    results = folder / "results"
    spec = json.loads((results / "report.spec.json").read_text())
    return provenance.provenance(spec["runs"], results)


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
    assert made_by(folder)["other_code"] == []


def test_what_other_code_trained_is_named(folder):
    trained = folder / "results" / "runs" / "strokes" / "vlae"
    edit(trained / "2" / "training.json", code="0" * 16)
    assert made_by(folder)["other_code"] == ["strokes/vlae, seed 2"]
    edit(trained / "1" / "training.json", code="1" * 16)
    assert made_by(folder)["other_code"] == ["strokes/vlae, seeds 1, 2"]


def test_a_reference_passes_it_on(folder, monkeypatch):
    results = folder / "results"
    monkeypatch.setattr(reference, "PICTURES", ())
    edit(results / "report.provenance.json", other_code=["strokes/vlae, seed 2"])
    assert reference.keep(results, folder / "kept")[1:] == [
        "trained by other code than the commit's: strokes/vlae, seed 2"
    ]
    facts = json.loads((folder / "kept" / "reference.json").read_text())
    assert facts["other_code"] == ["strokes/vlae, seed 2"]
