"""A results folder as an RO-Crate, read back by the library that archives use."""

import json

import pytest
import yaml
from helpers import ROOT
from results_helpers import SEEDS, write_results
from rocrate.rocrate import ROCrate

from vlae.__main__ import main
from vlae.config.paths import ResultsFolder
from vlae.report import ro_crate
from vlae.system.files import sha256, write_json

RUNS = ("vlae", "hvae")
CARD = {"title": "Strokes", "source": "drawn", "licence": "CC BY 4.0"}


@pytest.fixture
def results(tmp_path):
    """Two runs, a data set with one of its two files, pages and figures."""
    root = write_results(tmp_path / "results", RUNS)
    for run in RUNS:
        for seed in SEEDS:
            folder = root / "runs" / "strokes" / run / str(seed)
            (folder / "model.safetensors").write_bytes(b"weights")
    data = root / "data" / "strokes"
    (data / "test.npy").write_bytes(b"images")
    hashes = {"train.npy": "gone", "test.npy": sha256(data / "test.npy")}
    write_json(data / "card.json", {**CARD, "sha256": hashes})
    (root / "report.html").write_text("<!DOCTYPE html>")
    for name in ("figure5.png", "figure5.svg", "a b 100%.png"):
        (root / "figures" / name).write_text("picture")
    return root


def written(results):
    assert main(["crate", "--results", str(results)]) == 0
    return ROCrate(results)


def trainings(read):
    actions = [e for e in read.contextual_entities if e.type == "CreateAction"]
    return {action["name"]: action for action in actions}


def test_root_and_workflow(results):
    read = written(results)
    root, citation = (
        read.root_dataset,
        yaml.safe_load(ro_crate.CITATION.read_text(encoding="utf-8")),
    )
    assert read.metadata["conformsTo"] == "https://w3id.org/ro/crate/1.1"
    assert root["conformsTo"].id == ro_crate.PROFILE
    assert read.name == "Tiny"
    assert "tiny.yaml; seeds [1, 2, 3]" in read.description
    assert root["datePublished"] == "2026-01-01"
    assert read.license.id.endswith("/MIT")
    paper, known = root["citation"], citation["preferred-citation"]
    assert (paper.id, paper["name"]) == (known["url"], known["title"])
    names = [author["name"] for author in paper["author"]]
    assert names == ["Shengjia Zhao", "Jiaming Song", "Stefano Ermon"]
    workflow = root["mentions"][0]
    assert (ROOT / workflow.id.removeprefix("#")).is_file()
    assert workflow["version"] == "abc"  # the commit
    assert workflow["programmingLanguage"]["name"] == "Snakemake"
    assert workflow["softwareRequirements"] == ["torch 2"]


def test_every_file_is_there_and_of_its_size(results):
    read = written(results)
    files = [e for e in read.data_entities if e.type == "File"]
    for file in files:
        path = results / file["name"]
        assert path.stat().st_size == int(file["contentSize"])
        assert path == file.source  # what the reader makes of the identifier
    names = [file["name"] for file in files]
    assert len(names) == len(set(names))
    shown = {"report.html", "report.provenance.json", "tables/claims.parquet"}
    shown |= {"figures/figure5.png", "figures/figure5.svg", "data/strokes/card.json"}
    shown |= {"figures/a b 100%.png", "data/strokes/test.npy"}
    assert shown <= {*names}
    assert not {"data/strokes/train.npy", "explorer.html", "ro-crate-metadata.json"} & {
        *names
    }
    assert read.get("figures/figure5.svg")["encodingFormat"] == "image/svg+xml"


def test_nothing_else_is_written(results):
    before = {path: path.stat().st_mtime_ns for path in results.rglob("*.*")}
    written(results)
    after = {path: path.stat().st_mtime_ns for path in results.rglob("*.*")}
    assert after.pop(ResultsFolder(results).crate) and after == before


def test_data_have_source_licence_and_hashes(results):
    read = written(results)
    data = read.get("data/strokes/")
    assert (data["name"], data["creditText"]) == ("Strokes", "drawn")
    assert data["license"]["name"] == "CC BY 4.0"
    card, images = data["hasPart"]
    assert card.id.endswith("card.json") and "sha256" not in card
    assert images["sha256"] == sha256(results / "data" / "strokes" / "test.npy")
    context = json.loads(ResultsFolder(results).crate.read_text())["@context"]
    assert {"sha256": "http://schema.org/sha256"} in context  # RO-Crate 1.1 has none


def test_each_finished_training_has_its_action(results):
    (results / "runs" / "strokes" / "hvae" / "3" / "training.json").unlink()
    (results / "runs" / "strokes" / "hvae" / "2" / "model.safetensors").unlink()
    read = written(results)
    actions = trainings(read)
    wanted = {f"Training of strokes/{run}, seed {s}" for run in RUNS for s in SEEDS}
    assert {*actions} == wanted - {"Training of strokes/hvae, seed 3"}
    action = actions["Training of strokes/vlae, seed 2"]
    assert action["instrument"].type == [*ro_crate.WORKFLOW_TYPES]
    assert action["description"] == "12 steps, 20 s, cpu, python 3.11, torch 2"
    folder = "runs/strokes/vlae/2"
    objects = [used.id for used in action["object"]]
    assert objects == ["data/strokes/", f"{folder}/spec.json"]
    files = ("model.safetensors", "training.json", "history.parquet")
    assert [made.id for made in action["result"]] == [f"{folder}/{f}" for f in files]
    assert "startTime" not in action  # nobody noted it
    without = actions["Training of strokes/hvae, seed 2"]["result"]
    assert [made["name"].split("/")[-1] for made in without] == [*files[1:]]
    mentioned = [e.id for e in read.root_dataset["mentions"][1:]]
    assert sorted(mentioned) == sorted(action.id for action in actions.values())


def test_the_same_results_give_the_same_file(results):
    written(results)
    first = ResultsFolder(results).crate.read_bytes()
    written(results)
    assert ResultsFolder(results).crate.read_bytes() == first


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("report.provenance.json", "run the pipeline first"),
        ("report.spec.json", "no such file"),
    ],
)
def test_what_is_missing_is_named(results, capsys, missing, told):
    (results / missing).unlink()
    assert main(["crate", "--results", str(results)]) == 1
    error = capsys.readouterr().err
    assert str(results / missing) in error and told in error
    assert not ResultsFolder(results).crate.exists()


def test_no_results(tmp_path, capsys):
    assert main(["crate", "--results", str(tmp_path / "none")]) == 1
    assert "expected a results folder" in capsys.readouterr().err
