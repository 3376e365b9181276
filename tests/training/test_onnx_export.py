"""Decoders in ONNX, as ONNX's own reference implementation runs them."""

import json

import numpy as np
import onnx
import pytest
import torch
from explorer_helpers import export, lively
from helpers import GENERATIVE, NETWORKS, network, noise, spec
from onnx.reference import ReferenceEvaluator

from vlae.__main__ import main
from vlae.training import onnx_export
from vlae.training.trained_run import decode

# Every kind of layer that a decoder may have: odd and even crops, strides, merges.
DECODERS: dict[str, list[dict[str, str]]] = {
    "odd crop": [
        {"embed": "f2x7x7", "merge": "concat", "body": "t3,1 c4,1 t4,4"},
        {"body": "f2x7x7"},
    ],
    "stride 3": [
        {"embed": "f4x5x5", "merge": "gated", "body": "t3,3 f4x7x7"},
        {"body": "f4x5x5"},
    ],
    "flat": [{"merge": "concat", "body": "f8"}, {"body": "f16 lin16"}],
}
MODELS = {name: NETWORKS[name] for name in GENERATIVE} | {
    name: network("vlae", decoder=decoder) for name, decoder in DECODERS.items()
}


def computed(graph, parts):
    feeds = {f"noise_{i + 1}": part.numpy() for i, part in enumerate(parts)}
    (images,) = ReferenceEvaluator(graph).run(None, feeds)
    return images


@pytest.mark.parametrize("name", MODELS)
def test_graph_gives_the_pixels_of_pytorch(name):
    run = lively(spec(MODELS[name]))
    graph = onnx_export.graph(run.model)
    assert not any(module.training for module in run.model.modules())
    for count in (1, 3):  # none of them is the number that was exported with
        parts = noise(run.model, count)
        expected = decode(run, parts).numpy()
        assert expected.std() > 0.02  # it shows something
        np.testing.assert_allclose(computed(graph, parts), expected, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_half_precision_moves_no_pixel_by_a_grey_level(name):
    run = lively(spec(MODELS[name]), std=0.2)
    parts = noise(run.model, 8)
    small = onnx_export.halved(onnx_export.graph(run.model))
    difference = np.abs(computed(small, parts) - decode(run, parts).numpy())
    assert 0 < difference.max() < 0.5 / 255


def test_half_precision_halves_what_is_large_and_keeps_what_is_small():
    run = lively(spec(network("vlae", width=8.0)))
    graph = onnx_export.graph(run.model)
    small = onnx_export.halved(graph)
    assert small.ByteSize() < 0.6 * graph.ByteSize()
    kinds = {len(t.dims): t.data_type for t in small.graph.initializer if t.dims}
    assert kinds[2] == kinds[4] == onnx.TensorProto.FLOAT16
    assert kinds[1] == onnx.TensorProto.FLOAT


def test_a_coordinate_that_nothing_sees_has_no_influence():
    run = lively(spec("vlae"))
    top = run.model.stages[1].body[0].affine.weight
    with torch.no_grad():
        top[:, 1] = 0
        top[:, 2] = 10 * top[:, 0]
    found = onnx_export.influences(run, 64)
    assert [len(layer) for layer in found] == run.model.latent_sizes
    assert found[1][1] == 0
    assert 0 < found[1][0] < found[1][2] < 1
    assert min(found[0]) > 0


def test_influence_is_the_mean_change_of_a_pixel():
    """Two pictures only, so that the change is that between them."""

    class Switch:
        latent_sizes = (1,)

        def draw_noise(self, count, generator):
            return [torch.randn(count, 1, generator=generator)]

        def decode(self, parts):
            half = torch.zeros(len(parts[0]), 1, 2, 2)
            half[:, 0, 0] = (parts[0] > 0).float()  # the upper half of the pixels
            return half

    run = lively(spec("vlae"))
    found = onnx_export.influences(type(run)(run.spec, Switch(), run.device), 4000)
    # The sign changes in half of the pairs, and with it half of the pixels.
    assert found[0][0] == pytest.approx(0.25, abs=0.02)


def test_command_writes_graph_and_card(tmp_path):
    run = lively(spec("hvae"))
    folder = export(run, tmp_path)
    card = json.loads((folder / "decoder.json").read_text())
    assert card["latents"] == [6, 3] and card["shape"] == [1, 28, 28]
    assert [len(part) for part in card["start"]] == [6, 3]
    assert [len(part) for part in card["influences"]] == [6, 3]
    assert card["inputs"] == "noise"
    assert (card["dataset"], card["run"], card["seed"]) == ("strokes", "hvae", 1)
    start = [torch.tensor([part]) for part in card["start"]]
    graph = onnx.load(folder / "decoder.onnx")
    expected = decode(run, start).numpy()
    np.testing.assert_allclose(computed(graph, start), expected, atol=0.5 / 255)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_run_of_a_gpu_is_exported_without_one(tmp_path, monkeypatch, device):
    """As on a login node; on a machine with a GPU it is left alone."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    made = {
        name: export(lively(spec("vlae", device=name)), tmp_path / name)
        for name in (device, "cpu")
    }
    for name in ("decoder.onnx", "decoder.json"):
        assert (made[device] / name).read_bytes() == (made["cpu"] / name).read_bytes()


def test_layers_that_see_no_other_have_codes(tmp_path):
    folder = export(lively(spec("vae")), tmp_path)
    assert json.loads((folder / "decoder.json").read_text())["inputs"] == "codes"


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (NETWORKS["classifier"], "holds a classifier; expected a generative model"),
        (network("vlae", batch_norm="batch"), "moving or none"),
    ],
    ids=["classifier", "batch statistics"],
)
def test_what_cannot_be_explored_is_refused(network, said, tmp_path, capsys):
    run = lively(spec(network))
    with pytest.raises(AssertionError):
        export(run, tmp_path)
    assert said in capsys.readouterr().err
    assert not list((tmp_path / "explorer").rglob("*"))


def test_a_run_that_is_not_there_is_named(tmp_path, capsys):
    words = ["--model", tmp_path / "model.safetensors", "--out", tmp_path / "d.onnx"]
    words += ["--facts", tmp_path / "decoder.json"]
    assert main(["export", *map(str, words)]) == 1
    assert f"run spec {tmp_path}/spec.json: no such file" in capsys.readouterr().err
