"""What rules read and depend on, asked as Snakemake asks, but without Snakemake."""

import json
import shutil
from functools import partial
from types import SimpleNamespace

import pytest
from configuration_helpers import resolved

from vlae.config import configuration
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import OVERVIEW_TABLES, ReportSpec
from vlae.config.run_spec import RunSpec
from vlae.config.selection import RunName
from vlae.data.download import sources
from vlae.data.download.sources import MIRROR_VARIABLE
from vlae.results.targets import Targets
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

CONFIGURATION = resolved()
TARGETS = Targets(CONFIGURATION)


def ask(**wildcards):
    return SimpleNamespace(**wildcards)


def training(run="mnist/vlae", seed=21, **others):
    name = RunName.parse(run)
    return ask(dataset=name.dataset, run=name.run, seed=str(seed), **others)


@pytest.fixture
def hashed(monkeypatch):
    """What a method of `Targets` hashes: the modules, in place of their hash."""

    def listed(*modules):
        return " ".join(modules)

    monkeypatch.setattr("vlae.results.targets.code_hash", listed)
    monkeypatch.setattr("vlae.system.code_hash.code_hash", listed)
    return lambda method, wildcards: {*method(wildcards).split()}


# Specs


def test_specs_are_the_texts_of_the_configurations(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(TARGETS.run_spec(training()) + "\n")
    name = RunName("mnist", "vlae")
    assert RunSpec.read(path) == CONFIGURATION.specs.run_spec(name, 21)
    text = TARGETS.data_spec(ask(dataset="mnist"))
    assert json.loads(text) == CONFIGURATION.specs.data_spec("mnist")
    for text in (
        TARGETS.run_spec(training()),
        TARGETS.sources(ask(dataset="mnist")),
        TARGETS.experiment_spec(training(experiment="generation")),
        TARGETS.figure_spec(ask(figure="figure3")),
        TARGETS.claim_spec(ask(claim="F3")),
        TARGETS.report_spec(ask()),
        TARGETS.explorer_spec(ask()),
    ):
        assert text == json.dumps(json.loads(text), indent=2, sort_keys=True)


def test_the_reports_spec_names_what_was_given_in_the_command():
    targets = Targets(
        CONFIGURATION, overlays=["mine.yaml"], given={"title": "a", "mirror": "b"}
    )
    spec = ReportSpec.of(json.loads(targets.report_spec(ask())))
    assert spec.overlays == ("mine.yaml",)
    assert spec.config == {"title": "a"}


# Data


def test_raw_files_of_data_that_are_drawn_are_none():
    assert TARGETS.raw_files(ask(dataset="strokes")) == []
    assert "results/raw/mnist/t10k-labels-idx1-ubyte" in TARGETS.raw_files(
        ask(dataset="mnist")
    )


def test_a_file_is_known_by_its_checksum_or_else_by_its_source(tmp_path, monkeypatch):
    monkeypatch.delenv(sources.MIRROR_VARIABLE, raising=False)
    file = ask(dataset="mnist", file="t10k-labels-idx1-ubyte")
    (known,) = {
        f["checksum"]
        for f in CONFIGURATION.content["datasets"]["mnist"]["files"].values()
        if f["name"] == file.file
    }
    assert TARGETS.expected_file(file) == known

    def unchecked(**options):
        files = {"test_labels": {"checksum": None}}
        overlay = {
            "mirror": str(tmp_path),
            "datasets": {"mnist": {"files": files}},
        }
        results = ResultsFolder(tmp_path / "results")
        return Targets(resolved(overlay), results=results, **options)

    before = unchecked().expected_file(file)
    assert json.loads(before)["on disk"] is None
    mirrored = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    mirrored.parent.mkdir()
    mirrored.write_bytes(b"1234")
    assert json.loads(unchecked().expected_file(file))["on disk"]["bytes"] == 4
    assert unchecked(main_process=False).expected_file(file) is None


@pytest.mark.parametrize("key", ["mirror", MIRROR_VARIABLE])
def test_mirrors_must_be_there_where_something_is_missing(tmp_path, monkeypatch, key):
    overlay = {} if key == MIRROR_VARIABLE else {key: "/nowhere/at/all"}
    if not overlay:
        monkeypatch.setenv(key, "/nowhere/at/all")
    found = configuration.load([ROOT / "config" / "mnist-cpu.yaml"], overlay)
    folder = ResultsFolder(tmp_path)
    targets = Targets(found, results=folder)
    for path in map(folder.raw, ["mnist"] * 4, found.specs.files("mnist")):
        with pytest.raises(UserError, match=rf"^{key}: no folder '/nowhere/at/all'"):
            targets.check_sources()
        Targets(found, main_process=False, results=folder).check_sources()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    targets.check_sources()  # all there: nobody looks for it


def test_a_path_that_leads_nowhere_is_refused_until_it_has_been_read(tmp_path):
    file = {"path": str(tmp_path / "gone.zip")}
    mine = {"module": "images", "shape": [1, 28, 28], "files": {"images": file}}
    run = {"label": "VLAE", "network": "vlae-mnist", "preset": "paper"}
    overlay = {
        "datasets": {"mine": mine},
        "runs": {"mine": {"vlae": run}},
        "figures": {"figure5": ["mine/vlae"]},
    }
    targets = Targets(resolved(overlay), results=ResultsFolder(tmp_path))
    with pytest.raises(UserError, match=r"^datasets.mine.files: no file or folder at"):
        targets.check_sources()
    path = ResultsFolder(tmp_path).raw("mine", "images")
    path.parent.mkdir(parents=True)
    path.touch()
    targets.check_sources()


def test_built_in_data_need_no_mirror(tmp_path):
    demo = ROOT / "config" / "demo.yaml"
    found = configuration.load([demo], {"mirror": "/nowhere/at/all"})
    Targets(found, results=ResultsFolder(tmp_path)).check_sources()


# Experiments


def test_an_experiment_gets_the_classifier_that_it_asks():
    asks = training("mnist/hvae-matched")
    folder = "results/runs/mnist/classifier/0"
    weights = [f"{folder}/model.safetensors"]
    assert TARGETS.classifier_weights("chains", asks) == weights
    assert TARGETS.classifier_spec("chains", asks) == [f"{folder}/spec.json"]
    assert TARGETS.classifier_weights("inference", asks) == []
    assert TARGETS.classifier_spec("inference", asks) == []


def test_an_experiment_on_data_without_a_classifier_gets_none(hashed):
    overlay = {"datasets": {"strokes": {"classifier": None}}}
    targets = Targets(configuration.load([ROOT / "config" / "mnist-cpu.yaml"], overlay))
    asks = training("strokes/vlae")
    assert targets.classifier_weights("generation", asks) == []
    assert targets.classifier_spec("generation", asks) == []
    classifier = {"models.classifier", "networks.classifier"}
    code = hashed(partial(TARGETS.experiment_code, "generation"), asks)
    other = hashed(partial(targets.experiment_code, "generation"), asks)
    assert code - other == classifier <= code


# Figures, claims, explorer, report


def test_a_figure_reads_the_experiments_of_its_module_on_all_its_runs():
    files = TARGETS.figure_inputs(ask(figure="figure3"))
    runs = CONFIGURATION.content["figures"]["figure3"]
    assert CONFIGURATION.selection.figure_tables("figure3") == ["ablation", "effects"]
    assert files == [
        f"results/experiments/{run}/{seed}/{name}"
        for names, seeds in (
            (("ablation.parquet", "effects.parquet"), range(31, 39)),
            (("generation.npz",), (31,)),  # images are those of the first seed
        )
        for run in runs
        for seed in seeds
        for name in names
    ] + [
        f"results/runs/{run}/{seed}/history.parquet"
        for run in runs
        for seed in range(31, 39)
    ]


def test_a_claim_reads_tables_and_histories_of_its_runs_and_controls():
    files = TARGETS.claim_inputs(ask(claim="F3"))
    assert "results/experiments/mnist/hvae-plain/32/effects.parquet" in files
    assert "results/experiments/mnist/vlae/32/effects.parquet" in files  # a control
    assert "results/runs/mnist/hvae-plain/38/history.parquet" in files
    assert "results/runs/mnist/hvae-plain/38/training.json" in files
    assert not [file for file in files if file.endswith(".npz")]
    assert not [file for file in files if "/strokes/" in file]
    assert len(files) == len({*files})


def test_all_pages_and_pictures():
    assert TARGETS.figures() == [
        f"results/figures/{name}.svg" for name in CONFIGURATION.selection.figures()
    ]
    assert "results/claims/F3.verdicts.parquet" in TARGETS.verdict_files()
    assert TARGETS.explorer(ask()) == ["results/explorer.html"]
    assert TARGETS.decoders(ask())[:2] == [
        "results/explorer/mnist/vlae-growing/31/decoder.onnx",
        "results/explorer/mnist/vlae-growing/31/decoder.json",
    ]
    without = Targets(resolved({"explorer": [], "figures": {"figure7": []}}))
    assert without.explorer(ask()) == without.decoders(ask()) == []
    assert "results/figures/figure7.svg" not in without.figures()


def test_the_report_reads_everything_once():
    files = TARGETS.report_inputs(ask())
    assert len(files) == len({*files})
    read_by_figures = [
        file
        for figure in CONFIGURATION.selection.figures()
        for file in TARGETS.figure_inputs(ask(figure=figure))
    ]
    pictures = [name.replace(".svg", ".png") for name in TARGETS.figures()]
    assert {*files} >= {*pictures, *read_by_figures}
    for file in (
        "results/tables/claims.parquet",
        "results/claims/F3.findings.parquet",
        "results/data/mnist/card.json",
        "results/runs/mnist/vlae/38/spec.json",
        "results/runs/mnist/vlae/38/training.json",
        "results/runs/mnist/vlae/38/history.parquet",
        "results/runs/mnist/classifier/0/history.parquet",
    ):
        assert file in files
    assert "results/runs/mnist/classifier/31/history.parquet" not in files


def test_the_report_has_what_the_overview_of_every_generative_run_shows():
    files = TARGETS.report_inputs(ask())
    assert "samples" in OVERVIEW_TABLES
    for run in CONFIGURATION.selection.runs():
        for seed in CONFIGURATION.selection.seeds:
            assert f"results/experiments/{run}/{seed}/samples.parquet" in files
        first = CONFIGURATION.selection.seeds[0]
        assert f"results/experiments/{run}/{first}/generation.npz" in files
    assert not [
        file
        for file in files
        if file.startswith("results/experiments/") and "/classifier/" in file
    ]


# Code


def test_code_that_results_depend_on(hashed):
    effects = training("strokes/vlae")
    model = {"models.vlae", "networks.vlae"}
    figures = CONFIGURATION.selection.figures()
    for method, wildcards, modules in (
        (
            TARGETS.prepare_code,
            ask(dataset="mnist"),
            {"commands.prepare", "data.datasets.idx"},
        ),
        (TARGETS.train_code, effects, {"commands.train", *model}),
        (TARGETS.export_code, effects, {"commands.export", *model}),
        (
            partial(TARGETS.experiment_code, "generation"),
            effects,
            {
                *("commands.experiment", "experiments.generation", *model),
                *("models.classifier", "networks.classifier"),
                "experiments.measures.strokes",
            },
        ),
        (
            partial(TARGETS.experiment_code, "inference"),
            training(),
            {"commands.experiment", "experiments.inference", *model},
        ),
        (
            TARGETS.figure_code,
            ask(figure="figure2"),
            {"commands.figure", "figures.figure2"},
        ),
        (TARGETS.claim_code, ask(claim="F3"), {"commands.claim", "claims.one_layer"}),
        (TARGETS.verdicts_code, ask(), {"commands.verdicts"}),
        (TARGETS.explorer_code, ask(), {"commands.explorer"}),
        (
            TARGETS.report_code,
            ask(),
            {"commands.report", *(f"figures.{name}" for name in figures)},
        ),
    ):
        assert hashed(method, wildcards) == modules


def test_all_code_that_is_hashed_exists(hashed):
    """The hash ignores what does not exist, so a misspelt name would go unseen."""
    chosen, content = CONFIGURATION.selection, CONFIGURATION.content
    runs = [str(run) for run in chosen.runs()]
    asked = [
        *((TARGETS.train_code, training(run)) for run in runs),
        *(
            (partial(TARGETS.experiment_code, experiment), training(run))
            for run in runs
            for experiment in content["experiments"]
        ),
        *((TARGETS.prepare_code, ask(dataset=name)) for name in content["datasets"]),
        *((TARGETS.claim_code, ask(claim=claim)) for claim in chosen.claims()),
        *((TARGETS.figure_code, ask(figure=figure)) for figure in chosen.figures()),
        (TARGETS.export_code, training()),
        (TARGETS.verdicts_code, ask()),
        (TARGETS.explorer_code, ask()),
        (TARGETS.report_code, ask()),
    ]
    modules = {module for one in asked for module in hashed(*one)}
    assert len(modules) > 40
    for module in modules:
        path = ROOT.joinpath("src", "vlae", *module.split("."))
        assert path.with_suffix(".py").is_file(), module


@pytest.mark.parametrize(
    ("edited", "report", "explorer"),
    [
        ("page/style.css", True, False),
        ("figures/figure1.html.j2", True, False),
        ("explorer/explorer.js", False, True),
        ("vendor/onnxruntime-web/runtime.json", False, True),
        ("compare/compare.html.j2", False, False),
    ],
)
def test_an_edit_of_a_template_concerns_its_page_alone(
    tmp_path, monkeypatch, edited, report, explorer
):
    """Where the code lies and how old its files are plays no part."""
    targets = Targets(resolved())
    pages = targets.report_templates, targets.explorer_templates
    before = [page(ask()) for page in pages]
    shutil.copytree(ROOT / "report", tmp_path / "report", copy_function=shutil.copyfile)
    monkeypatch.setattr("vlae.results.targets.ROOT", tmp_path)
    assert [page(ask()) for page in pages] == before
    with (tmp_path / "report" / edited).open("a") as file:
        file.write(" ")
    changed = [page(ask()) != old for page, old in zip(pages, before, strict=True)]
    assert changed == [report, explorer]


# Sweeps


def test_a_sweep_reads_its_cells_with_its_own_seeds():
    grid = {"steps": {"few": {}, "more": {"training": {"steps": 9}}}}
    sweep = {"title": "t", "base": "strokes/vlae", "seeds": [4, 5], "grid": grid}
    targets = Targets(resolved({"figures": {}, "sweeps": {"x": sweep}}))
    cells = [(f"x_steps-{name}", seed) for name in ("few", "more") for seed in (4, 5)]
    tables = [f"results/experiments/strokes/{c}/{s}/effects.parquet" for c, s in cells]
    histories = [f"results/runs/strokes/{c}/{s}/history.parquet" for c, s in cells]
    assert targets.sweep_inputs(ask(sweep="x")) == tables + histories
    files = ["results/sweeps/x.parquet", "results/sweeps/x.svg"]
    assert targets.sweeps() == files
    assert json.loads(targets.sweep_spec(ask(sweep="x")))["name"] == "x"
    report = targets.report_inputs(ask())
    shown = ["results/sweeps/x.spec.json", files[0], "results/sweeps/x.png"]
    assert {*shown, *histories} <= {*report}
    assert not [path for path in report if path.endswith(".npz")]
    assert targets.cards() == ["results/data/strokes/card.json"]
    assert TARGETS.sweeps() == []


def test_a_sweep_is_made_again_when_its_code_changes(hashed):
    assert hashed(TARGETS.sweep_code, ask(sweep="x")) == {"commands.sweep"}
