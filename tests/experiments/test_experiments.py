"""Every experiment on tiny models: what it shows, and that it shows what it says."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from experiments_helpers import SETTINGS, context, ignore, run, trained, with_data_noise
from helpers import GENERATIVE, SHAPE, network, noise, save_run, spec, untrained

from vlae.config import experiment_tables
from vlae.data.noise import observe
from vlae.experiments import _pictures, generation
from vlae.experiments._gibbs_chain import gibbs_step
from vlae.system.errors import UserError
from vlae.system.files import write_json
from vlae.training import trained_run as trained_runs
from vlae.training import trainer
from vlae.training.trained_run import decode, grey_levels

# Codes need a hundred images: see test_codes.py.
SMALL = [name for name in SETTINGS if name != "codes"]
CASES = [(name, model) for name in SMALL for model in ("vlae", "hvae")]
CASES += [("chains", model) for model in GENERATIVE if model not in ("vlae", "hvae")]


def same(first, second):
    assert first.arrays.keys() == second.arrays.keys()
    equal = all(np.array_equal(first.arrays[k], second.arrays[k]) for k in first.arrays)
    tables, others = first.named("table"), second.named("table")
    assert tables.keys() == others.keys()
    return equal and all(table.equals(others[name]) for name, table in tables.items())


# All of them


@pytest.fixture(scope="module")
def finished(data):
    """An experiment on a run: the run, its state before the experiment, the result."""

    @functools.cache
    def once(experiment, model):
        weights = trained(model)
        before = {k: v.clone() for k, v in weights.model.state_dict().items()}
        return weights, before, run(experiment, weights, data)

    return once


@pytest.mark.parametrize(("experiment", "model"), CASES)
def test_results_follow_from_the_seed(experiment, model, finished, data):
    weights, _, first = finished(experiment, model)
    assert same(first, run(experiment, weights, data))
    other_seed = dataclasses.replace(weights, spec=weights.spec.replace(seed=2))
    other = run(experiment, other_seed, data)
    for name, table in first.named(experiment).items():
        if name == "traversal":  # its table is the grid
            assert not np.array_equal(first.arrays["grid_1"], other.arrays["grid_1"])
        else:
            assert not table.equals(other.named(experiment)[name])


@pytest.mark.parametrize(("experiment", "model"), CASES)
def test_arrays_are_images(experiment, model, finished):
    _, _, result = finished(experiment, model)
    tables = result.named(experiment)
    assert [*tables] == experiment_tables.tables(experiment)
    assert all(len(table) > 0 for table in tables.values())
    for name, array in result.arrays.items():
        assert array.dtype == np.uint8, name
        assert array.shape[1:] == SHAPE, name
        assert array.std() > 0, name


@pytest.mark.parametrize(("experiment", "model"), CASES)
def test_experiments_leave_the_model_alone(experiment, model, finished):
    weights, before, _ = finished(experiment, model)
    assert not weights.model.training
    for name, tensor in weights.model.state_dict().items():
        assert torch.equal(tensor, before[name])


# Samples


def test_samples(data):
    count = SETTINGS["generation"]["samples"]
    table, arrays = _pictures.samples(context("generation", trained(), data))
    assert [*arrays] == ["data", "reconstructions", "samples"]
    assert {len(a) for a in arrays.values()} == {count}
    assert np.array_equal(arrays["data"], data.images("test")[:count])
    assert [*table.columns] == ["images", "mean_grey"]
    expected = [a.mean() / 255 for a in arrays.values()]
    assert table["mean_grey"].to_numpy() == pytest.approx(expected)


def test_no_picture_replaces_another(data):
    asked = context("generation", trained(), data)
    kinds = (_pictures.samples, _pictures.ablation, _pictures.traversal)
    names = [name for kind in kinds for name in kind(asked)[1]]
    assert names == [*generation.run(asked).arrays]


def test_reconstructions_follow_the_images(data):
    """Exchanging the held-out images exchanges their reconstructions alone."""

    class Other:
        def images(self, split):
            assert split == "test"
            return data.images("train")

    weights = trained()
    (_, first), (_, other) = (
        _pictures.samples(context("generation", weights, d)) for d in (data, Other())
    )
    assert np.array_equal(first["samples"], other["samples"])
    pairs = zip(first["reconstructions"], other["reconstructions"], strict=True)
    assert all(not np.array_equal(*pair) for pair in pairs)


# Ablation and traversal: the noise that they decode


def constant(rows):
    return bool((rows == rows[:1]).all())


@pytest.mark.parametrize("model", GENERATIVE)
def test_ablation_redraws_one_layer_and_fixes_all_others(model, data, decoded):
    _pictures.ablation(context("generation", trained(model), data))
    layers = len(decoded)
    assert layers == 3
    for panel, parts in enumerate(decoded):
        for layer, rows in enumerate(parts):
            redrawn = layer == panel if panel < 2 else layer != 0  # the converse
            assert len(rows) == SETTINGS["generation"]["redraws"]
            assert constant(rows) != redrawn
            if redrawn:
                assert len(rows.unique(dim=0)) == len(rows)
    # The fixed noise of a layer is the same in every panel.
    three = trained("hvae", latents=[4, 3, 2], posterior=["f9"] * 3, prior=["f9"] * 2)
    decoded.clear()
    _pictures.ablation(context("generation", three, data))
    for layer in range(3):
        fixed = [p[layer][0] for i, p in enumerate(decoded[:3]) if i != layer]
        assert torch.equal(*fixed)
    assert torch.equal(decoded[3][0][0], decoded[1][0][0]), "layer 1 keeps its draw"


@pytest.mark.parametrize("ignored", [0, 1])
def test_ablation_of_an_ignored_layer_is_constant(ignored, data):
    weights = trained()
    ignore(weights.model, ignored)
    table, arrays = _pictures.ablation(context("generation", weights, data))
    assert [*arrays] == ["redrawn_1", "redrawn_2", "kept_1"]
    stds = table.set_index("panel")["pixel_std"]
    for layer in (0, 1):
        panel = arrays[f"redrawn_{layer + 1}"]
        assert len(panel) == SETTINGS["generation"]["redraws"]
        assert constant(torch.tensor(panel)) == (layer == ignored)
        assert (stds[f"redrawn_{layer + 1}"] < 1e-6) == (layer == ignored)


def test_ablation_table_is_the_standard_deviation_of_its_panels(data):
    table, arrays = _pictures.ablation(context("generation", trained(), data))
    for row in table.itertuples():
        panel = arrays[row.panel] / 255
        # Rounding to grey levels moves a pixel by 1/510 at most.
        assert row.pixel_std == pytest.approx(panel.std(0, ddof=1).mean(), abs=1 / 255)


@pytest.mark.parametrize("ignored", [0, 1])
def test_traversal_of_an_ignored_layer_shows_the_others_alone(ignored, data, decoded):
    weights = trained()
    ignore(weights.model, ignored)
    _, arrays = _pictures.traversal(context("generation", weights, data))
    parts = decoded[ignored]
    changed = [p if i != ignored else torch.randn_like(p) for i, p in enumerate(parts)]
    expected = grey_levels(decode(weights, changed))
    assert np.array_equal(arrays[f"grid_{ignored + 1}"], expected)


def test_traversal_lays_the_code_of_one_layer_on_a_grid(data, decoded):
    settings = {"grid": 3, "extent": 2.0}
    weights = trained("hvae", latents=[6, 1])
    asked = context("generation", weights, data, settings=settings)
    table, arrays = _pictures.traversal(asked)
    assert [len(a) for a in arrays.values()] == [9, 9]
    along, down = [-2.0, 0.0, 2.0], [2.0, 0.0, -2.0]
    cells = [(first, second) for second in down for first in along]
    assert [*table.columns] == ["cell", "first", "second"]
    assert [*zip(table["first"], table["second"], strict=True)] == cells
    for layer, (size, parts) in enumerate(zip([6, 1], decoded, strict=True)):
        grid = torch.tensor(cells)[:, : min(size, 2)]
        assert torch.equal(parts[layer][:, :2], grid)
        for rows in (parts[layer][:, 2:], parts[1 - layer]):
            assert rows.unique().numel() == rows.numel()  # drawn in every cell
        images = grey_levels(decode(weights, parts))
        assert np.array_equal(arrays[f"grid_{layer + 1}"], images)


# The Gibbs chain


@pytest.mark.parametrize("model", GENERATIVE)
@torch.no_grad()
def test_gibbs_steps_draw_what_the_image_depends_on(model):
    """z ~ q(z|x) and x ~ p(x|z) with the very noise of the generator, in order."""
    weights, count = trained(model).model, 4
    sizes = weights.latent_sizes[:1] if model == "hvae" else weights.latent_sizes
    x, stream = torch.rand(count, *SHAPE), torch.Generator().manual_seed(3)
    mean, drawn = gibbs_step(weights, x, stream)
    again = torch.Generator().manual_seed(3)
    e = [torch.randn(count, size, generator=again) for size in sizes]
    padded = [*e, *noise(weights, count)[len(e) :]]
    latents, _ = weights.infer(x, padded)
    expected, scale = weights.likelihood(weights.decoder(latents))
    torch.testing.assert_close(mean, expected)
    pixels = torch.randn(count, *SHAPE, generator=again)
    torch.testing.assert_close(drawn, expected + scale * pixels)


# From training to results


@pytest.mark.parametrize("model", GENERATIVE)
def test_a_trained_run_goes_through_every_experiment(model, data, tmp_path):
    wanted = spec(model, training={"steps": 4})
    result = trainer.train(wanted, data, tmp_path / "checkpoints")
    weights = untrained(wanted)
    weights.model.load_state_dict(result.weights)
    save_run(tmp_path, wanted, weights.model)
    loaded = trained_runs.load(tmp_path)
    layers = range(1, len(wanted.network["latents"]) + 1)
    for experiment in SMALL:
        found = run(experiment, loaded, data)
        assert all(len(table) > 0 for table in found.named(experiment).values())
        if experiment == "generation":
            for kind in ("redrawn", "grid"):
                assert {f"{kind}_{layer}" for layer in layers} <= found.arrays.keys()
            effects = found.named(experiment)["effects"]
            pixels = effects[effects["property"] == "pixels"]
            assert [*pixels["layer"]] == [*layers]
            assert pixels["total_effect"].between(0, 2).all()


# Runs on disk


@pytest.fixture
def saved(tmp_path):
    weights = trained()
    return save_run(tmp_path, weights.spec, weights.model), weights


def test_a_run_is_loaded_with_its_weights(saved):
    files, weights = saved
    with torch.no_grad():  # so that the seed of the spec alone does not give them
        for tensor in weights.model.state_dict().values():
            tensor.mul_(1.5)
    save_run(files.folder, weights.spec, weights.model)
    loaded = trained_runs.load(files.folder)
    assert loaded.spec == weights.spec
    assert not loaded.model.training
    for name, tensor in weights.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor)


def test_weights_of_another_network_are_an_error(saved):
    files, _ = saved
    write_json(files.spec, spec(network("vlae", width=0.5)).as_dict())
    with pytest.raises(UserError, match=f"{files.weights}.*{files.spec.name}"):
        trained_runs.load(files.folder)


@pytest.mark.parametrize("file", ["spec", "weights"])
def test_a_missing_file_of_a_run_is_an_error(saved, file):
    files, _ = saved
    path = getattr(files, file)
    path.unlink()
    with pytest.raises(UserError, match=f"{path}: no such file"):
        trained_runs.load(files.folder)


def test_batches_of_a_decoding_are_joined_in_order(monkeypatch):
    monkeypatch.setattr(trained_runs, "BATCH", 4)
    weights = trained()
    parts = noise(weights.model, 10)
    with torch.no_grad():
        expected = weights.model.decode(parts)
    torch.testing.assert_close(decode(weights, parts), expected)


def test_grey_levels_are_rounded_and_clipped():
    values = torch.tensor([-0.5, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 1.7])
    assert grey_levels(values).tolist() == [0, 0, 0, 1, 255, 255]


# The context of an experiment


def test_held_out_images_come_with_what_the_run_sees_of_them(data):
    weights = with_data_noise(trained(), 0.3)
    asked = context("generation", weights, data)
    found = asked.held_out(7, weights.stream("held out"))
    stored = torch.tensor(data.images("test")[:7])
    assert torch.equal(found.images, stored)
    noise = weights.spec.data_noise
    x, target = observe(stored, noise, weights.stream("held out"))
    assert torch.equal(found.x, x)
    assert torch.equal(found.target, target)
    everything = asked.held_out(10_000, weights.stream("held out"))
    assert len(everything.images) == len(data.images("test"))


@pytest.mark.parametrize("experiment", ["chains", "redundancy", "recomposed"])
def test_an_experiment_without_its_classifier_is_refused(experiment, data):
    with pytest.raises(UserError, match=rf"{experiment} needs .*--classifier"):
        run(experiment, trained(), data, classifier=None)
