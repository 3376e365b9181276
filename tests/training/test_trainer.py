"""Training: it learns, it is deterministic, and nothing that stops it costs a bit."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch
import torch
import yaml
from helpers import (
    GENERATIVE,
    NETWORKS,
    ROOT,
    changed,
    network,
    prepared_strokes,
    spec,
    train_options,
)

from vlae import __main__
from vlae.config import configuration
from vlae.config.run_spec import RunFiles
from vlae.config.selection import RunName
from vlae.models import base as model_base
from vlae.models.vlae import VLAE
from vlae.system.errors import UserError
from vlae.system.files import write_json
from vlae.training import device
from vlae.training import trainer as training_loop
from vlae.training import weights as weight_files
from vlae.training.stopwatch import Stopwatch
from vlae.training.trainer import CHECKPOINT, FINISHED, train

COUNT = 130  # images: six batches of 20 an epoch, and ten images left over
NEVER = 1e9
NOISY = {"dequantise": True, "scale": 0.1, "denoising": 0.05}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), COUNT, test=60)


def everything(seed=1, name="vlae", **settings):
    """A spec in which all that could be forgotten by a checkpoint matters."""
    return spec(
        name,
        seed=seed,
        data_noise=NOISY,
        objective={"kl_warmup": {"schedule": "linear", "fraction": 0.5}},
        training={"steps": 14, "learning_rate_tail": 0.5, **settings},
    )


def bytes_of(trained):
    return safetensors.torch.save(trained.weights)


def value(trained, term, split, step):
    """One number of a history."""
    table = pd.DataFrame(trained.history)
    rows = table[(table.term == term) & (table.split == split) & (table.step == step)]
    assert len(rows) == 1
    return rows["value"].item()


# It learns


@pytest.mark.parametrize("name", GENERATIVE)
def test_held_out_elbo_rises(name, data, tmp_path):
    steps = 60
    trained = train(spec(name, training={"steps": steps}), data, tmp_path, NEVER)
    before, after = (value(trained, "elbo", "held-out", s) for s in (0, steps))
    # Two thirds of what the best constant image would bring is learned soon.
    blank = torch.tensor(data.images("test")[:60] / 255)
    level = torch.tensor(data.images("train") / 255).mean(0)
    gain = ((blank - 0.5) ** 2 - (blank - level) ** 2).flatten(1).sum(1).mean()
    nats = gain.item() / (2 * 0.25**2)  # at the scale of the default spec
    assert after - before > 2 / 3 * nats


def test_the_untrained_control_learned_nothing(data, tmp_path):
    """One step at the learning rate of others is worth thirty nats."""
    overlay = ROOT / "config" / "mnist-cpu.yaml"
    wanted = configuration.load([overlay]).specs.run_spec(
        RunName("strokes", "hvae-untrained"), 1
    )
    trained = train(wanted, data, tmp_path, NEVER)
    before, after = (value(trained, "elbo", "held-out", s) for s in (0, 1))
    claims = yaml.safe_load((ROOT / "config" / "claims.yaml").read_text())["claims"]
    least = claims["P1"]["criterion"]["rise"]["value"]
    assert abs(after - before) < least / 10


def test_classifier_learns(data, tmp_path):
    steps = 60
    trained = train(
        spec("classifier", training={"steps": steps}), data, tmp_path, NEVER
    )
    before, after = (value(trained, "accuracy", "held-out", s) for s in (0, steps))
    # Guessing has accuracy 0.1 with a standard error of 0.04 on 60 images.
    assert before < 0.1 + 5 * 0.04
    assert after > before + 5 * 0.04
    losses = [value(trained, "cross_entropy", "train", s) for s in (0, steps)]
    assert losses[1] < losses[0] / 2


# It is deterministic


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_follow_from_the_seed(name, data, tmp_path):
    first, again, other = (
        train(everything(seed, name), data, tmp_path / str(i), NEVER)
        for i, seed in enumerate((1, 1, 2))
    )
    assert bytes_of(first) == bytes_of(again)
    assert first.history == again.history
    assert bytes_of(first) != bytes_of(other)


def test_weights_do_not_depend_on_how_often_they_are_saved(data, tmp_path):
    rarely = train(everything(), data, tmp_path / "rarely", NEVER)
    always = train(everything(), data, tmp_path / "always", 0)
    assert bytes_of(rarely) == bytes_of(always)
    assert rarely.history == always.history


def test_weights_do_not_depend_on_how_often_they_are_evaluated(data, tmp_path):
    other = changed(everything(), evaluation={"every": 3, "images": 7})
    first = train(everything(), data, tmp_path / "first", NEVER)
    second = train(other, data, tmp_path / "second", NEVER)
    assert bytes_of(first) == bytes_of(second)


def test_weights_do_not_depend_on_what_was_drawn_before(data, tmp_path):
    first = train(everything(), data, tmp_path / "first", NEVER)
    torch.rand(3)
    assert bytes_of(train(everything(), data, tmp_path / "second", NEVER)) == bytes_of(
        first
    )


@pytest.mark.parametrize(
    "change",
    [
        {"objective": {"kl_warmup": {"schedule": "none"}}},
        {"objective": {"kl_weight": 0.5}},
        {"data_noise": {"denoising": 0.0}},
        {"training": {"learning_rate_tail": 0.0}},
        {"training": {"gradient_clip": 0.1}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_reaches_the_training(change, data, tmp_path):
    first = train(everything(), data, tmp_path / "first", NEVER)
    other = train(changed(everything(), **change), data, tmp_path / "other", NEVER)
    assert bytes_of(first) != bytes_of(other)


# What it leaves

PARTS = {"reconstruction", "kl_1", "kl_2", "elbo"}
RESIDUALS = {
    f"residual_{moment}_{layer}"
    for moment in ("mean", "variance", "skewness", "kurtosis", "kl")
    for layer in (1, 2)
}


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        *((name, {*PARTS, *RESIDUALS}) for name in GENERATIVE),
        ("classifier", {"cross_entropy", "accuracy"}),
    ],
)
def test_history_is_tidy(name, terms, data, tmp_path):
    table = pd.DataFrame(train(spec(name), data, tmp_path, NEVER).history)
    assert [*table.columns] == ["step", "split", "term", "value"]
    assert {*table.step} == {0, 5, 10, 12}  # every 5, and the end of 12 steps
    assert {*table.split} == {"train", "held-out"}
    assert {*table.term} == terms
    assert not table.duplicated(["step", "split", "term"]).any()
    assert len(table) == 4 * 2 * len(terms)
    assert table["value"].notna().all()


def test_the_elbo_of_the_history_adds_up(data, tmp_path):
    table = pd.DataFrame(train(spec("vlae"), data, tmp_path, NEVER).history)
    wide = table.pivot(index=["step", "split"], columns="term", values="value")
    expected = wide.reconstruction - wide.kl_1 - wide.kl_2
    assert wide.elbo.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-5)


def test_an_end_that_is_evaluated_anyway_is_evaluated_once(data, tmp_path):
    trained = train(spec("vlae", training={"steps": 10}), data, tmp_path, NEVER)
    table = pd.DataFrame(trained.history)
    assert {*table.step} == {0, 5, 10}
    assert not table.duplicated(["step", "split", "term"]).any()


def test_weights_and_parameters_are_those_of_the_model(data, tmp_path):
    trained = train(spec("vlae"), data, tmp_path, NEVER)
    model = model_base.build_model(spec("vlae"))
    model.load_state_dict(trained.weights)
    assert trained.parameters == sum(p.numel() for p in model.parameters())
    assert trained.seconds > 0


# It continues


class Stop(Exception):
    """What stops a training in these tests."""


def stopping(monkeypatch, after):
    """Let the training stop instead of doing its step number `after`."""
    step = training_loop._Trainer._step

    def stop(trainer):
        if trainer.state.step == after:
            raise Stop
        return step(trainer)

    monkeypatch.setattr(training_loop._Trainer, "_step", stop)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("after", [5, 9])  # where an evaluation is due, and elsewhere
def test_a_stopped_training_continues_to_the_same_bits(name, after, data, tmp_path):
    whole = train(everything(name=name), data, tmp_path / "whole", NEVER)
    parts = tmp_path / "parts"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        stopping(patch, after)
        train(everything(name=name), data, parts, 0)
    assert weight_files.load(parts / CHECKPOINT)[1]["step"] == after
    torch.rand(3)  # some other work in between
    continued = train(everything(name=name), data, parts, NEVER)
    assert bytes_of(continued) == bytes_of(whole)
    assert continued.history == whole.history
    assert continued.parameters == whole.parameters


def test_stopping_twice_and_at_the_first_step_costs_nothing(data, tmp_path):
    whole = train(everything(), data, tmp_path / "whole", NEVER)
    for after in (0, 3, 11):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
            stopping(patch, after)
            train(everything(), data, tmp_path / "parts", 0)
    continued = train(everything(), data, tmp_path / "parts", 0)
    assert bytes_of(continued) == bytes_of(whole)
    assert continued.history == whole.history


def test_the_seconds_of_all_parts_are_added(data, tmp_path):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        stopping(patch, 9)
        train(everything(), data, tmp_path, 0)
    tensors, facts = weight_files.load(tmp_path / CHECKPOINT)
    weight_files.save(tmp_path / CHECKPOINT, tensors, {**facts, "seconds": 1000.0})
    assert train(everything(), data, tmp_path, 0).seconds > 1000


def test_a_forgotten_noise_state_would_be_noticed(data, tmp_path):
    """Negative control of the comparisons above."""
    whole = train(everything(), data, tmp_path / "whole", NEVER)
    parts = tmp_path / "parts"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        stopping(patch, 9)
        train(everything(), data, parts, 0)
    tensors, facts = weight_files.load(parts / CHECKPOINT)
    tensors["noise"] = torch.Generator().manual_seed(0).get_state()
    weight_files.save(parts / CHECKPOINT, tensors, facts)
    assert bytes_of(train(everything(), data, parts, NEVER)) != bytes_of(whole)


def test_a_finished_training_is_not_redone(data, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "device_name", lambda _: "that machine")
    first = train(everything(), data, tmp_path, 0)
    assert not (tmp_path / CHECKPOINT).exists()
    monkeypatch.setattr(training_loop, "device_name", lambda _: "this machine")
    monkeypatch.setattr(training_loop._Trainer, "run", None)
    again = train(everything(), data, tmp_path, 0)
    assert bytes_of(again) == bytes_of(first)
    assert again.history == first.history
    for fact in ("seconds", "parameters", "device"):
        assert getattr(again, fact) == getattr(first, fact)


STEPS_OF_KILL = 40


def command(folder, data, out, checkpoint_seconds):
    """The command line of a training."""
    files, checkpoints = RunFiles(out), folder / f"checkpoints-{out.name}"
    words = train_options(folder / "spec.json", data.folder, files, checkpoints)
    return ["train", *map(str, [*words, "--checkpoint-seconds", checkpoint_seconds])]


def test_a_training_killed_by_the_system_continues_to_the_same_bits(
    data, tmp_path, capsys
):
    write_json(tmp_path / "spec.json", everything(steps=STEPS_OF_KILL).as_dict())
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    words = command(tmp_path, data, parts, 0)
    running = subprocess.Popen(
        [sys.executable, "-m", "vlae", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
    )
    found: list[Path] = []
    deadline = time.monotonic() + 120
    while not found and running.poll() is None and time.monotonic() < deadline:
        found = [*tmp_path.glob(f"checkpoints-parts/*/{CHECKPOINT}")]
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not (parts / "model.safetensors").exists()
    (state,) = found
    step = weight_files.load(state)[1]["step"]
    assert 0 < step < STEPS_OF_KILL

    assert __main__.main(words) == 0  # the same command, in another process
    said = capsys.readouterr().out
    assert f"continues from step {step} of {STEPS_OF_KILL}" in said
    assert __main__.main(command(tmp_path, data, whole, NEVER)) == 0
    assert "continues" not in capsys.readouterr().out
    for name in ("model.safetensors", "history.parquet"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
    facts = json.loads((parts / "training.json").read_text())
    assert facts["steps"] == STEPS_OF_KILL


@pytest.mark.parametrize(
    ("step", "unsaved", "due"),
    [
        (4, 59, False),
        (4, 60, True),
        (5, 59, True),  # an evaluation of 20 s comes next
        (5, 39, False),
        (14, 40, True),  # as it does at the end
    ],
)
def test_a_checkpoint_is_due_before_a_kill_costs_more_than_allowed(
    step, unsaved, due, data, monkeypatch
):
    trainer = training_loop._Trainer(everything(), data, torch.device("cpu"))
    trainer.state.step, trainer.evaluation_seconds = step, 20.0
    monkeypatch.setattr(Stopwatch, "unsaved", unsaved)
    assert trainer._checkpoint_due(60.0) is due


# What its lines say


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        (
            {"reconstruction": [-80.0, -90.0], "kl_1": [3.0, 5.0], "kl_2": [1.0, 2.0]},
            "elbo -90.5, reconstruction -85.0, kl_1 4.0, kl_2 1.5",
        ),
        (
            {"reconstruction": [-0.04], "kl_1": [-0.001], "kl_2": [-0.0]},
            "elbo 0.0, reconstruction 0.0, kl_1 0.0, kl_2 0.0",
        ),
        (
            {"cross_entropy": [0.0123], "accuracy": [0.99651]},
            "cross_entropy 0.012, accuracy 0.997",
        ),
    ],
)
def test_a_line_starts_with_the_elbo_and_has_no_negative_zero(terms, text):
    tensors = {term: torch.tensor(values) for term, values in terms.items()}
    assert training_loop._described(tensors) == text


def test_the_line_of_a_training(data, tmp_path, capsys):
    train(everything(), data, tmp_path, NEVER)
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "14/14" in x]
    number = r"-?\d+\.\d"
    assert re.fullmatch(
        rf"\[strokes/vlae/1\] 14/14 steps \(100 %\), elbo {number}, "
        rf"reconstruction {number}, kl_1 {number}, kl_2 {number}, [\d.]+ steps/s",
        line,
    )


# It fails clearly


@contextlib.contextmanager
def poisoned(monkeypatch, step):
    """Make the reconstruction of the training step number `step` nan."""
    terms = VLAE.terms
    calls: list[None] = []

    def bad(model, *arguments):
        found = terms(model, *arguments)
        if model.training:
            calls.append(None)
            if len(calls) == step + 1:
                found["reconstruction"] = found["reconstruction"] * float("nan")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(VLAE, "terms", bad)
        yield


def test_divergence_is_an_error_that_names_the_step(data, tmp_path):
    # Adam's first step moves every weight by the learning rate: squares overflow.
    wild = spec("vlae", training={"learning_rate": 1e30})
    with pytest.raises(UserError, match=r"strokes/vlae/1: .*not finite at step 1\b"):
        train(wild, data, tmp_path, NEVER)
    assert not (tmp_path / FINISHED).exists()


def test_the_first_bad_step_is_named_also_when_it_is_noticed_late(
    data, tmp_path, monkeypatch
):
    with (
        poisoned(monkeypatch, 6),
        pytest.raises(UserError, match=r"not finite at step 6\b"),
    ):
        train(everything(), data, tmp_path, NEVER)


def test_the_last_good_checkpoint_is_kept(data, tmp_path, monkeypatch):
    whole = train(everything(), data, tmp_path / "whole", NEVER)
    with poisoned(monkeypatch, 6), pytest.raises(UserError, match="step 6"):
        train(everything(), data, tmp_path / "bad", 0)
    assert weight_files.load(tmp_path / "bad" / CHECKPOINT)[1]["step"] == 6
    continued = train(everything(), data, tmp_path / "bad", NEVER)
    assert bytes_of(continued) == bytes_of(whole)


def truncated(content):
    return content[: len(content) // 2]


def foreign(content):
    return safetensors.torch.save({"x": torch.zeros(2)})


def unreadable_facts(content):
    return safetensors.torch.save({"x": torch.zeros(2)}, {weight_files.METADATA: "{"})


DAMAGES = [truncated, foreign, unreadable_facts, lambda c: b"garbage", lambda c: b""]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", [CHECKPOINT, FINISHED])
def test_a_damaged_checkpoint_is_an_error_that_names_the_file(
    name, damage, data, tmp_path
):
    path = tmp_path / name
    weight_files.save(path, {"x": torch.zeros(100)}, {"step": 3})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=f"{path}.*Delete it"):
        train(spec("vlae"), data, tmp_path, NEVER)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}/none: no such file"):
        weight_files.load(tmp_path / "none")


def test_what_is_saved_is_loaded(tmp_path):
    tensors = {"a": torch.rand(3, 4).T, "b": torch.arange(5), "c": torch.zeros(())}
    facts = {"step": 3, "seconds": 0.1 + 0.2, "history": [{"value": 1 / 3}]}
    weight_files.save(tmp_path / "deep" / "file.safetensors", tensors, facts)
    found, known = weight_files.load(tmp_path / "deep" / "file.safetensors")
    assert known == facts
    # History rows become table columns in this order, continued or not.
    assert [*known] == [*facts]
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["file.safetensors"]


def test_a_gpu_that_is_not_there_is_an_error(data, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"cuda.*device: cpu"):
        train(spec("vlae", device="cuda"), data, tmp_path, NEVER)
    assert device.resolve_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.resolve_device("auto") == torch.device("cuda")


# The order of the images


def batches(data, steps, seed=1, batch_size=13):
    """Return the rows of the batches of `steps`, as one training would ask for them."""
    wanted = spec("vlae", seed=seed, training={"batch_size": batch_size})
    trainer = training_loop._Trainer(wanted, data, torch.device("cpu"))
    return [trainer.order(step).tolist() for step in steps]


def joined(rows):
    return [row for batch in rows for row in batch]


def test_an_epoch_shows_every_image_once(data):
    per_epoch = COUNT // 13
    assert per_epoch * 13 == COUNT
    rows = batches(data, range(3 * per_epoch))
    epochs = [joined(rows[i : i + per_epoch]) for i in (0, per_epoch, 2 * per_epoch)]
    for epoch in epochs:
        assert sorted(epoch) == [*range(COUNT)]
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_an_epoch_leaves_out_what_fills_no_batch(data):
    per_epoch = COUNT // 20
    rows = batches(data, range(per_epoch), batch_size=20)
    assert all(len(batch) == 20 for batch in rows)
    assert len({*joined(rows)}) == per_epoch * 20


def test_the_order_follows_from_seed_and_epoch_alone(data):
    steps = [3, 12, 25, 26]
    direct = batches(data, steps)
    passing_by = batches(data, range(27))
    assert direct == [passing_by[step] for step in steps]
    assert batches(data, [25]) == [passing_by[25]]
    assert direct != batches(data, steps, seed=2)


def test_the_model_of_a_spec_follows_from_its_seed():
    def weights(seed, **changes):
        wanted = spec(network("vlae", **changes), seed=seed)
        state = model_base.build_model(wanted).state_dict()
        return safetensors.torch.save({k: v.contiguous() for k, v in state.items()})

    assert weights(1) == weights(1)
    assert weights(1) != weights(2)
    assert weights(1, initial_std=0.1) == weights(1, initial_std=0.1)
