"""Images of a training: in memory or read from their file, the bits are the same."""

import inspect
import threading

import numpy as np
import pytest
import torch
import yaml
from helpers import ROOT, prepared_strokes, spec, train_options

from vlae.__main__ import main
from vlae.config.run_spec import DataFacts, RunFiles
from vlae.data.prepared import targets, taught
from vlae.system.errors import UserError
from vlae.system.files import write_json
from vlae.training import batches, weights
from vlae.training import trainer as training_loop
from vlae.training.batches import BATCHES_AHEAD, Order, Resident, Streamed, opened
from vlae.training.trainer import train

CPU = torch.device("cpu")
COUNT = 130
ROW = 28 * 28  # bytes of an image
NEVER = 1e9
NOISY = {"dequantise": True, "scale": 0.1, "denoising": 0.05}


@pytest.fixture
def data(tmp_path):
    return prepared_strokes(tmp_path / "data", COUNT, test=60)


@pytest.fixture
def images(data):
    return data.images("train")


def wanted(**changes):
    return spec("vlae", data_noise=NOISY, **changes)


def readers():
    return [t for t in threading.enumerate() if t.name.startswith("images")]


class Stop(Exception):
    """What stops a training in these tests."""


def before_step(monkeypatch, number, act):
    """Let `act` be called before the training's step `number`."""
    step = training_loop._Trainer._step

    def acting(trainer):
        if trainer.state.step == number:
            act()
        return step(trainer)

    monkeypatch.setattr(training_loop._Trainer, "_step", acting)


def stop():
    raise Stop


# The images are those of the file


@pytest.mark.parametrize("memory", [0, ROW * 1000])
def test_batches_are_the_rows_of_the_order(images, memory):
    order = Order(COUNT, 20, (1, "mnist/vlae"), CPU)
    streamed = Streamed(images, COUNT, CPU, memory)
    resident = Resident(images, COUNT, CPU)
    # On through two epochs, back, and far ahead.
    for step in [*range(14), 2, 3, 500, 501]:
        expected = images[order(step).numpy()]
        for source in (streamed, resident):
            found = source.batch(order, step)
            assert found.dtype == torch.uint8
            np.testing.assert_array_equal(found.numpy(), expected)
    streamed.close()


@pytest.mark.parametrize("part", [slice(0, 50), slice(50, 130), slice(7, 8)])
@pytest.mark.parametrize("chunk", [batches._CHUNK_BYTES, 3 * ROW, 1])
def test_images_in_sequence(images, part, chunk, monkeypatch):
    monkeypatch.setattr(batches, "_CHUNK_BYTES", chunk)
    for source in (Streamed(images, COUNT, CPU, 0), Resident(images, COUNT, CPU)):
        assert len(source) == COUNT
        np.testing.assert_array_equal(source.rows(part).numpy(), images[part])


def test_reads_that_give_less_than_asked_for_are_continued(images, monkeypatch):
    preadv = batches.os.preadv

    def short(file, buffers, offset):
        return preadv(file, [buffers[0][: ROW // 3]], offset)

    monkeypatch.setattr(batches.os, "preadv", short)
    found = Streamed(images, COUNT, CPU, 0).rows(slice(3, 9))
    np.testing.assert_array_equal(found.numpy(), images[3:9])


# What is held in memory


def kinds(data, memory, **counts):
    arrays = {split: data.images(split) for split in ("train", "test")}
    found = opened(arrays, {"train": COUNT, "test": 60, **counts}, CPU, memory, "x")
    return {split: type(images) for split, images in found.items()}


def test_images_are_resident_while_they_fit(data):
    both = {"train": Resident, "test": Resident}
    assert kinds(data, (COUNT + 60) * ROW) == both
    assert kinds(data, (COUNT + 60) * ROW - 1) == {**both, "test": Streamed}
    assert kinds(data, COUNT * ROW - 1) == {**both, "train": Streamed}
    assert kinds(data, 60 * ROW - 1) == dict.fromkeys(both, Streamed)


def test_only_images_that_are_used_count(data):
    assert kinds(data, (COUNT + 10) * ROW, test=10)["test"] is Resident
    arrays = {"test": data.images("test")}
    for memory in (0, NEVER):
        found = opened(arrays, {"test": 10}, CPU, int(memory), "x")
        assert len(found["test"]) == 10


def test_what_is_read_is_said(data, capsys):
    kinds(data, 60 * ROW)
    said = capsys.readouterr().out
    assert said == (
        "[x] train images (101.9 kB) are read while training: data_memory_mb leaves "
        "them 47.0 kB\n"
    )


@pytest.mark.parametrize(("room", "ahead"), [(0, 1), (2, 2), (100, BATCHES_AHEAD)])
def test_few_batches_are_read_ahead(images, room, ahead, monkeypatch):
    asked = []
    read = batches._File.read

    def noted(file, rows, pinned=False):
        asked.append(rows)
        return read(file, rows, pinned)

    monkeypatch.setattr(batches._File, "read", noted)
    order = Order(COUNT, 10, (1, "mnist/vlae"), CPU)
    streamed = Streamed(images, COUNT, CPU, room * 10 * ROW)
    streamed.batch(order, 5)
    assert streamed._ahead is not None
    streamed._ahead._pool.shutdown()  # wait until it has read all that it will
    assert asked == [order(step).tolist() for step in range(5, 6 + ahead)]


# Weights do not depend on it


def bits(trained):
    return {name: tensor.numpy().tobytes() for name, tensor in trained.weights.items()}


def test_weights_and_history_are_the_same_bit_for_bit(data, tmp_path, monkeypatch):
    made = []
    init = Streamed.__init__

    def noted(streamed, *arguments):
        made.append(streamed)
        init(streamed, *arguments)

    monkeypatch.setattr(Streamed, "__init__", noted)
    resident = train(wanted(), data, tmp_path / "resident", NEVER, 4000)
    assert not made
    streamed = train(wanted(), data, tmp_path / "streamed", NEVER, 0)
    assert len(made) == 2
    assert bits(streamed) == bits(resident)
    assert streamed.history == resident.history


def test_a_wrong_batch_would_be_noticed(data, tmp_path, monkeypatch):
    """Negative control of the comparison above."""
    resident = train(wanted(), data, tmp_path / "resident", NEVER, 4000)
    batch = Streamed.batch

    def late(streamed, order, step):
        return batch(streamed, order, step + (step == 11))

    monkeypatch.setattr(Streamed, "batch", late)
    streamed = train(wanted(), data, tmp_path / "streamed", NEVER, 0)
    assert bits(streamed) != bits(resident)


def test_a_stopped_training_continues_with_other_memory(data, tmp_path):
    whole = train(wanted(), data, tmp_path / "whole", NEVER, 4000)
    parts = tmp_path / "parts"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        before_step(patch, 8, stop)
        train(wanted(), data, parts, 0, 0)
    assert weights.load(parts / training_loop.CHECKPOINT)[1]["step"] == 8
    continued = train(wanted(), data, parts, NEVER, 4000)
    assert bits(continued) == bits(whole)
    assert continued.history == whole.history


def test_memory_is_no_part_of_a_trainings_identity(data, tmp_path, capsys):
    write_json(tmp_path / "spec.json", wanted().as_dict())
    spec_file, checkpoints = tmp_path / "spec.json", tmp_path / "checkpoints"
    options = train_options(spec_file, data.folder, RunFiles(tmp_path), checkpoints)
    pairs = [*map(str, options)]
    assert main(["train", *pairs, "--data-memory-mb", "0"]) == 0
    assert "train images (101.9 kB) are read while training" in capsys.readouterr().out
    assert main(["train", *pairs]) == 0
    assert "already finished" in capsys.readouterr().out
    assert main(["train", *pairs, "--data-memory-mb", "-1"]) == 1
    assert "--data-memory-mb: expected 0 or more" in capsys.readouterr().err


def test_by_hand_the_memory_is_that_of_the_configuration(data, tmp_path, monkeypatch):
    asked = []

    def noted(*_, **options):
        asked.append(options["data_memory_mb"])
        raise UserError("enough")

    monkeypatch.setattr(training_loop, "train", noted)
    write_json(tmp_path / "spec.json", wanted().as_dict())
    spec_file, files = tmp_path / "spec.json", RunFiles(tmp_path)
    words = train_options(spec_file, data.folder, files, tmp_path)
    main(["train", *map(str, words)])
    shipped = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    assert asked == [shipped["data_memory_mb"]]
    default = inspect.signature(train).parameters["data_memory_mb"].default
    assert default == shipped["data_memory_mb"]


# It ends


def test_the_thread_ends_with_the_training(data, tmp_path, monkeypatch):
    seen = []
    before_step(monkeypatch, 5, lambda: seen.extend(readers()))
    train(wanted(), data, tmp_path / "whole", NEVER, 0)
    assert len(seen) == 1
    assert not readers()
    before_step(monkeypatch, 6, stop)
    with pytest.raises(Stop):
        train(wanted(), data, tmp_path / "parts", NEVER, 0)
    assert not readers()


def test_a_file_that_shrinks_while_training_is_an_error(data, tmp_path, monkeypatch):
    path = data.folder / "train.npy"

    def shorten():
        with path.open("r+b") as file:
            file.truncate(1000)

    before_step(monkeypatch, 3, shorten)
    with pytest.raises(UserError, match=f"{path}: cannot be read while training.*ends"):
        train(wanted(training={"steps": 100}), data, tmp_path / "run", NEVER, 0)
    assert not readers()


def test_a_disk_that_fails_is_an_error(data, tmp_path, monkeypatch):
    def broken(*_):
        raise OSError("Input/output error")

    monkeypatch.setattr(batches.os, "preadv", broken)
    for memory in (0, 4000):
        with pytest.raises(UserError, match=r"train\.npy: .*Input/output error"):
            train(wanted(), data, tmp_path / str(memory), NEVER, memory)
    assert not readers()


# Labels


@pytest.mark.parametrize(
    ("facts", "columns"),
    [
        ({"classes": 10, "attributes": []}, ["label"]),
        ({"classes": 0, "attributes": ["slant", "width"]}, ["slant", "width"]),
        ({"classes": 0, "attributes": []}, []),
    ],
)
def test_of_the_table_only_what_is_learned_is_read(data, facts, columns):
    facts = DataFacts.of({"shape": [1, 28, 28], **facts})
    table = data.table("train", taught(facts))
    assert [*table.columns] == columns
    found = targets(table, facts)
    np.testing.assert_array_equal(found, targets(data.table("train"), facts))
    assert len(found) == COUNT
