"""Yours against the reference: what is kept, what is compared, and what is not."""

import json

import jinja2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from results_helpers import SEEDS, row, write_results, write_seed, write_verdicts

from vlae.__main__ import main
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ReportSpec, RunRow
from vlae.report import images
from vlae.report import reference as references
from vlae.report.html import environment
from vlae.report.reference_section import (
    DifferentRun,
    Place,
    compare_with_references,
    place,
)
from vlae.results.run_results import RunResults
from vlae.statistics.seed_spread import Seeds
from vlae.system import registry
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError
from vlae.system.files import write_json


@pytest.fixture
def results(tmp_path):
    return picture(write_results(tmp_path / "results"), 100)


@pytest.fixture
def reference(results, tmp_path):
    """A folder with the reference `full` of `results`."""
    folder = tmp_path / "reference"
    save(results, folder / "full")
    return folder


def save(results, out):
    return references.save(ResultsFolder(results), out)


def picture(results, side):
    """Noise, which no compression makes small."""
    noise = np.random.default_rng(0).integers(0, 256, (2 * side, side, 3), np.uint8)
    (results / "figures").mkdir(exist_ok=True)
    Image.fromarray(noise).save(results / "figures" / "figure5.png")
    return results


def edit(path, **changes):
    write_json(path, {**json.loads(path.read_text()), **changes})


def told(results, reference):
    folder = ResultsFolder(results)
    spec = ReportSpec.read(folder.report_spec)
    return compare_with_references(spec, folder, reference)


# What is kept


def test_numbers_over_seeds(reference):
    (full,) = references.read(reference)
    elbo = full.held_out.set_index("term").loc["elbo"]
    numbers = elbo[["count", "mean", "deviation", "low", "high"]].tolist()
    assert numbers == pytest.approx([3, -50, 0.5, -50.5, -49.5])
    assert (full.name, full.facts["commit"], full.facts["seeds"]) == (
        *("full", "abc"),
        list(SEEDS),
    )
    assert full.runs.loc[0, ["seeds", "code", "seconds"]].tolist() == [
        *("1 2 3", "c0de", "20")
    ]
    verdict = full.verdicts.iloc[0]
    assert (verdict["verdict"], verdict["low"], verdict["high"]) == (
        *("supported", 0.6, 0.8),
    )


def runs_of_figure5(results):
    folder = ResultsFolder(results)
    rows = ReportSpec.read(folder.report_spec).figures[0].rows
    return [RunResults(row, folder) for row in rows]


def test_what_each_seed_says_is_kept(reference):
    kept = pd.read_csv(reference / "full" / "findings.csv")
    assert "note" in kept
    assert kept[["id", "run", "seed", "outcome", "number"]].values.tolist() == [
        ["F5", "vlae", 1, "passes", 0.65],
        ["F5", "vlae", 2, "passes", 0.7],
        ["F5", "vlae", 3, "passes", 0.75],
    ]


def test_settings_without_seed_and_machine(results, reference):
    (full,) = references.read(reference)
    runs = runs_of_figure5(results)
    settings = full.settings_of(runs[0])
    assert settings["training.steps"] == "12"
    assert settings["data_sha256"] == "abc"
    assert not {"seed", "device", "threads", "compile"} & {*settings}
    other = RunResults(RunRow.of(row("none", SEEDS)), ResultsFolder(results))
    assert full.settings_of(other) == {}


def test_numbers_of_figures_are_those_of_their_modules(results, reference):
    (full,) = references.read(reference)
    runs = runs_of_figure5(results)
    expected = registry.load("figures", "figure5").numbers(runs).astype(str)
    assert full.figures["figure5"].to_numpy().tolist() == expected.to_numpy().tolist()


def test_numbers_of_experiments_over_seeds(results, reference):
    table = pd.read_csv(reference / "full" / "numbers.csv")
    name = "total_effect: layer 1, property class"
    (run, *_) = runs_of_figure5(results)
    chosen = (table["run"] == run.run) & (table["name"] == name)
    (row,) = table[chosen].to_dict("records")
    effects = run.table("effects")
    of_layer = (effects["layer"] == 1) & (effects["property"] == "class")
    values = effects.loc[of_layer, "total_effect"]
    assert row["table"] == "effects" and row["count"] == len(values) == len(SEEDS)
    found = [row["mean"], row["low"], row["high"]]
    assert found == pytest.approx([values.mean(), values.min(), values.max()], rel=1e-5)


def test_a_new_reference_replaces_the_old_one(results, reference):
    old = reference / "full" / "figures" / "figure9.csv"
    old.write_text("a\n1\n")
    edit(results / "report.provenance.json", commit="def")
    save(results, reference / "full")
    assert not old.exists()
    assert references.read(reference)[0].facts["commit"] == "def"
    assert [path.name for path in reference.iterdir()] == ["full"]


def test_the_same_results_give_the_same_bytes(results, reference):
    save(results, reference / "again")
    for path in (reference / "full").rglob("*.*"):
        again = reference / "again" / path.relative_to(reference / "full")
        assert again.read_bytes() == path.read_bytes()


# Pictures


def test_a_small_picture_is_kept_as_it_is(results, reference):
    original = (results / "figures" / "figure5.png").read_bytes()
    assert references.read(reference)[0].pictures == {"figure5": original}


def test_a_large_picture_is_made_small(results, tmp_path):
    picture(results, 560)
    assert (results / "figures" / "figure5.png").stat().st_size > 5e5
    found = images.small(results / "figures" / "figure5.png")
    assert found is None  # noise 500 pixels wide takes more
    assert save(results, tmp_path / "r") == ["figure5.png left out: larger than 300 kB"]
    grey = np.tile(np.linspace(0, 255, 900).astype(np.uint8), (500, 1))
    grey = grey ^ np.random.default_rng(0).integers(0, 64, grey.shape, np.uint8)
    path = results / "figures" / "figure5.png"
    Image.fromarray(grey).save(path)
    assert path.stat().st_size > images.MAX_BYTES
    assert save(results, tmp_path / "r") == []
    assert 0 < (tmp_path / "r/figures/figure5.png").stat().st_size <= images.MAX_BYTES


def test_photographs_are_not_kept(results, tmp_path, monkeypatch):
    assert not {"svhn", "celeba", "faces64"} & {*references.PUBLISHABLE}
    monkeypatch.setattr(references, "PUBLISHABLE", ("mnist",))
    said = save(results, tmp_path / "kept")
    assert said == ["figure5.png left out: it may show images of strokes"]
    assert [p.name for p in (tmp_path / "kept" / "figures").iterdir()] == [
        "figure5.csv"
    ]


# What is refused


def test_another_folder_is_not_replaced(results, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("")
    with pytest.raises(
        UserError, match=r"is not a reference \(it has no reference.json"
    ):
        save(results, tmp_path / "mine")
    assert (tmp_path / "mine" / "precious").exists()


@pytest.mark.parametrize(
    "name",
    [
        "report.spec.json",
        "report.provenance.json",
        "figures/figure5.png",
        "runs/strokes/vlae/2/training.json",
        "runs/strokes/vlae/1/history.parquet",
        "tables/claims.parquet",
    ],
)
def test_missing_results_are_named(results, tmp_path, capsys, name):
    (results / name).unlink()
    out = tmp_path / "kept"
    assert main(["save-reference", "--results", str(results), "--out", str(out)]) == 1
    assert str(results / name) in capsys.readouterr().err
    assert not out.exists()
    assert not list(tmp_path.glob(".kept-*"))


@pytest.mark.parametrize("name", ["held_out.csv", "settings.csv", "verdicts.csv"])
def test_broken_references_are_named(results, reference, name):
    path = reference / "full" / name
    path.write_text("")
    with pytest.raises(UserError, match=f"{name}: cannot be read"):
        told(results, reference)


def test_the_command_says_what_it_left_out(results, tmp_path, capsys):
    edit(results / "report.provenance.json", commit="abc with uncommitted changes")
    words = ["save-reference", "--results", results, "--out", tmp_path / "kept"]
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr().out
    assert (
        "[save-reference] the report was written by code that is not committed\n"
        in said
    )
    assert "kept: 9 files" in said


# Yours against it


def test_the_same_results_lie_in_the_range(results, reference):
    (found,) = told(results, reference)
    (held,) = found.runs
    assert (held.term, held.yours, held.place) == (
        *("elbo", "-50.00 (-50.50 to -49.50)"),
        Place.INSIDE,
    )
    assert held.reference == held.yours
    (judged,) = found.verdicts
    assert (judged.yours, judged.reference) == ("supported", "supported")
    assert (judged.interval, judged.place, judged.differing) == (
        *("0.6000 to 0.8000", Place.INSIDE, ""),
    )
    assert not found.different and not found.absent
    assert found.summary() == (
        "Runs with its settings: 1 (1 within its range). Equal verdicts: 1 of 1."
    )


@pytest.mark.parametrize(
    ("mean", "count", "expected"),
    [
        (0.9, 3, Place.INSIDE),
        (1.1, 3, Place.NEAR),  # half-width 2.776 sqrt(2/3) = 2.27
        (2.2, 3, Place.NEAR),
        (2.3, 3, Place.FAR),
        (-2.3, 3, Place.FAR),
        (4.9, 1, Place.NEAR),  # of one seed 4.303 sqrt(4/3) = 4.97
        (5.0, 1, Place.FAR),
    ],
)
def test_places_by_a_reference_of_minus_one_to_one(mean, count, expected):
    yours = Seeds.of([mean + shift for shift in (-1, 0, 1)] if count > 1 else [mean])
    assert place(yours, Seeds.of([-1, 0, 1])) is expected


def test_one_seed_each():
    assert place(Seeds.of([1.0]), Seeds.of([1.0])) is Place.INSIDE
    assert place(Seeds.of([1.0]), Seeds.of([1.00001])) is Place.INSIDE  # six digits
    assert place(Seeds.of([1.0]), Seeds.of([1.1])) is Place.UNKNOWN


def test_a_far_bound_is_said_so(results, reference):
    for seed in SEEDS:
        write_seed(results, "vlae", seed, elbo=-60)
    (found,) = told(results, reference)
    assert found.runs[0].place is Place.FAR
    assert found.summary().startswith(
        "Runs with its settings: 1 (0 within its range, 1 beyond"
    )


def test_other_settings_are_not_compared_and_named(results, reference):
    for seed in SEEDS:
        path = results / f"runs/strokes/vlae/{seed}/spec.json"
        training = json.loads(path.read_text())["training"]
        edit(path, training={**training, "steps": 99})
    (found,) = told(results, reference)
    assert found.runs == [] and found.figures == []
    assert found.different == [
        DifferentRun("strokes: VLAE", "training.steps 12 there, 99 here")
    ]
    assert [judged.differing for judged in found.verdicts] == ["runs"]
    assert "cannot be compared" in found.summary()


def test_another_machine_is_no_other_setting(results, reference):
    for seed in SEEDS:
        path = results / f"runs/strokes/vlae/{seed}/spec.json"
        edit(path, device="cuda", threads=9)
    assert told(results, reference)[0].different == []


@pytest.mark.parametrize(
    ("change", "other"),
    [
        ({"criterion": {"least": {"value": 0.6, "why": "half"}}}, "criterion"),
        ({"criterion": {"least": {"value": 0.5, "why": "other words"}}}, ""),
        ({"kind": "redundancy"}, "criterion, experiments"),
    ],
)
def test_another_criterion_is_not_compared(results, reference, change, other):
    spec = json.loads((results / "report.spec.json").read_text())
    spec["claims"][0] |= change
    edit(results / "report.spec.json", **spec)
    assert told(results, reference)[0].verdicts[0].differing == other


def test_other_draws_in_an_experiment_are_not_compared(results, reference):
    path = results / "report.spec.json"
    experiments = json.loads(path.read_text())["experiments"]
    edit(path, experiments={**experiments, "generation": {"draws": 64}})
    assert told(results, reference)[0].verdicts[0].differing == "experiments"


def test_a_number_outside_and_another_verdict(results, reference):
    write_verdicts(results, {"vlae": "shown only"})
    path = results / "tables" / "claims.parquet"
    pd.read_parquet(path).assign(number=0.9).to_parquet(path)
    (judged,) = told(results, reference)[0].verdicts
    assert (judged.yours, judged.reference) == ("shown only", "supported")
    assert judged.passed == ("3 of 3", "3 of 3")
    assert judged.place is Place.OUTSIDE


def test_runs_of_one_side(tmp_path):
    full = picture(write_results(tmp_path / "full", runs=("vlae", "hvae")), 9)
    save(full, tmp_path / "reference" / "full")
    part = write_results(tmp_path / "part", runs=("vlae",))
    (found,) = told(part, tmp_path / "reference")
    assert found.absent == ["strokes/hvae"]
    assert [verdict.differing for verdict in found.verdicts] == [""]
    other = write_results(tmp_path / "other", runs=("lvae",))
    assert told(other, tmp_path / "reference") == []


# The report's section


def section(results, reference):
    page = environment(ROOT / "report").get_template("page/reference.html.j2")
    assert page.environment.undefined is jinja2.StrictUndefined
    return page.render(references=told(results, reference))


def test_section(results, reference):
    page = section(results, reference)
    for part in (
        "-50.00 (-50.50 to -49.50)",
        "within the range",
        "0.6000 to 0.8000",
        "full",
    ):
        assert part in page
    assert 'src="data:image/webp;base64,' in page
    assert "has no reference" not in page


def test_a_broken_picture_is_named(results, reference):
    (picture,) = reference.glob("*/figures/*.png")
    picture.write_bytes(b"not a picture")
    with pytest.raises(UserError, match=rf"figures/{picture.name}: cannot be read"):
        section(results, reference)


def test_section_without_a_reference(results, tmp_path):
    assert "The repository has no reference for these runs" in section(
        results, tmp_path / "none"
    )


def test_section_of_other_settings(results, reference):
    for seed in SEEDS:
        edit(results / f"runs/strokes/vlae/{seed}/spec.json", preset="<b>mine</b>")
    page = section(results, reference)
    assert "preset none there, &lt;b&gt;mine&lt;/b&gt; here" in page
    assert "other settings (runs): not compared" in page
    assert "within the range" not in page


def test_what_the_repository_keeps_can_be_read():
    found = references.read(ROOT / "reference")
    made_by = [name for f in found for name in f.facts["overlays"]]
    known = [ROOT / name for name in made_by if not name.startswith("..")]
    assert known and all(path.is_file() for path in known)
    for reference in found:
        assert reference.facts["date"][:2] == "20"
        assert not reference.settings.empty and not reference.held_out.empty
        assert "uncommitted" not in reference.facts["commit"]
        pictures = reference.pictures.values()
        photographs = "faces64" in set(reference.runs["dataset"])
        assert bool(pictures) != photographs, "pictures of people are not kept"
        assert all(len(picture) <= images.MAX_BYTES for picture in pictures)
    folder = ROOT / "reference"
    allowed = {".csv", ".json", ".png", ".md"}
    assert {p.suffix for p in folder.rglob("*") if p.is_file()} <= allowed


def test_what_the_repository_keeps_is_of_one_code():
    found = references.read(ROOT / "reference")
    runs = pd.concat([reference.runs for reference in found])
    by_run = runs.groupby(["dataset", "run"])
    assert (by_run[["code", "torch", "steps"]].nunique() == 1).all(axis=None)
    assert all(reference.facts["other_code"] == [] for reference in found)
