"""The command line: help, and one clear message for whatever the user can mend."""

import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from helpers import network, train_options

import vlae
from vlae import __main__
from vlae.__main__ import main
from vlae.config import configuration
from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import FigureSpec, RunRow
from vlae.config.run_spec import RunFiles
from vlae.config.selection import RunName
from vlae.results.targets import Targets
from vlae.system import registry
from vlae.system.checkout import ROOT
from vlae.system.errors import UserError
from vlae.system.files import sha256, write_json
from vlae.training import weights as weight_files

MODULES = registry.names("commands")
COMMANDS = [name.replace("_", "-") for name in MODULES]


def call(*words, check=None):
    """A process of its own, as a rule starts it."""
    finished = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    if check is not None:
        assert finished.returncode == check, finished.stderr
    return finished


@pytest.fixture(scope="module")
def shipped():
    return configuration.load([ROOT / "tests" / "workflow" / "config" / "tiny.yaml"])


@pytest.fixture(scope="module")
def data(tmp_path_factory, shipped):
    """Prepared strokes."""
    folder = tmp_path_factory.mktemp("strokes")
    write_json(folder / "spec.json", shipped.specs.data_spec("strokes"))
    words = ["--spec", folder / "spec.json", "--card", folder / "data" / "card.json"]
    assert main(["prepare", *map(str, words)]) == 0
    return folder / "data"


@pytest.fixture
def spec(shipped):
    return shipped.specs.run_spec(RunName("strokes", "vlae"), seed=1)


@pytest.fixture
def message(capsys):
    """Run a command that must fail; its one message."""

    def run(*words):
        assert main([str(word) for word in words]) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"vlae {words[0]}: ")
        assert "Traceback" not in said
        return said

    return run


# Help


def test_help_lists_every_command_with_its_summary():
    said = " ".join(call("-m", "vlae", "--help", check=0).stdout.split())
    assert {"download", "prepare", "train", "experiment", "figure"} < {*COMMANDS}
    for name, module in zip(COMMANDS, MODULES, strict=True):
        text = registry.load("commands", module).__doc__ or ""
        assert f" {name} {text.splitlines()[0]}" in said


def test_help_has_a_group_for_each_kind_of_reader():
    text = call("-m", "vlae", "--help", check=0).stdout
    headings = [text.index(f"{heading}:") for heading in __main__.GROUPS.values()]
    assert headings == sorted(headings)
    people, pipeline, maintainers = headings
    place = {name: text.index(f"\n  {name} ") for name in COMMANDS}
    assert people < place["spec"] < pipeline < place["train"] < maintainers
    assert place["config-docs"] > maintainers


@pytest.mark.parametrize("module", MODULES)
def test_every_command_is_in_a_known_group(module):
    assert registry.constant("commands", module, "GROUP") in __main__.GROUPS


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"vlae {vlae.__version__}\n"


def test_both_ways_to_call_it_are_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["vlae"].split(":")
    assert (module, function) == ("vlae.__main__", "main")
    for words in (["--help"], ["train", "--help"]):
        script = f"import sys; sys.argv[0] = 'vlae'; from {module} import main; main()"
        by_script = call("-c", script, *words, check=0)
        assert by_script.stdout == call("-m", "vlae", *words, check=0).stdout


def test_help_is_instant():
    modules = "import sys, vlae.__main__ as m\ntry: m.main(['--help'])\nfinally: "
    names = call("-c", modules + "print(*sys.modules)", check=0).stdout.split()
    assert not {"torch", "pandas", "numpy", "matplotlib", "jsonschema"} & {*names}
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        call("-m", "vlae", "--help", check=0)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command(name, capsys):
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert f"vlae {name}" in said
    places = {
        "--out",
        "--card",
        "--history",
        "--table",
        "--tables",
        "--verdicts",
        "--folder",
        "--results",
        "--configfile",
    }
    assert places & {*said.split()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["trian"], "choose from 'claim'"),
        ([], "required: COMMAND"),
        (["train"], "required: --spec"),
        (["train", "--spek", "x"], "--spec"),
    ],
)
def test_wrong_words(words, expected, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert expected in capsys.readouterr().err


# Whatever the user can mend: exit code 1, one message, no traceback


@pytest.mark.parametrize("name", ["/dev/vlae-test", "pipe"])
def test_devices_and_pipes_are_not_replaced(tmp_path, monkeypatch, message, name):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    said = message("config-docs", "--out", name)
    assert f"--out {name}: expected the name of a file" in said
    assert not Path(name).is_file()


def test_user_error_as_a_process(tmp_path):
    words = ["--spec", "none.json", "--card", str(tmp_path / "card.json")]
    finished = call("-m", "vlae", "prepare", *words, check=1)
    assert finished.stderr == "vlae prepare: data spec none.json: no such file.\n"
    assert finished.stdout == ""


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), ("", False)])
def test_a_traceback_for_whoever_asks(monkeypatch, capsys, value, shown):
    def broken(package, name):
        try:
            raise EOFError("the library's own words")
        except EOFError as error:
            raise UserError("mine.zip: damaged") from error

    monkeypatch.setattr(__main__.registry, "load", broken)
    monkeypatch.setenv(__main__.DEBUG_VARIABLE, value)
    assert main(["train"]) == 1
    said = capsys.readouterr().err
    assert said.endswith("vlae train: mine.zip: damaged\n")
    assert (
        ("Traceback" in said) is ("EOFError: the library's own words" in said) is shown
    )


def test_user_error_while_loading_a_command(message, monkeypatch):
    def broken(package, name):
        raise UserError(f"{package}.{name}: cannot be loaded")

    monkeypatch.setattr(__main__.registry, "load", broken)
    assert message("train") == "vlae train: commands.train: cannot be loaded\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [("{", "not valid JSON"), ("[]", "expected a JSON object"), ("", "not valid JSON")],
)
@pytest.mark.parametrize(
    "words",
    [
        "prepare --spec {} --card card.json",
        "train --spec {} --data d --model m --history h --facts f --checkpoints .",
        "experiment --spec {} --model m --data d --table t --arrays a",
        "figure --spec {} --out o",
        "report --spec {} --out o",
        "download --sources {} --out o",
    ],
    ids=lambda words: words.split()[0],
)
def test_broken_spec_is_named(tmp_path, message, words, content, expected):
    spec = tmp_path / "broken.json"
    spec.write_text(content)
    said = message(*words.format(spec).split())
    assert str(spec) in said
    assert expected in said


def test_unknown_module_in_a_spec(tmp_path, message):
    spec = tmp_path / "spec.json"
    content = {"dataset": "d", "run": "r", "seed": 1, "measures": [], "settings": {}}
    write_json(spec, {"experiment": "chain", **content})
    files = ["--model", "m", "--data", "d", "--tables", "t", "--arrays", "a"]
    said = message("experiment", "--spec", spec, *files)
    assert "'chain'" in said
    assert "Did you mean 'chains'?" in said


def test_download_of_an_unknown_file(tmp_path, message):
    sources = tmp_path / "sources.json"
    files = {"train-images": {"remote": "x.gz", "checksum": None}}
    write_json(sources, {"dataset": "toy", "mirrors": [], "files": files})
    said = message("download", "--sources", sources, "--out", tmp_path / "trian-images")
    assert "--out: 'trian-images' is not a file of toy" in said
    assert "Did you mean 'train-images'?" in said


# Prepared data


def test_prepare_writes_card_arrays_and_tables(data, shipped):
    card = json.loads((data / "card.json").read_text())
    assert {p.name for p in data.iterdir()} == {"card.json", *card["sha256"]}
    assert card["counts"] == {"train": 400, "test": 200}
    definition = shipped.content["datasets"]["strokes"]
    for key in ("title", "source", "licence", "shape", "classes"):
        assert card[key] == definition[key]
    for split, count in card["counts"].items():
        array = np.load(data / f"{split}.npy")
        assert array.dtype == np.uint8
        assert array.shape == (count, 1, 28, 28)
        table = pd.read_parquet(data / f"{split}.parquet")
        assert len(table) == count
        assert set(table["label"]) == set(range(10))
    for name, checksum in card["sha256"].items():
        assert sha256(data / name) == checksum


def test_prepare_with_a_wrong_number_of_classes(tmp_path, shipped, message):
    write_json(
        tmp_path / "s.json", {**shipped.specs.data_spec("strokes"), "classes": 9}
    )
    card = tmp_path / "data" / "card.json"
    said = message("prepare", "--spec", tmp_path / "s.json", "--card", card)
    expected = "strokes.classes: 9, but the split 'train' has the labels 0, 1, 2, 3, "
    assert expected in said and "from 0 to 8" in said
    assert not [*(tmp_path / "data").glob("[!.]*")], "nothing that looks finished"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (["a/images.zop"], "'images.zop' is not a file of mine; known: images.zip, "),
        (["a/images.zip", "b/table.csv"], "expected files of one folder, got a and b"),
    ],
)
def test_prepare_with_raw_files_that_are_not_those_of_the_spec(
    tmp_path, message, raw, expected
):
    files = {"images": {"name": "images.zip"}, "table": {"name": "table.csv"}}
    write_json(tmp_path / "s.json", {"name": "mine", "files": files})
    words = ["--spec", tmp_path / "s.json", "--card", tmp_path / "card.json"]
    assert expected in message("prepare", *words, "--raw", *raw)


@pytest.fixture
def copied(data, tmp_path):
    """A copy of the prepared data, to be spoilt."""
    folder = tmp_path / "data"
    folder.mkdir()
    for path in data.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def train_words(tmp_path, spec, data):
    write_json(tmp_path / "spec.json", spec.as_dict())
    spec_file, files = tmp_path / "spec.json", RunFiles(tmp_path / "run")
    return ["train", *train_options(spec_file, data, files, tmp_path / "checkpoints")]


@pytest.mark.parametrize("size", [0, 60, -1000])
def test_truncated_images_are_named(tmp_path, copied, spec, message, size):
    path = copied / "train.npy"
    path.write_bytes(path.read_bytes()[:size])
    said = message(*train_words(tmp_path, spec, copied))
    assert f"{path}: unreadable prepared data" in said
    assert "Delete its folder and run again" in said
    assert not (tmp_path / "run").exists()


def test_images_of_another_shape_are_named(tmp_path, copied, spec, message):
    np.save(copied / "train.npy", np.zeros((3, 1, 28, 28), np.uint8))
    os.utime(copied / "train.npy", (0, 0))
    said = message(*train_words(tmp_path, spec, copied))
    assert "train.npy: unreadable prepared data (uint8 (3, 1, 28, 28), expected" in said


def test_an_altered_array_is_named(tmp_path, copied, spec, message):
    path = copied / "train.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)
    later = (copied / "card.json").stat().st_mtime + 1
    os.utime(path, (later, later))
    said = message(*train_words(tmp_path, spec, copied))
    assert f"{path}: unreadable prepared data (it was changed after" in said


def test_missing_card_is_named(tmp_path, copied, spec, message):
    (copied / "card.json").unlink()
    said = message(*train_words(tmp_path, spec, copied))
    assert f"data card {copied / 'card.json'}: no such file" in said


# Trained runs and results

GENERATION_TABLES = ("samples", "ablation", "traversal", "effects")


@pytest.fixture
def experiment_words(tmp_path, data, spec, shipped):
    """`experiment generation` on an untrained run in `tmp_path / "run"`."""
    from vlae.models import base

    run = tmp_path / "run"
    write_json(run / "spec.json", spec.as_dict())
    weights = base.build_model(spec).state_dict()
    weight_files.save(run / "model.safetensors", weights, {})
    name = RunName("strokes", "vlae")
    experiment = shipped.specs.experiment_spec("generation", name, 1)
    write_json(tmp_path / "spec.json", experiment.as_dict())
    tables = [tmp_path / f"{name}.parquet" for name in GENERATION_TABLES]
    out = ["--tables", *tables, "--arrays", tmp_path / "s.npz"]
    inputs = ["--spec", tmp_path / "spec.json", "--data", data / "card.json"]
    return ["experiment", *inputs, "--model", run / "model.safetensors", *out]


def test_experiment_by_hand(tmp_path, experiment_words):
    assert main([str(word) for word in experiment_words]) == 0
    for name in GENERATION_TABLES:
        table = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert list(table.columns[:3]) == ["dataset", "run", "seed"]
    with np.load(tmp_path / "s.npz", allow_pickle=False) as arrays:
        assert all(array.dtype == np.uint8 for array in arrays.values())


def test_tables_that_are_not_the_experiments(tmp_path, experiment_words, message):
    other = tmp_path / f"{GENERATION_TABLES[-1]}.parquet"
    words = [w for w in experiment_words if w != other]
    said = message(*words)
    assert "generation: made the tables samples, ablation, traversal, effects" in said
    assert "expected samples, ablation" in said
    assert not [*tmp_path.glob("*.parquet")]


def test_weights_of_another_network(tmp_path, experiment_words, spec, message):
    wider = {**spec.network, "width": 2 * spec.network["width"]}
    write_json(tmp_path / "run" / "spec.json", spec.replace(network=wider).as_dict())
    said = message(*experiment_words)
    assert "model.safetensors: these weights do not fit the network" in said
    assert not (tmp_path / "s.npz").exists()


def test_experiment_on_a_classifier(tmp_path, experiment_words, spec, message):
    from vlae.models import base

    spec = spec.replace(network=network("classifier"))
    write_json(tmp_path / "run" / "spec.json", spec.as_dict())
    weights = base.build_model(spec).state_dict()
    weight_files.save(tmp_path / "run" / "model.safetensors", weights, {})
    said = message(*experiment_words)
    assert f"{tmp_path / 'run'} holds a classifier" in said
    assert "expected a generative model" in said


@pytest.mark.parametrize("size", [0, 5, 2000, -10])
def test_truncated_weights_are_named(tmp_path, experiment_words, message, size):
    path = tmp_path / "run" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    said = message(*experiment_words)
    assert f"{path}: not a complete safetensors file" in said


@pytest.fixture
def results(tmp_path):
    return ResultsFolder(tmp_path / "results")


@pytest.fixture
def figure_words(tmp_path, results):
    """The words of `figure figure3` on a small results folder of one run."""
    row = RunRow(
        dataset="strokes",
        dataset_title="Strokes",
        run="hvae-plain",
        label="HVAE",
        seeds=(1, 2),
    )
    spec = FigureSpec(figure="figure3", rows=(row,))
    path = results.figure("figure3").spec
    write_json(path, spec.as_dict())
    for seed in row.seeds:
        place = (row.dataset, row.run, seed)
        effects = results.table("effects", *place)
        effects.parent.mkdir(parents=True)
        table = pd.DataFrame(
            {"layer": [1], "property": ["pixels"], "total_effect": [0.5], "seed": seed}
        )
        table.to_parquet(effects)
        files = results.experiment("generation", *place)
        images = np.zeros((4, 1, 28, 28), np.uint8)
        np.savez_compressed(files.arrays, redrawn_1=images)
    return ["figure", "--spec", path, "--out", tmp_path / "f.svg"]


def test_figure_by_hand_twice_the_same(tmp_path, figure_words):
    written = []
    for _ in range(2):
        assert main([str(word) for word in figure_words]) == 0
        written.append([(tmp_path / f"f.{e}").read_bytes() for e in ("svg", "png")])
    assert written[0] == written[1]


@pytest.mark.parametrize("size", [None, 0, 50, -20])
@pytest.mark.parametrize("name", ["effects.parquet", "generation.npz"])
def test_unreadable_results_are_named(
    tmp_path, results, figure_words, message, name, size
):
    path = results.experiments("strokes", "hvae-plain", 1) / name
    whole = path.read_bytes()
    path.unlink()
    if size is not None:
        path.write_bytes(whole[:size])
    said = message(*figure_words)
    if size is None:
        assert f"{path}: no such file; run Snakemake again" in said
    else:
        assert f"{path}: cannot be read" in said and "Delete it and run again" in said
    assert not (tmp_path / "f.svg").exists()


def test_pickles_are_refused(results, figure_words, message):
    path = results.experiment("generation", "strokes", "hvae-plain", 1).arrays
    np.savez(path, redrawn_1=np.array([{}], dtype=object))
    assert f"{path}: cannot be read" in message(*figure_words)


# Settings of a run


@pytest.fixture
def printed_spec(capsys):
    def run(*words):
        assert main(["spec", *words]) == 0
        return capsys.readouterr().out

    return run


def test_spec_is_that_of_the_rule(printed_spec, shipped):
    tiny = str(ROOT / "tests" / "workflow" / "config" / "tiny.yaml")
    said = printed_spec("strokes/vlae", "1", "--configfile", tiny)
    wildcards = SimpleNamespace(dataset="strokes", run="vlae", seed="1")
    rule = Targets(shipped, main_process=False, overlays=[], given={})
    assert said == rule.run_spec(wildcards) + "\n"


def test_later_overlays_win(printed_spec, tmp_path):
    paths = []
    for steps in (11, 12):
        paths.append(str(tmp_path / f"{steps}.yaml"))
        settings = {"runs": {"mnist": {"vlae": {"training": {"steps": steps}}}}}
        Path(paths[-1]).write_text(json.dumps(settings))
    words = ["mnist/vlae", "7", "--configfile"]
    for order, last in ((paths, 12), (paths[::-1], 11)):
        spec = json.loads(printed_spec(*words, *order))
        assert (spec["training"]["steps"], spec["seed"]) == (last, 7)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mnist/vlea", "1"], "Did you mean 'vlae'?"),
        (["minst/vlae", "1"], "Did you mean 'mnist'?"),
        (["mnist", "1"], "RUN: expected DATASET/RUN, such as mnist/vlae, got 'mnist'"),
        (["mnist/vlae", "-1"], "SEED: expected 0 or more, got -1"),
        (
            ["mnist/vlae", "1", "--configfile", "no.yaml"],
            "no.yaml: the configuration cannot be read",
        ),
    ],
)
def test_mistakes_in_the_name_of_a_run(message, words, expected):
    assert expected in message("spec", *words)


# Where it is started


def test_outside_the_environment_there_is_a_message():
    """Python without its libraries, as the system's is."""
    words = train_options("s", Path("d"), RunFiles(Path("r")), "c")
    said = call("-S", "-m", "vlae", "train", *map(str, words), check=1).stderr
    assert said.startswith(f"vlae train: {sys.executable} has no library 'msgspec'")
    assert "make env" in said and "Traceback" not in said
    assert "Commands for people" in call("-S", "-m", "vlae", "--help", check=0).stdout


def test_a_missing_module_of_the_package_is_a_bug(monkeypatch):
    def broken(package, name):
        raise ModuleNotFoundError("No module named 'vlae.gone'", name="vlae.gone")

    monkeypatch.setattr(__main__.registry, "load", broken)
    with pytest.raises(ModuleNotFoundError):
        main(["train"])
