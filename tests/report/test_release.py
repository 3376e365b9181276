"""A packed release: what is in it, what is never in it, and the same bytes again."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile

import pytest
from release_helpers import contents, edit, finished_results, packed, restamp
from rocrate.rocrate import ROCrate

import vlae
from vlae.__main__ import main
from vlae.report.release import MAX_NAMED_RUNS
from vlae.results.released import Manifest
from vlae.system.checkout import ROOT

IMAGES = ("npy", "npz", "train.parquet", "test.parquet")
"""Ends of files with images, or with what is known of single images."""


@pytest.fixture
def results(tmp_path):
    return finished_results(tmp_path / "results")


def pack(results, capsys, name="packed"):
    """The folder and what the command says, line by line."""
    out = results.parent / name
    code = main(["release", str(results), "--out", str(out)])
    said = capsys.readouterr()
    return out, code, (said.out + said.err).strip().splitlines()


def members(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_what_is_packed(results, capsys):
    out, code, said = pack(results, capsys)
    assert code == 0
    models = {f"strokes.vlae.{seed}.zip" for seed in (1, 2)}
    assert {path.name for path in out.iterdir()} == {
        *("report.html", "explorer.html", "ro-crate.zip", "strokes.vlae.md"),
        *("weights.json", "SHA256SUMS", *models),
    }
    assert said[-1].startswith(f"[release] {out}: 8 files, ")
    assert said[-1].endswith(", 0 remarks")
    assert members(out / "strokes.vlae.1.zip") == [
        "experiments/strokes/vlae/1/effects.parquet",
        *(
            f"runs/strokes/vlae/1/{name}"
            for name in (
                *("history.parquet", "model.safetensors", "spec.json"),
                "training.json",
            )
        ),
    ]
    assert {path.name for path in results.parent.iterdir()} == {"packed", "results"}


def test_checksums_and_manifest_hold(results, capsys):
    out, *_ = pack(results, capsys)
    lines = (out / "SHA256SUMS").read_text().splitlines()
    sums = {name: sha for sha, name in (line.split("  ") for line in lines)}
    assert {*sums} == {path.name for path in out.iterdir()} - {"SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=out, check=True)
    manifest = Manifest.of(json.loads((out / "weights.json").read_text()))
    assert manifest.version == vlae.__version__ and manifest.commit == "abc"
    for run in manifest.runs:
        with zipfile.ZipFile(out / run.archive.path) as archive:
            for file in run.files:
                content = archive.read(file.path)
                assert len(content) == file.size
                assert hashlib.sha256(content).hexdigest() == file.sha256
    listed = [*manifest.files, *(run.archive for run in manifest.runs)]
    for file in listed:
        assert sums[file.path] == file.sha256
        assert (out / file.path).stat().st_size == file.size
    assert {file.path for file in listed} == {*sums} - {"weights.json"}


def test_the_same_results_give_the_same_bytes(results):
    first = packed(results, results.parent / "first")
    for path in results.rglob("*"):  # files of another age, in another order of hashes
        os.utime(path, (0, 0))
    words = ["release", str(results), "--out", str(results.parent / "second")]
    environment = {"PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "7"}
    subprocess.run(
        [sys.executable, "-m", "vlae", *words],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
    assert contents(results.parent / "second") == contents(first)


def test_an_unpacked_model_loads(results, capsys):
    out, *_ = pack(results, capsys)
    with zipfile.ZipFile(out / "strokes.vlae.2.zip") as archive:
        archive.extractall(out.parent / "unpacked")
    folder = out.parent / "unpacked" / "runs" / "strokes" / "vlae" / "2"
    assert vlae.load(folder, device="cpu").sample(2).shape == (2, 1, 28, 28)


def test_the_model_card(results, capsys):
    out, *_ = pack(results, capsys)
    card = (out / "strokes.vlae.md").read_text()
    for said in (
        *(
            "# strokes: VLAE (`strokes/vlae`)",
            "latent dimensions 2 + 3 from the bottom",
        ),
        *("| Seeds | 1, 2 |", "| Preset | `none` |", "| Steps | 12 of 20 images |"),
        *("commit abc", "200 test and 400 train images of 1 x 28 x 28"),
        *("Source: Drawn by this project.", "Licence: That of this project."),
        # -50 and what a seed adds: -0.5 and 0.
        *("| `elbo` | -50.25 | -50.5 | -50 |", "Weights and code: MIT"),
        *("whose own licence still holds: That of this project.",),
        'run = vlae.load("released/runs/strokes/vlae/1")',
    ):
        assert said in card, said
    assert not any(line.endswith(" ") for line in card.splitlines())


def test_the_crate_is_whole_without_weights_and_images(results, capsys):
    out, *_ = pack(results, capsys)
    unpacked = out.parent / "crate"
    with zipfile.ZipFile(out / "ro-crate.zip") as archive:
        archive.extractall(unpacked)
    read = ROCrate(unpacked)
    files = {entity.id for entity in read.data_entities if entity.type == "File"}
    assert files == {*contents(unpacked)} - {"ro-crate-metadata.json"}
    assert {"report.html", "figures/figure5.svg", "tables/claims.parquet"} <= files
    assert "runs/strokes/vlae/1/history.parquet" in files
    assert "figures/of_another_study.png" not in files  # it may show anything
    assert "images that the models saw are not in it" in read.description


def test_no_file_with_images_is_ever_packed(results, capsys):
    out, *_ = pack(results, capsys)
    names = [name for path in out.glob("*.zip") for name in members(path)]
    assert names and not [name for name in names if name.endswith(IMAGES)]


def faces(results):
    """Call the data set of all runs `celeba`, wherever its name stands."""
    for path in sorted(results.rglob("*.json")):
        path.write_text(path.read_text().replace('"strokes"', '"celeba"'))
    for path in sorted(results.rglob("strokes"), reverse=True):
        path.rename(path.with_name("celeba"))
    card = results / "data" / "celeba" / "card.json"
    edit(card, licence="Non-commercial research use only")
    restamp(results)


def test_of_photographs_of_people_only_weights_and_numbers_are_packed(results, capsys):
    faces(results)
    out, code, said = pack(results, capsys)
    assert code == 0
    assert {path.name for path in out.iterdir()} == {
        *("celeba.vlae.1.zip", "celeba.vlae.2.zip", "celeba.vlae.md"),
        *("ro-crate.zip", "weights.json", "SHA256SUMS"),
    }
    for what in ("report.html", "explorer.html", "pictures of figure5"):
        assert any(
            f"{what} left out: may show images of celeba" in line for line in said
        )
    assert said[-1].endswith(", 3 remarks")
    crate = members(out / "ro-crate.zip")
    assert not [name for name in crate if name.endswith((".html", ".png", ".svg"))]
    card = (out / "celeba.vlae.md").read_text()
    assert "own licence still holds: Non-commercial research use only." in card


def test_code_that_is_not_committed_is_remarked(results, capsys):
    edit(results / "report.provenance.json", commit="abc with uncommitted changes")
    _, code, said = pack(results, capsys)
    assert code == 0
    assert "[release] the report was written by code that is not committed" in said
    assert said[-1].endswith(", 1 remark")


def test_cells_of_sweeps_are_counted_and_left_out(results, capsys):
    spec = json.loads((results / "report.spec.json").read_text())
    cell = {**spec["runs"][0], "run": "vlae-cell"}
    sweep = {
        "name": "width",
        "title": "Which?",
        "base": "strokes/vlae",
        "properties": [],
        "axes": [],
        "cells": [{"values": ["1"], "row": cell}],
    }
    edit(results / "report.spec.json", runs=[*spec["runs"], cell], sweeps=[sweep])
    restamp(results)
    out, code, said = pack(results, capsys)
    assert code == 0 and not list(out.glob("*cell*"))
    assert "[release] weights of 1 cells of sweeps left out" in said


def test_unfinished_results_are_refused(results, capsys):
    (results / "runs" / "strokes" / "vlae" / "2" / "model.safetensors").unlink()
    out, code, said = pack(results, capsys)
    assert code == 1 and not out.exists()
    assert "not finished: no complete training of strokes/vlae/2." in said[-1]
    assert 1 < MAX_NAMED_RUNS < 10


def test_results_that_changed_since_the_report_are_refused(results, capsys):
    edit(results / "runs" / "strokes" / "vlae" / "2" / "training.json", steps=13)
    out, code, said = pack(results, capsys)
    assert code == 1 and not out.exists()
    assert "changed since report.html was written" in said[-1]


@pytest.mark.parametrize("missing", ["report.html", "report.spec.json"])
def test_what_is_missing_is_named(results, capsys, missing):
    (results / missing).unlink()
    out, code, said = pack(results, capsys)
    assert code == 1 and not out.exists()
    assert missing in said[-1] and "no such file" in said[-1]


def test_a_folder_that_exists_is_refused(results, capsys):
    (results.parent / "packed").mkdir()
    _, code, said = pack(results, capsys)
    assert code == 1 and "packed: exists already" in said[-1]


def test_nothing_half_written_stays(results, capsys):
    (results / "data" / "strokes" / "card.json").write_text("{")
    out, code, said = pack(results, capsys)
    assert code == 1 and "card.json" in said[-1]
    assert [path.name for path in out.parent.iterdir()] == ["results"]
