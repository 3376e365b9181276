"""Files from elsewhere: refused with a reason, and never executed."""

import ast
import io
import os
import pickle
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from helpers import NETWORKS, ROOT, network, prepared_strokes, spec

from vlae.config.paths import ResultsFolder
from vlae.config.report_spec import RunRow
from vlae.data import prepared
from vlae.data.datasets import arrays
from vlae.models import base
from vlae.models.nn.layers import fold_batch_norm
from vlae.results.run_results import RunResults, read_table
from vlae.system.errors import UserError
from vlae.system.files import ABANDONED_AFTER_S, atomic, write_json
from vlae.training import trained_run
from vlae.training import trainer as training_loop
from vlae.training import weights as weight_files
from vlae.training.trainer import CHECKPOINT, FINISHED, train

NEVER = 1e9


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 60, test=20)


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    """A checkpoint folder with the state of step 4."""

    class Stop(Exception):
        pass

    def stop(trainer):
        if trainer.state.step == 4:
            raise Stop
        return step(trainer)

    folder = tmp_path_factory.mktemp("stopped")
    step = training_loop._Trainer._step
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        patch.setattr(training_loop._Trainer, "_step", stop)
        train(wanted(), data, folder, 0)
    return folder


def wanted(**changes):
    return spec("vlae", training={"steps": 8}, **changes)


@pytest.fixture
def folder(stopped, tmp_path):
    return Path(shutil.copytree(stopped, tmp_path / "checkpoints"))


def refused(wanted, data, folder, name=CHECKPOINT):
    """What a training says of the checkpoint that it must not continue."""
    before = (folder / name).read_bytes()
    with pytest.raises(UserError) as caught:
        train(wanted, data, folder, NEVER)
    said = str(caught.value)
    assert said.startswith(f"{folder / name}: ")
    assert "Delete it and run again" in said
    assert (folder / name).read_bytes() == before, "evidence is not destroyed"
    return said


# Checkpoints


def test_the_same_training_continues(data, folder):
    """Negative control of all below."""
    assert train(wanted(), data, folder, NEVER).history[-1]["step"] == 8


def test_a_checkpoint_of_another_spec(data, folder):
    other = wanted(objective={"scale_value": 0.3})  # of the very same shapes
    said = refused(other, data, folder)
    assert "not a checkpoint of this training: it differs in spec. Delete" in said


def test_a_checkpoint_of_other_data(data, folder, tmp_path):
    other = prepared_strokes(tmp_path / "other", 70, test=20)
    assert "it differs in data." in refused(wanted(), other, folder)


def test_a_checkpoint_of_other_code(data, folder, monkeypatch):
    monkeypatch.setattr(training_loop, "training_code", lambda _: "edited")
    assert "it differs in code." in refused(wanted(), data, folder)


def test_a_checkpoint_of_another_pytorch(data, folder, monkeypatch):
    monkeypatch.setattr(torch, "__version__", "99.0.0")
    assert "it differs in libraries." in refused(wanted(), data, folder)


def test_a_finished_training_of_another_spec(data, folder):
    train(wanted(), data, folder, NEVER)
    other = wanted(seed=2)
    assert "it differs in spec." in refused(other, data, folder, FINISHED)


def changed(path, **facts):
    tensors, known = weight_files.load(path)
    weight_files.save(path, tensors, {**known, **facts})


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("step", -1),
        ("step", "4"),
        ("step", None),
        ("seconds", None),
        ("history", {}),
        ("history", [3]),
    ],
)
def test_facts_that_no_training_has(fact, value, data, folder):
    changed(folder / CHECKPOINT, **{fact: value})
    assert "no step, seconds and history" in refused(wanted(), data, folder)


@pytest.mark.parametrize("value", [None, [], "x", {}])
def test_a_checkpoint_that_does_not_say_whose_it_is(value, data, folder):
    changed(folder / CHECKPOINT, identity=value)
    said = refused(wanted(), data, folder)
    assert "it differs in spec, code, data, device, libraries" in said


def drop(tensors, name):
    del tensors[name]


def add(tensors, name):
    tensors[f"model.{name}"] = torch.zeros(2)


def reshape(tensors, name):
    tensors[name] = torch.zeros(3)


def retype(tensors, name):
    tensors[name] = tensors[name].double()


@pytest.mark.parametrize(
    "name",
    ["model.stages.0.gate", "optimiser.0.exp_avg", "optimiser.3.step", "noise"],
)
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (drop, "1 missing: '{}'"),
        (add, "1 unknown: 'model.{}'"),
        (reshape, "1 of another kind: '{}' is float32 (3,), expected "),
        (retype, "1 of another kind: '{}' is float64"),
    ],
)
def test_tensors_of_another_training(damage, expected, name, data, folder):
    tensors, facts = weight_files.load(folder / CHECKPOINT)
    damage(tensors, name)
    weight_files.save(folder / CHECKPOINT, tensors, facts)
    assert expected.format(name) in refused(wanted(), data, folder)


def test_a_finished_training_that_lacks_something(data, folder):
    train(wanted(), data, folder, NEVER)
    weights, facts = weight_files.load(folder / FINISHED)
    weight_files.save(folder / FINISHED, {**weights, "x": torch.zeros(1)}, facts)
    said = refused(wanted(), data, folder, FINISHED)
    assert "its weights do not fit this network (1 unknown: 'x')" in said
    del facts["history"]
    weight_files.save(folder / FINISHED, weights, facts)
    assert "it lacks history" in refused(wanted(), data, folder, FINISHED)


def test_facts_that_are_no_object(tmp_path):
    path = tmp_path / "x.safetensors"
    for text in ("[]", "3", "[" * 100_000):
        metadata = {weight_files.METADATA: text}
        safetensors.torch.save_file({"a": torch.zeros(1)}, path, metadata)
        with pytest.raises(UserError, match=r"not a complete safetensors file of this"):
            weight_files.load(path)


# Weights


def test_weights_of_another_network_are_refused_in_a_line(tmp_path):
    write_json(tmp_path / "spec.json", spec("vlae").as_dict())
    other = base.build_model(spec(network("vlae", latents=[2, 4])))
    weight_files.save(tmp_path / "model.safetensors", other.state_dict(), {})
    with pytest.raises(UserError) as caught:
        trained_run.load(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'model.safetensors'}: these weights do not ")
    assert "of another kind: '" in said and "expected float32" in said
    assert len(said) < 400 and "\n" not in said


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_of_the_same_network_are_taken(name, tmp_path):
    write_json(tmp_path / "spec.json", spec(name).as_dict())
    model = base.build_model(spec(name))
    weight_files.save(tmp_path / "model.safetensors", model.state_dict(), {})
    classifier = name == "classifier"
    load = trained_run.load_classifier if classifier else trained_run.load
    found = load(tmp_path).model.state_dict()
    fold_batch_norm(model)
    ours = model.state_dict()
    assert found.keys() == ours.keys()
    assert all(torch.equal(found[key], ours[key]) for key in ours)


# Nothing is executed


class Bomb:
    """Pickled, it writes a file when somebody loads it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture
def bomb(tmp_path):
    """A function that gives pickled bombs, which must not go off."""
    fired = tmp_path / "fired"

    def content(kind):
        out = io.BytesIO()
        if kind == "torch":
            torch.save({"weight": Bomb(fired)}, out)
        elif kind == "npy":
            np.save(out, np.array([Bomb(fired)], dtype=object), allow_pickle=True)
        elif kind == "npz":
            array = np.array([Bomb(fired)], dtype=object)
            np.savez(out, images=array, labels=array, layer_1=array)
        else:
            pickle.dump(Bomb(fired), out)
        return out.getvalue()

    yield content
    assert not fired.exists(), "code from a file was executed"


def test_bombs_go_off_where_pickles_are_loaded(tmp_path):
    """Negative control."""
    path = tmp_path / "fired"
    pickle.loads(pickle.dumps(Bomb(path)))
    assert path.exists()


KINDS = ["pickle", "torch", "npy", "npz"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [CHECKPOINT, FINISHED])
def test_a_pickle_as_a_checkpoint(name, kind, bomb, data, tmp_path):
    (tmp_path / name).write_bytes(bomb(kind))
    assert "not a complete safetensors file" in refused(wanted(), data, tmp_path, name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_as_weights(kind, bomb, tmp_path):
    write_json(tmp_path / "spec.json", spec("vlae").as_dict())
    (tmp_path / "model.safetensors").write_bytes(bomb(kind))
    with pytest.raises(UserError, match="not a complete safetensors file"):
        trained_run.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_as_results(kind, bomb, tmp_path):
    place = ("strokes", "vlae", 1)
    table = ResultsFolder(tmp_path).table("samples", *place)
    arrays = ResultsFolder(tmp_path).experiment("generation", *place).arrays
    table.parent.mkdir(parents=True)
    for path in (table, arrays):
        path.write_bytes(bomb(kind))
    names = dict.fromkeys(("dataset_title", "label"), "")
    row = RunRow(dataset="strokes", run="vlae", seeds=(1,), **names)
    found = RunResults(row, ResultsFolder(tmp_path))
    with pytest.raises(UserError, match="cannot be read"):
        found.arrays("generation")
    with pytest.raises(UserError, match="cannot be read"):
        read_table(table)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_as_prepared_images(kind, bomb, data, tmp_path):
    copy = Path(shutil.copytree(data.folder, tmp_path / "data"))
    for name in ("train.npy", "train.parquet"):
        (copy / name).write_bytes(bomb(kind))
    with pytest.raises(UserError, match="unreadable prepared data"):
        prepared.load(copy).images("train")
    with pytest.raises(UserError, match="unreadable prepared data"):
        prepared.load(copy).table("train")


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_as_ones_own_arrays(kind, bomb, tmp_path):
    (tmp_path / "mine.npz").write_bytes(bomb(kind))
    files = {"arrays": {"name": "mine.npz"}}
    definition = {"files": files, "shape": [1, 4, 4], "classes": 2, "seed": 0}
    with pytest.raises(UserError, match=r"mine\.npz"):
        splits = arrays.splits({**definition, "test": 1}, tmp_path)
        [chunk for split in splits for chunk in split.chunks(0, 1)]


UNSAFE_MODULES = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
UNSAFE_CALLS = {
    "eval",
    "exec",
    "np.load",
    "pd.read_pickle",
    "torch.load",
    "yaml.full_load",
    "yaml.load",
    "yaml.unsafe_load",
}


def unsafe(text):
    """What in a module could execute code that a file holds."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found |= {name for name in names if name.split(".")[0] in UNSAFE_MODULES}
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            plain = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if call in UNSAFE_CALLS and plain.get("allow_pickle") != "False":
                found.add(call)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import joblib", {"joblib"}),
        ("from pickle import loads", {"pickle"}),
        ("torch.load(path)", {"torch.load"}),
        ("np.load(path)", {"np.load"}),
        ("np.load(path, allow_pickle=True)", {"np.load"}),
        ("np.load(path, allow_pickle=False)", set()),
        ("yaml.load(text, yaml.Loader)", {"yaml.load"}),
    ],
)
def test_what_is_unsafe_is_noticed(text, expected):
    assert unsafe(text) == expected


def test_no_module_loads_what_can_execute_code():
    modules = [p for f in ("src", "workflow") for p in (ROOT / f).rglob("*.py")]
    assert len(modules) > 100
    found = {path.name: unsafe(path.read_text()) for path in modules}
    assert {name: calls for name, calls in found.items() if calls} == {}


# What killed processes leave


def test_temporary_files_of_the_dead_are_removed_a_day_later(tmp_path):
    old, new = (tmp_path / f".table-{8 * c}.parquet" for c in "ab")
    others = [
        tmp_path / n for n in (".table-x.parquet", "table.npz", ".other-aaaaaaaa")
    ]
    for path in (old, new, *others):
        path.touch()
    long_ago = time.time() - ABANDONED_AFTER_S - 1
    for path in (old, *others):
        os.utime(path, (long_ago, long_ago))
    with atomic(tmp_path / "table.parquet") as temporary:
        temporary.write_text("x")
    assert {*tmp_path.iterdir()} == {new, *others, tmp_path / "table.parquet"}


def test_what_a_killed_training_left_half_written_is_removed(data, folder):
    left = folder / f".{Path(CHECKPOINT).stem}-abcdefgh.safetensors"
    left.write_bytes(b"half")
    train(wanted(), data, folder, NEVER)
    watched = {"history.jsonl", "progress.json"}
    assert {p.name for p in folder.iterdir()} == {FINISHED, "lock", *watched}
