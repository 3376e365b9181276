"""The configuration: what ships is right, and a change reaches what it concerns."""

import copy

import pytest
import yaml
from configuration_helpers import merged, resolved

from vlae.claims.verdicts import MIN_SEEDS
from vlae.config import configuration, validation
from vlae.config.experiment_tables import makers
from vlae.config.overlays import BASE, read
from vlae.config.run_spec import DataNoise, KLWarmup, Objective
from vlae.config.selection import RunName
from vlae.system import registry
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError

OVERLAYS = sorted(p for p in (ROOT / "config").glob("*.yaml") if p.stem not in BASE)
SEEDS = [path for path in OVERLAYS if path.stem.endswith("-seeds")]


def specs(found):
    """Every run's spec, by name."""
    return {
        str(name): found.specs.run_spec(name, seed=1)
        for name in found.selection.defined_runs()
    }


@pytest.fixture(scope="module")
def shipped():
    return resolved()


# What ships


def test_there_are_overlays_to_check():
    assert ROOT / "config" / "demo.yaml" in OVERLAYS


@pytest.mark.parametrize(
    "overlay", [None, *OVERLAYS], ids=lambda p: getattr(p, "stem", "")
)
def test_shipped_configuration_is_right(overlay):
    found = configuration.load([overlay] if overlay else [])
    assert found.selection.runs(), "no figure shows any run"
    content = found.content
    for package, names in {
        "datasets": {d["module"] for d in content["datasets"].values()},
        "models": {n["model"] for n in content["networks"].values()},
        "networks": {n["model"] for n in content["networks"].values()},
        "experiments": set(content["experiments"]),
        "figures": set(content["figures"]),
        "claims": {c["kind"] for c in content["claims"].values()},
    }.items():
        assert names <= set(registry.names(package))
    for name in found.selection.figures():
        for experiment in makers(found.selection.figure_tables(name)):
            for run in found.selection.figure_runs(name):
                assert found.specs.experiment_spec(experiment, run, 1).settings


@pytest.mark.parametrize("package", ["datasets", "experiments", "claims"])
def test_every_module_brings_a_schema(package):
    for name in registry.names(package):
        assert validation.schema(f"{package}/{name}")["properties"]


def test_every_model_brings_a_plan_and_a_schema():
    assert registry.names("models") == registry.names("networks")
    for name in registry.names("networks"):
        assert validation.schema(f"networks/{name}")["properties"]


# Presets


def test_paper_preset_is_the_plain_elbo(shipped):
    spec = shipped.specs.run_spec(RunName("mnist", "vlae"), seed=1)
    assert spec.preset == "paper"
    assert spec.objective == Objective(
        likelihood="gaussian",
        scale="fixed",
        scale_value=0.25,
        kl_warmup=KLWarmup(schedule="none"),
        kl_weight=1.0,
    )
    assert spec.training.learning_rate == 2e-4
    assert spec.training.batch_size == 100


@pytest.mark.parametrize(
    ("preset", "likelihood", "scale", "warmup", "batch_norm", "minimum"),
    [
        # 8 * squared error is a Gaussian of variance 1 / (2 * 8).
        ("authors-2017-02", "gaussian", (1 / 16) ** 0.5, 15000, "batch", 0.0),
        # 8 * absolute error is a Laplace of scale 1 / 8.
        ("authors-2017-12", "laplace", 1 / 8, 2000, "moving", 0.001),
    ],
)
def test_presets_of_the_authors_code(
    preset, likelihood, scale, warmup, batch_norm, minimum
):
    runs = {"mnist": {"vlae": {"preset": preset}}}
    # A single image has no batch statistics, so the explorer would refuse them.
    found = resolved({"runs": runs, "explorer": []})
    spec = found.specs.run_spec(RunName("mnist", "vlae"), seed=1)
    assert spec.objective == Objective(
        likelihood=likelihood,
        scale="fixed",
        scale_value=scale,
        kl_warmup=KLWarmup(schedule="exponential", steps=warmup, out_of=50000),
        kl_weight=1.0,
    )
    assert spec.network["batch_norm"] == batch_norm
    assert spec.network["posterior_scale"] == "sigmoid"
    assert spec.network["scale_minimum"] == minimum
    assert spec.network["initial_std"] == 0.02
    training = spec.training
    assert (training.learning_rate, training.batch_size) == (2e-4, 100)
    assert training.learning_rate_tail == 0
    assert spec.data_noise == DataNoise(dequantise=False, scale=0, denoising=0)


def test_a_run_wins_over_its_preset_which_wins_over_the_defaults():
    found = resolved(
        {
            "defaults": {"training": {"steps": 1, "batch_size": 2}},
            "presets": {"trial": {"training": {"batch_size": 3}}},
            "runs": {"mnist": {"vlae-trial": {"training": {"learning_rate": 4.0}}}},
        }
    )
    training = found.specs.run_spec(RunName("mnist", "vlae-trial"), 1).training
    assert training.steps == 1
    assert training.batch_size == 3
    assert training.learning_rate == 4.0


def test_a_schedule_is_replaced_whole():
    linear = {"objective": {"kl_warmup": {"schedule": "linear", "steps": 7}}}
    found = resolved(
        {"presets": {"paper-warmup": linear}},  # was a fraction
        {"runs": {"mnist": {"hvae-matched": linear}}},
    )
    for run in ("hvae-warmup", "hvae-matched"):
        spec = found.specs.run_spec(RunName("mnist", run), 1)
        assert spec.objective.kl_warmup == KLWarmup(schedule="linear", steps=7)
        assert spec.as_dict()["objective"]["kl_warmup"] == {
            "schedule": "linear",
            "steps": 7,
        }


def test_a_run_that_does_not_exist_is_named(shipped):
    for name, near in (
        (RunName("mnst", "vlae"), "mnist"),
        (RunName("mnist", "vlea"), "vlae"),
    ):
        with pytest.raises(UserError, match=rf"^runs.*Did you mean '{near}'"):
            shipped.specs.run_spec(name, 1)


# A change reaches what it concerns, and nothing else


def test_a_learning_rate_changes_the_spec_of_its_run_only(shipped):
    run = {"training": {"learning_rate": 0.5}}
    changed = specs(resolved({"runs": {"mnist": {"hvae-plain": run}}}))
    before = specs(shipped)
    assert {n for n in before if changed[n] != before[n]} == {"mnist/hvae-plain"}


def test_labels_mirrors_and_other_seeds_change_no_spec(shipped, tmp_path):
    found = resolved(
        {
            "seeds": [7],
            "mirror": str(tmp_path),
            "data_memory_mb": 1,
            "title": "Other",
            "runs": {"mnist": {"vlae": {"label": "Other"}}},
            "datasets": {
                "mnist": {
                    "mirrors": [],
                    "files": {
                        "train_images": {
                            "remote": "images.gz",
                            "addresses": ["https://example.org/get?id=1"],
                        }
                    },
                }
            },
        }
    )
    assert specs(found) == specs(shipped)
    assert found.specs.data_spec("mnist") == shipped.specs.data_spec("mnist")


def test_a_new_data_set_changes_no_existing_spec(shipped):
    content = shipped.content
    new = resolved(
        {
            "datasets": {"more": content["datasets"]["strokes"] | {"seed": 5}},
            "runs": {"more": content["runs"]["strokes"]},
        }
    )
    before, after = specs(shipped), specs(new)
    assert {n: after[n] for n in before} == before
    assert {n.split("/")[0] for n in after.keys() - before.keys()} == {"more"}
    for dataset in content["datasets"]:
        assert new.specs.data_spec(dataset) == shipped.specs.data_spec(dataset)
        assert new.specs.sources(dataset) == shipped.specs.sources(dataset)
    for figure in shipped.selection.figures():
        assert new.specs.figure_spec(figure) == shipped.specs.figure_spec(figure)


COLOUR = """
datasets:
  plates:
    module: colour_strokes
    title: a
    source: a
    licence: a
    shape: [3, 32, 32]
    classes: 10
    attributes: []
    classifier: classifier
    classifier_seed: 0
    measures: [colour, pen]
    train: 600
    test: 100
    seed: 0
networks: {plates: {input: [3, 32, 32]}}
runs: {plates: {classifier: {label: a, network: plates, preset: classifier}}}
"""


def in_colour(**changes):
    overlay = yaml.safe_load(COLOUR)
    network = copy.deepcopy(merged()["networks"]["classifier-conv"])
    overlay["networks"]["plates"] = network | overlay["networks"]["plates"]
    overlay["datasets"]["plates"] |= changes
    return resolved(overlay)


def test_measures_concern_the_experiments_that_measure_and_no_data(shipped):
    name = RunName("plates", "classifier")
    found, other = in_colour(), in_colour(measures=["pen"])
    assert found.specs.experiment_spec("generation", name, 1).measures == (
        "colour",
        "pen",
    )
    assert other.specs.experiment_spec("generation", name, 1).measures == ("pen",)
    for experiment in found.content["experiments"]:
        if registry.constant("experiments", experiment, "MEASURES_IMAGES"):
            continue
        spec = found.specs.experiment_spec(experiment, name, 1)
        assert spec == other.specs.experiment_spec(experiment, name, 1)
    assert found.specs.data_spec("plates") == other.specs.data_spec("plates")


def test_measures_of_grey_images_are_refused_for_colour():
    with pytest.raises(UserError) as caught:
        in_colour(measures=["colour", "strokes"])
    message = str(caught.value)
    for word in ("datasets.plates.measures", "'strokes'", "1 channel", "[3, 32, 32]"):
        assert word in message


# Claims


def test_a_claim_is_about_the_runs_of_its_figure_unless_it_names_some(shipped):
    chosen = shipped.selection
    assert chosen.claim_runs("F3") == chosen.figure_runs("figure3")
    own = resolved({"claims": {"F3": {"runs": ["mnist/hvae-warmup"]}}})
    assert own.selection.claim_runs("F3") == [RunName("mnist", "hvae-warmup")]


def test_a_claim_without_runs_is_left_out(shipped):
    assert {"F3", "F5"} <= {*shipped.selection.claims()}
    without = resolved({"figures": {"figure5": []}, "claims": {"F3": {"runs": []}}})
    assert not {"F3", "F5"} & {*without.selection.claims()}
    reported = without.specs.report_spec([], {}).claims
    assert not {"F3", "F5"} & {claim.id for claim in reported}


def test_the_explorer_has_nothing_trained_for_itself():
    listed = ["strokes/vlae", "strokes/hvae-plain"]
    with_figure: dict = {name: [] for name in merged()["figures"]}
    with_figure["figure5"] = ["strokes/vlae"]
    without: dict = {name: {"runs": []} for name in merged()["claims"]}
    overlay = {"explorer": listed, "figures": with_figure, "claims": without}
    found = resolved(overlay)
    assert found.selection.explored() == [RunName("strokes", "vlae")]
    (row,) = found.specs.explorer_spec().runs
    assert (row.dataset, row.run) == ("strokes", "vlae")
    assert list(row.seeds) == found.selection.seeds
    assert found.specs.report_spec([], {}).explorer
    assert not resolved({**overlay, "explorer": []}).specs.report_spec([], {}).explorer


def test_controls_are_trained_where_their_data_are_judged():
    content = merged()
    figures: dict = {name: [] for name in content["figures"]}
    figures["figure3"] = ["strokes/hvae-plain"]
    controls = content["claims"]["F3"]["controls"]
    named: dict = {"F3": {"controls": controls}}
    found = resolved({"figures": figures, "claims": named})
    chosen = found.selection
    assert chosen.controls("F3") == [RunName("strokes", "vlae")]
    assert RunName("strokes", "vlae") in chosen.runs()
    assert {run.dataset for run in chosen.runs()} == {"strokes"}


def test_shipped_seeds_of_verdicts_are_fresh(shipped):
    development = {*shipped.content["development_seeds"]}
    for content in (shipped.content, *map(read, SEEDS)):
        assert len({*content["seeds"]} - development) >= MIN_SEEDS


@pytest.mark.parametrize(
    "overlay", [None, *SEEDS], ids=lambda p: getattr(p, "stem", "")
)
def test_what_decides_a_claim_trains_its_control(overlay):
    chosen = configuration.load([overlay] if overlay else []).selection
    claims = chosen.content["claims"]
    needing = [name for name in chosen.claims() if claims[name].get("needs_control")]
    assert "F3" in needing
    for name in needing:
        of_runs = {run.dataset for run in chosen.claim_runs(name)}
        assert {run.dataset for run in chosen.controls(name)} == of_runs, name


def test_every_claim_with_controls_needs_one(shipped):
    for name, claim in read(ROOT / "config" / "claims.yaml")["claims"].items():
        assert claim.get("needs_control", False) == bool(claim["controls"]), name


@pytest.mark.parametrize(
    "run",
    ["vlae", "vae-equal-budget", "lvae-equal-budget", "hvae-autoregressive"],
)
def test_a_gibbs_chain_of_any_model_can_be_shown(run):
    shown = resolved().content["figures"]["figure2"]
    found = resolved({"figures": {"figure2": [*shown, f"strokes/{run}"]}})
    assert found.selection.figure_runs("figure2")[-1] == RunName("strokes", run)


@pytest.mark.parametrize("dataset", ["mnist", "strokes"])
@pytest.mark.parametrize(
    "overlay", [None, *OVERLAYS], ids=lambda p: getattr(p, "stem", "")
)
def test_a_control_differs_from_what_it_controls_in_one_thing(overlay, dataset):
    """Clean data: in the data noise. A small scale: in that and the scale."""
    found = configuration.load([overlay] if overlay else [])

    def settings(run):
        spec = found.specs.run_spec(RunName(dataset, run), seed=1).as_dict()
        return {k: v for k, v in spec.items() if k not in ("run", "preset")}

    matched, clean = settings("hvae-matched"), settings("hvae-clean")
    assert matched.pop("data_noise")["scale"] == 0.3
    assert not any(clean["data_noise"].values())
    small = settings("hvae-small-scale")
    assert small["data_noise"] == clean.pop("data_noise")
    assert clean == matched
    assert small["objective"].pop("scale_value") == 0.1
    assert clean["objective"].pop("scale_value") == 0.3
    assert {**clean, "data_noise": small["data_noise"]} == small
    assert settings("hvae-untrained")["training"]["steps"] == 1


# Mirrors and sources


def test_mirrors_are_folders_or_addresses(tmp_path):
    for mirror in (str(tmp_path), "https://example.org/data/"):
        assert resolved({"mirror": mirror}).specs.sources("mnist")["mirror"] == mirror


def test_sources_are_all_that_a_download_needs():
    own = {"addresses": ["https://example.org/get?id=1"], "checksum": None}
    changed = {"datasets": {"mnist": {"files": {"test_labels": own}}}}
    found = resolved(changed).specs.sources("mnist")
    assert found["dataset"] == "mnist"
    assert found["mirror"] is None
    assert len(found["mirrors"]) == 2
    assert len(found["files"]) == 4
    name = "t10k-labels-idx1-ubyte"
    assert found["files"][name] == {"path": None, "remote": f"{name}.gz", **own}
