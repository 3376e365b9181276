"""What the report is put together from, where the answer is known."""

import base64
import io
import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from layers_helpers import row, write_layers
from msgspec import structs
from PIL import Image
from report_helpers import images, save, write_report
from results_helpers import write_verdicts

from vlae.__main__ import main
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import ClaimSpec, FigureSpec, RunRow
from vlae.report import (
    chain_slider,
    claims_section,
    evidence,
    page,
    training_curves,
)
from vlae.report import (
    images as page_images,
)
from vlae.report.evidence import ShownVerdict
from vlae.report.html import environment
from vlae.report.runs_section import RunSettings
from vlae.report.teaser import teaser
from vlae.results.run_results import RunResults
from vlae.results.text import seed_names
from vlae.system import checkout
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

ROW = RunRow(
    dataset="strokes", dataset_title="Strokes", run="vlae", label="VLAE", seeds=(1, 2)
)


def run(folder):
    return RunResults(ROW, ResultsFolder(folder))


def decoded(address):
    """The picture in a data address, (height, width, 3)."""
    kind, content = address.split(",")
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        return np.asarray(image.convert("RGB"))


# Pictures


def test_no_pixel_is_lost():
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    assert np.array_equal(decoded(page_images.pixels(picture)), picture)


def test_what_is_transparent_is_white(tmp_path):
    picture = np.full((2, 2, 4), 200, np.uint8)
    picture[0, 0, 3], picture[..., 3] = 0, [[0, 255], [255, 255]]
    Image.fromarray(picture).save(tmp_path / "a.png")
    found = decoded(page_images.file(tmp_path / "a.png"))
    assert found[..., 0].tolist() == [[255, 200], [200, 200]]


def test_a_broken_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    for path in (tmp_path / "a.png", tmp_path / "b.png"):
        with pytest.raises(UserError, match=f"{path.name}.*Delete it and run again"):
            page_images.file(path)


# Curves


def history(folder, steps, value):
    for seed in ROW.seeds:
        lines = [
            (step, split, "elbo", value(step) + seed)
            for step in steps
            for split in ("train", "held-out")
        ]
        table = pd.DataFrame(lines, columns=["step", "split", "term", "value"])
        path = run(folder).files(seed).history
        path.parent.mkdir(parents=True)
        table.to_parquet(path)
    return run(folder).history()


def test_long_histories_are_thinned_between_their_ends(tmp_path):
    (chart,) = training_curves.charts(
        history(tmp_path, range(0, 10_000, 10), lambda s: s)
    )
    assert len(chart.steps) == training_curves.MAX_POINTS
    assert (chart.steps[0], chart.steps[-1]) == (0, 9990)
    assert chart.curves[0].values[0] == [step + 1 for step in chart.steps]
    assert np.ptp(np.diff(chart.steps)) <= 10


def test_the_start_of_a_bound_does_not_set_the_scale(tmp_path):
    value = {0: -1e6, 1: -20.0, 2: np.nan, 3: -10.0}.__getitem__
    (chart,) = training_curves.charts(history(tmp_path, range(4), value))
    assert -20 < chart.low < -18 and -8 < chart.high < -7
    assert (chart.y(chart.low), chart.y(chart.high)) == (
        training_curves.BOTTOM,
        training_curves.TOP,
    )
    assert (chart.x(0), chart.x(3)) == (training_curves.LEFT, training_curves.RIGHT)
    held_out = chart.curves[0]
    assert (held_out.split, held_out.values[1]) == (
        "held-out",
        [-999998, -18, None, -8],
    )
    (first, _) = chart.lines(held_out)
    assert len(first.split()) == 3  # what is not a number is left out
    assert all(chart.low <= float(t.replace(",", "")) for _, t in chart.ticks_y())


def test_an_untrained_run_has_a_chart_too(tmp_path):
    (chart,) = training_curves.charts(history(tmp_path, [0], lambda step: 5.0))
    assert chart.x(0) == training_curves.LEFT
    assert chart.low < 6 and chart.high > 7


# First screen


def test_teaser_shows_five_by_five_of_each_layer(tmp_path):
    folder = tmp_path / "experiments" / "strokes" / "vlae" / "1"
    folder.mkdir(parents=True)
    grid = images(100, 0) + np.arange(100, dtype=np.uint8)[:, None, None, None]
    arrays = {"redrawn_1": grid, "redrawn_2": grid, "kept_1": grid}
    arrays |= {"grid_1": images(9, 0), "data": images(3, 0)}
    save(folder / "generation.npz", arrays)
    shown = [FigureSpec(figure=name, rows=(ROW,)) for name in ("figure5", "figure3")]
    hvae, vlae = teaser(shown, ResultsFolder(tmp_path))
    assert [line.figure for line in (hvae, vlae)] == ["figure3", "figure5"]
    assert [p.title for p in hvae.panels] == ["layer 1 (bottom)", "layer 2 (top)"]
    picture = decoded(hvae.panels[0].url)[..., 0]
    levels = 255 - picture[4::8, 4::8][:5, :5].astype(int)
    assert levels[0].tolist() == [0, 2, 4, 7, 9]
    assert levels[:, 0].tolist() == [0, 20, 40, 70, 90]
    assert decoded(vlae.panels[0].url).shape == (24, 24, 3)


def test_teaser_without_layers_is_the_first_figure(tmp_path):
    (tmp_path / "figures").mkdir()
    Image.new("RGB", (3, 2)).save(tmp_path / "figures" / "figure2.png")
    shown = [FigureSpec(figure="figure2", rows=(ROW,))]
    (line,) = teaser(shown, ResultsFolder(tmp_path))
    assert decoded(line.panels[0].url).shape == (2, 3, 3)
    assert teaser([], ResultsFolder(tmp_path)) == []


def test_teaser_of_own_photographs_is_not_a_negative(tmp_path):
    write_layers(tmp_path, sizes=(2, 3), shape=(1, 8, 8))
    shown = FigureSpec(figure="layers", rows=(row(),))
    (line,) = teaser([shown], ResultsFolder(tmp_path))
    assert len(line.panels) == 2
    picture = decoded(line.panels[1].url)[4::8, 4::8, 0]
    assert picture[0].tolist() == [0, 2, 4, 7, 9]


# Figure `layers`


@pytest.mark.parametrize(
    ("models", "heading"),
    [
        (["vlae"], "What each layer of a VLAE controls: my photos"),
        (["hvae"], "What each layer of an HVAE controls: my photos"),
        (["hvae", "vlae"], "What each layer controls: my photos"),
        (["somebody-elses"], "What each layer controls: my photos"),
    ],
)
def test_the_section_of_own_data_is_about_them(models, heading):
    rows = [
        RunRow("mine", "my photos", f"run{i}", f"Run {i}", (1, 2))
        for i in range(len(models))
    ]
    settings = [
        RunSettings(row.title, {"network": {"model": model}}, {})
        for row, model in zip(rows, models, strict=True)
    ]
    others = RunSettings("MNIST: LVAE", {"network": {"model": "lvae"}}, {})
    experiments = {
        "generation": {"extent": 2.0, "draws": 2048, "classifier_accuracy": 0.85},
        "inference": {"threshold": 0.01},
    }
    figure4 = FigureSpec("figure4", (RunRow("mnist", "MNIST", "lvae", "LVAE", (1,)),))
    spec = SimpleNamespace(
        seeds=(1, 2),
        experiments=experiments,
        figures=(figure4, FigureSpec("layers", tuple(rows))),
    )
    template = environment(ROOT / "report").get_template("figures/layers.html.j2")
    lists = ("chains", "findings", "claims", "sureness", "files")
    empty: dict[str, Any] = {name: [] for name in lists}
    figure = SimpleNamespace(
        **empty, name="layers", image="", alt="", target="", numbers=pd.DataFrame()
    )
    text = template.render(
        spec=spec,
        page=SimpleNamespace(settings=[*settings, others], command=""),
        figure=figure,
    )
    assert f"<h2>{heading}</h2>" in text
    for word in ("digit", "face", "paper", "MNIST", "stroke"):
        assert word not in text
    assert "from 2,048 draws" in re.sub(r"\s+", " ", text)


# Chains


def test_chains_keep_their_places_from_frame_to_frame(tmp_path):
    folder = tmp_path / "experiments" / "strokes" / "vlae" / "1"
    folder.mkdir(parents=True)
    looks = {"noise_0": 0, "noise_50": 50, "noise_1000": 100, "ancestral_1": 200}
    looks["held_out_0"] = 7
    save(folder / "chains.npz", {n: images(20, level) for n, level in looks.items()})
    (found,) = chain_slider.chains([run(tmp_path)])
    noise, ancestral = found.panels
    assert (noise.steps, noise.start, noise.count) == ([0, 50, 1000], 1, 12)
    assert (ancestral.moves, noise.moves) == (False, True)
    picture = decoded(noise.picture)
    assert picture.shape == (3 * noise.height, noise.width, 3)
    middles = picture[noise.height // 2 - 4 :: noise.height, 4, 0]
    assert (255 - middles).tolist() == [0, 50, 100]
    assert chain_slider.steps([found]) == [0, 50, 1000]


# Evidence


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([], "No run here tests it."),
        (["supported"] * 2, "show what the paper says"),
        (["not supported", "shown only"], "do not show what the paper says"),
        (["shown only", "not measured"], "Nothing is concluded from these runs (why)."),
        (["supported", "inconclusive"], "the others are undecided"),
        (
            ["supported", "not supported"],
            "it, some speak against it",
        ),
        (["not supported", "inconclusive"], "Some tests do not support it"),
        (["inconclusive", "shown only"], "It is undecided"),
    ],
)
def test_meaning(verdicts, said):
    claim = claim_of(*verdicts)
    shown = [replace(verdict, reason="why") for verdict in claim.verdicts]
    assert said in replace(claim, verdicts=shown).meaning


@pytest.mark.parametrize(
    ("overlays", "config", "expected"),
    [
        ([], {}, "snakemake --cores 2"),
        (
            ["config/demo.yaml", "my files/a.yaml"],
            {},
            "snakemake --cores 2 --configfile config/demo.yaml 'my files/a.yaml'",
        ),
        (
            ["a.yaml"],
            {"title": "Mine & yours", "explorer": {"mnist": ["vlae"]}, "n": 5},
            "snakemake --cores 2 --configfile a.yaml "
            """--config 'title=Mine & yours' 'explorer={"mnist": ["vlae"]}' n=5""",
        ),
    ],
)
def test_the_command_that_makes_it_again(overlays, config, expected):
    assert page.command(overlays, config) == expected


def test_the_command_names_the_code_where_results_lie_elsewhere(tmp_path, monkeypatch):
    for folder in (tmp_path / "my clone", tmp_path / "work"):
        folder.mkdir()
    snakefile = tmp_path / "my clone" / "Snakefile"
    snakefile.touch()
    monkeypatch.setattr(checkout, "ROOT", tmp_path / "my clone")
    monkeypatch.chdir(tmp_path / "my clone")
    assert checkout.snakefile_elsewhere() == ""
    monkeypatch.chdir(tmp_path / "work")
    assert page.command(["a.yaml"], {}, checkout.snakefile_elsewhere()) == (
        "snakemake -s '../my clone/Snakefile' --cores 2 --configfile a.yaml"
    )
    snakefile.unlink()  # as where only the package is installed
    assert checkout.snakefile_elsewhere() == ""


def claim_of(*verdicts):
    """A shown claim with one test per verdict; each is 'supported' or 'shown only'."""
    shown = [
        ShownVerdict(f"part {i}", "VLAE", verdict, "", "8 of 8", ("passes",) * 8)
        for i, verdict in enumerate(verdicts)
    ]
    return claims_section.ShownClaim(
        *("F5", "It holds.", "Fig. 5", None, shown, "", []),
        *(pd.DataFrame(), [], [], ""),
    )


@pytest.mark.parametrize(
    ("verdicts", "answer"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "shown only"], "supported"),
        (["supported", "not supported"], "partly supported and partly not"),
        (
            ["supported", "inconclusive", "not supported"],
            "partly supported and partly not",
        ),
        (["supported", "inconclusive"], "supported in part"),
        (["not supported", "not measured"], "not supported"),
        (["not supported", "inconclusive"], "not supported in part"),
        (["inconclusive", "shown only"], "undecided"),
        (["shown only", "not measured"], "shown only"),
    ],
)
def test_what_a_claim_comes_to(verdicts, answer):
    assert claim_of(*verdicts).outcome == answer


def test_where_nothing_is_decided_the_page_says_what_came_out(tmp_path):
    written = write_report(tmp_path / "results")
    write_verdicts(written.parent, {"vlae": "shown only"}, controls="vae 0 of 3")
    path = written.parent / "report.spec.json"
    spec = json.loads(path.read_text())
    control = {**spec["runs"][0], "run": "vae", "label": "Flat VAE, cut"}
    spec["claims"][0]["controls"] = [control]
    path.write_text(json.dumps(spec))
    assert main(["report", "--spec", str(path), "--out", str(written)]) == 0
    text = " ".join(written.read_text().split())
    assert "<strong>Nothing is decided here:</strong>" in text
    assert "In every seed, 1 test passed and 0 failed.</p>" in text
    assert "Tests, claim by claim" in text and "Verdicts, claim" not in text
    assert text.count("<strong>3 pass</strong>") == 2, "at the top and below the figure"
    assert "; control: Flat VAE, cut 0 of 3</span>" in text


def test_claims_are_sorted_by_their_answers():
    claims = [claim_of(v) for v in ("shown only", "not supported", "supported")]
    section = claims_section.ClaimsSection(claims, claims_section.criteria([]))
    assert [*section.answers()] == ["supported", "not supported", "shown only"]
    assert section.decided()
    assert section.tests() == {"passes": 3, "fails": 0, "open": 0}
    assert not claims_section.ClaimsSection(claims[:1], section.criteria).decided()
    outcomes = [("passes",) * 2, ("passes", "fails"), ("fails",) * 2, ("open",) * 2]
    verdicts = [
        ShownVerdict("p", "VLAE", "shown only", "", "0 of 2", of) for of in outcomes
    ]
    claim = replace(claims[0], verdicts=verdicts)
    two = claims_section.ClaimsSection([claim], section.criteria)
    assert two.tests() == {"passes": 1, "fails": 1, "open": 2}
    assert [verdict.counted_outcomes for verdict in verdicts] == [
        *("2 pass", "1 passes, 1 fails", "2 fail", "2 open")
    ]
    assert ShownVerdict("p", "VLAE", "", outcomes=("open",)).counted_outcomes == "open"


@pytest.mark.parametrize(
    ("seeds", "named"),
    [((4,), "4"), ((1, 2), "1, 2"), ((31, 32, 33), "31 to 33"), ((1, 3, 4), "1, 3, 4")],
)
def test_seeds_are_named_shortly(seeds, named):
    assert seed_names(seeds) == named


def test_sureness():
    shown = ShownVerdict("p", "VLAE", "shown only", number="0.1")
    two = evidence.sureness([ROW], [shown], [2, 9])
    assert two[0].startswith("2 seeds (1, 2), on Strokes only;")
    assert two[1:] == [
        "Seeds that were used during development do not count towards a verdict: 2.",
    ]
    apart = evidence.sureness([structs.replace(ROW, seeds=(1, 3, 4))], [], [])
    assert apart[0].startswith("3 seeds (1, 3, 4)")
    one = evidence.sureness([structs.replace(ROW, seeds=(4,))], [], [])
    assert one[0].startswith("There is only one seed (number 4), on Strokes,")
    assert one[1].startswith("No criterion was set")


def test_files():
    spec = ClaimSpec(
        id="F3",
        kind="one_layer",
        statement="",
        place="",
        figure=None,
        criterion={},
        development_seeds=(),
        runs=(ROW,),
        controls=(),
        needs_control=False,
    )
    assert evidence.claim_files(spec) == [
        "results/claims/F3.{spec.json,findings.parquet,verdicts.parquet}",
        "results/experiments/strokes/vlae/{1,2}/{effects,activity}.parquet",
        "src/vlae/claims/one_layer.py",
        "config/claims.yaml",
    ]
    one = evidence.figure_files("figure4", [structs.replace(ROW, seeds=(1,))])
    assert one == [
        "results/figures/figure4.{svg,png,spec.json}",
        "results/experiments/strokes/vlae/1/graph.parquet",
        "results/experiments/strokes/vlae/1/graph.npz",
        "results/runs/strokes/vlae/1/history.parquet",
        "src/vlae/figures/figure4.py",
        "src/vlae/experiments/graph.py",
    ]
