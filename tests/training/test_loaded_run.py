"""A trained run from Python: arrays in and out, against the model's own functions."""

import numpy as np
import pytest
import torch
from helpers import (
    GENERATIVE,
    NETWORKS,
    SHAPE,
    network,
    randomise,
    save_run,
    spec,
    untrained,
)

import vlae
from vlae.data.noise import observe
from vlae.models import base
from vlae.training import loaded_run


def stored(folder, of=None):
    """A run folder with random weights."""
    of = of or spec()
    save_run(folder, of, randomise(base.build_model(of), 0.3))
    return folder


@pytest.fixture(scope="module", params=GENERATIVE)
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    noise = {"dequantise": True, "scale": 0.1, "denoising": 0.0}
    return vlae.load(stored(folder, spec(request.param, data_noise=noise)))


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    return vlae.load(stored(tmp_path_factory.mktemp("vlae")))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, *SHAPE), dtype=np.uint8)


def tensors(arrays):
    return [torch.tensor(array) for array in arrays]


# Loading


def test_what_a_run_says_of_itself(ladder):
    assert ladder.latent_sizes == [2, 3]
    assert ladder.image_shape == SHAPE
    assert ladder.spec == spec()
    assert repr(ladder) == "<LoadedRun strokes/vlae/1: vlae, codes of 2 + 3>"


def test_the_folder_may_be_text(tmp_path):
    assert isinstance(vlae.load(str(stored(tmp_path))), vlae.LoadedRun)


def test_a_classifier_is_refused(tmp_path):
    with pytest.raises(
        vlae.UserError, match="holds a classifier; expected a generative"
    ):
        vlae.load(stored(tmp_path, spec("classifier")))


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(vlae.UserError, match="no such file"):
        vlae.load(tmp_path)


# Sampling and decoding


def test_samples_are_the_decoded_noise_of_their_seed(run):
    samples = run.sample(6, seed=3)
    assert samples.shape == (6, *SHAPE) and samples.dtype == np.float32
    assert samples.min() >= 0 and samples.max() <= 1
    np.testing.assert_array_equal(samples, run.decode(noise=run.noise(6, seed=3)))
    np.testing.assert_array_equal(samples, run.sample(6, seed=3))
    assert np.abs(samples - run.sample(6, seed=4)).max() > 1e-3


def test_noise_decodes_as_the_model_does(run):
    noise = run.noise(4)
    with torch.no_grad():
        expected = run._model.decode(tensors(noise))
    np.testing.assert_array_equal(run.decode(noise=noise), expected)


def test_codes_are_what_the_model_makes_of_noise(run):
    noise = run.noise(4)
    with torch.no_grad():
        codes = [z.numpy() for z in run._model.generate(tensors(noise))]
    np.testing.assert_array_equal(run.decode(codes), run.decode(noise=noise))


def test_codes_of_a_ladder_are_its_noise(ladder):
    noise = ladder.noise(4)
    np.testing.assert_array_equal(ladder.decode(noise), ladder.decode(noise=noise))


def test_noise_of_the_run_differs_from_that_of_another_seed_of_it():
    first, second = (
        loaded_run.LoadedRun(untrained(spec(seed=seed))).noise(50)[0] for seed in (1, 2)
    )
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.5


# Encoding


def test_codes_without_a_seed_are_means(run, images):
    with torch.no_grad():
        x = torch.tensor(images).float() / 255
        zeros = [torch.zeros(len(x), size) for size in run.latent_sizes]
        expected, _ = run._model.infer(x, zeros)
    for found, layer in zip(run.encode(images), expected, strict=True):
        np.testing.assert_allclose(found, layer, rtol=1e-5, atol=1e-6)


def test_a_ladders_codes_are_the_means_of_its_posterior(ladder, images):
    with torch.no_grad():
        means = [m for m, _ in ladder._model.posterior(torch.tensor(images) / 255)]
    for found, mean in zip(ladder.encode(images), means, strict=True):
        np.testing.assert_allclose(found, mean, rtol=1e-5, atol=1e-6)


def test_codes_with_a_seed_are_drawn_from_noisy_images(run, images):
    stream = run._stream("encode", 2)
    with torch.no_grad():
        x, _ = observe(torch.tensor(images), run.spec.data_noise, stream)
        expected, _ = run._model.infer(x, run._model.draw_noise(len(x), stream))
    for found, layer in zip(run.encode(images, seed=2), expected, strict=True):
        np.testing.assert_allclose(found, layer, rtol=1e-5, atol=1e-6)


def test_floats_and_grey_levels_are_the_same_image(run, images):
    floats = images.astype(np.float64) / 255
    for seed in (None, 1):
        pairs = zip(run.encode(images, seed), run.encode(floats, seed), strict=True)
        for found, same in pairs:
            np.testing.assert_allclose(found, same, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", [None, 5])
def test_a_reconstruction_is_the_image_of_the_codes(run, images, seed):
    found = run.reconstruct(images, seed)
    assert found.shape == images.shape
    np.testing.assert_array_equal(found, run.decode(run.encode(images, seed)))


# One layer at a time


@pytest.fixture
def without_layer_1():
    """A ladder whose bottom layer changes nothing: its gate is shut."""
    trained = untrained(spec())
    randomise(trained.model, 0.5)
    with torch.no_grad():
        trained.model.stages[0].gate.zero_()
    return loaded_run.LoadedRun(trained)


def test_only_the_redrawn_layer_changes(without_layer_1):
    still, moved = (without_layer_1.redraw(layer, 5) for layer in (1, 2))
    assert still.shape == moved.shape == (5, *SHAPE)
    np.testing.assert_allclose(still, np.repeat(still[:1], 5, 0), atol=1e-6)
    assert moved.std(0).max() > 1e-3


def test_redrawn_images_start_from_the_given_noise(ladder, monkeypatch):
    seen = []
    decode = loaded_run.trained_run.decode

    def spy(trained, parts):
        seen.append([part.numpy() for part in parts])
        return decode(trained, parts)

    monkeypatch.setattr(loaded_run.trained_run, "decode", spy)
    noise = ladder.noise(1, seed=8)
    ladder.redraw(2, 4, noise=noise)
    ((first, second),) = seen
    np.testing.assert_array_equal(first, np.repeat(noise[0], 4, 0))
    assert len({*map(tuple, second)}) == 4


def test_a_grid_moves_two_dimensions_of_a_layer(ladder):
    noise = ladder.noise(1, seed=8)
    images = ladder.traverse(2, grid=3, extent=1.5, noise=noise)
    assert images.shape == (3, 3, *SHAPE)
    for (row, column), (first, second) in {
        (0, 0): (-1.5, 1.5),
        (0, 2): (1.5, 1.5),
        (1, 1): (0, 0),
        (2, 0): (-1.5, -1.5),
    }.items():
        cell = [part.copy() for part in noise]
        cell[1][0, :2] = first, second
        expected = ladder.decode(noise=cell)[0]
        np.testing.assert_allclose(images[row, column], expected, atol=1e-6)


def test_the_others_of_a_grid_are_redrawn_on_request(without_layer_1):
    fixed = without_layer_1.traverse(1, grid=3)
    redrawn = without_layer_1.traverse(1, grid=3, others="redrawn")
    same = np.broadcast_to(fixed[:1, :1], fixed.shape)
    np.testing.assert_allclose(fixed, same, atol=1e-6)
    assert redrawn.std((0, 1)).max() > 1e-3


def test_a_layer_of_one_dimension_has_a_grid_of_equal_rows():
    trained = untrained(spec(network("vlae", latents=[1, 3])))
    randomise(trained.model, 0.5)
    images = loaded_run.LoadedRun(trained).traverse(1, grid=3)
    assert images.shape == (3, 3, *SHAPE)
    np.testing.assert_allclose(images[0], images[2], atol=1e-6)
    assert np.abs(images[:, 0] - images[:, 2]).max() > 1e-4


# Mistakes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.sample(0), "n: expected 1 or more, got 0"),
        (lambda r: r.redraw(3, 2), "layer: expected 1 to 2, got 3"),
        (lambda r: r.traverse(0), "layer: expected 1 to 2, got 0"),
        (lambda r: r.decode(), "either codes or noise"),
        (lambda r: r.decode(r.noise(1), noise=r.noise(1)), "either codes or noise"),
        (lambda r: r.decode(r.noise(2)[:1]), r"\(N, 2\), \(N, 3\); got \(2, 2\)"),
        (lambda r: r.decode([]), "got none"),
        (lambda r: r.redraw(1, 3, noise=r.noise(2)), "that of one image, got 2"),
        (
            lambda r: r.traverse(1, others="redrawn", noise=r.noise(1)),
            "noise is given, but others are redrawn",
        ),
        (lambda r: r.encode(np.zeros((2, 28, 28))), r"expected \(N, 1, 28, 28\)"),
        (lambda r: r.encode(np.zeros((2, *SHAPE), int)), "uint8 or floats, got int64"),
        (lambda r: r.encode(np.full((2, *SHAPE), 2.0)), "values from 2 to 2"),
        (lambda r: r.encode(np.full((2, *SHAPE), np.nan)), "values from nan to nan"),
    ],
)
def test_mistakes_are_named(ladder, call, message):
    with pytest.raises(vlae.UserError, match=message):
        call(ladder)


def test_every_generative_model_is_tried():
    assert {*GENERATIVE} == NETWORKS.keys() - {"classifier"}
