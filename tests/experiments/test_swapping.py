"""Swapping: what is exchanged, what mixtures keep, paths, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from experiments_helpers import (
    context,
    ignore,
    random_classifier,
    run,
    trained,
)
from helpers import GENERATIVE, SHAPE, noise, prepared_strokes

from vlae.experiments import swapping
from vlae.experiments.swapping import between, choices, mixture
from vlae.system.errors import UserError
from vlae.training import trained_run as trained_runs
from vlae.training.trained_run import decode, grey_levels

SETTINGS = {
    "pairs": 40,
    "classifier_accuracy": 0.0,
    "shown": 4,
    "paths": 2,
    "steps": 5,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 20, 80)


def number(result, layers, name, image, column="value"):
    table = result.table
    chosen = table["layers_of_a"].eq(layers) & table["property"].eq(name)
    (row,) = table[chosen & table["image"].eq(image)].itertuples()
    return getattr(row, column)


# What is exchanged


def test_choices_are_single_layers_and_splits():
    assert choices(1) == {"none": [], "1": [0]}
    assert choices(2) == {"none": [], "1": [0], "2": [1], "1+2": [0, 1]}
    assert [*choices(4)] == ["none", "1", "2", "3", "4", "1+2", "1+2+3", "1+2+3+4"]


def test_mixtures_take_chosen_layers_from_a():
    a, b = (
        [torch.full((2, 1), float(n)) for n in numbers]
        for numbers in ((10, 11, 12), (20, 21, 22))
    )
    found = [float(layer[0, 0]) for layer in mixture(a, b, [0, 2])]
    assert found == [10, 21, 12]


@pytest.mark.parametrize("model", GENERATIVE)
def test_pictures_are_made_of_inferred_noise(model, data, monkeypatch):
    """The mixture in row B and column A has A's noise in the chosen layers, else B's.

    Without chosen layers it is the reconstruction of B by the latents themselves.
    """
    weights = trained(model)
    inferred = []
    infer = weights.model.infer

    def spy(x, drawn):
        inferred.append(infer(x, drawn)[0])
        return inferred[-1], infer(x, drawn)[1]

    monkeypatch.setattr(weights.model, "infer", spy)
    result = run("swapping", weights, data, settings=SETTINGS)
    a, b = inferred  # 40 images each, in one batch
    arrays = result.arrays
    with torch.no_grad():
        for name, latents in (("none", b), ("1+2", a)):
            mean = weights.model.likelihood(weights.model.decoder(latents))[0]
            shown = grey_levels(mean[:4]).astype(int)
            found = arrays[f"mixed_{name}"].astype(int).reshape(4, 4, *shown.shape[1:])
            for other in range(4):  # the image of the other side changes nothing
                same = found[:, other] if name == "none" else found[other]
                assert np.abs(same - shown).max() <= 1
        of_a, of_b = (weights.model.residuals(side) for side in (a, b))
        mixed = [of_b[0][2:3], of_a[1][3:4]]
        expected = grey_levels(decode(weights, mixed)).astype(int)
    found = arrays["mixed_2"].reshape(4, 4, *expected.shape[1:])[2, 3].astype(int)
    assert np.abs(found - expected[0]).max() <= 1
    assert [*arrays][:2] == ["a", "b"]
    assert len(arrays["path_1"]) == 3 * 5


def test_in_a_markov_hierarchy_exchanged_codes_would_change_nothing(data):
    """Why noise is exchanged: p(x | z_1) sees no code above z_1."""
    model = trained("hvae").model
    with torch.no_grad():
        a, b = (model.generate(noise(model, 6, seed)) for seed in (1, 2))
        swapped = [b[0], a[1]]
        assert torch.equal(model.decoder(swapped), model.decoder(b))
        of_a, of_b = model.residuals(a), model.residuals(b)
        moved = model.generate([of_b[0], of_a[1]])
        assert not torch.allclose(model.decoder(moved), model.decoder(b))
        torch.testing.assert_close(moved[1], a[1])


def test_no_image_is_in_two_pairs(data):
    asked = context("swapping", trained(), data, settings=SETTINGS)
    rows = swapping._pairs(asked, torch.Generator().manual_seed(0))
    assert [len(side) for side in rows] == [40, 40]
    assert len(np.unique(np.concatenate(rows))) == 80


def test_results_follow_from_the_seed(data):
    weights = trained("hvae")
    first, again = (run("swapping", weights, data, settings=SETTINGS) for _ in "12")
    assert first.table.equals(again.table)
    for name, array in first.arrays.items():
        assert array.dtype == np.uint8
        assert np.array_equal(array, again.arrays[name])
    other = dataclasses.replace(weights, spec=weights.spec.replace(seed=2))
    changed = run("swapping", other, data, settings=SETTINGS)
    assert not np.array_equal(first.arrays["a"], changed.arrays["a"])


def test_batches_do_not_change_what_is_found(data, monkeypatch):
    settings = {**SETTINGS, "pairs": 30}
    whole = run("swapping", trained(), data, settings=settings).table
    monkeypatch.setattr(swapping, "BATCH", 30)
    monkeypatch.setattr(trained_runs, "BATCH", 7)
    assert run("swapping", trained(), data, settings=settings).table.equals(whole)


# What mixtures keep


@pytest.mark.parametrize("ignored", [0, 1])
def test_a_layer_that_does_nothing_carries_nothing(ignored, data):
    weights = trained()
    ignore(weights.model, ignored)
    result = run("swapping", weights, data, settings=SETTINGS)
    unused, used = str(ignored + 1), str(2 - ignored)
    for name in ("thickness", "class", "pixels"):
        for image in ("a", "b"):
            value = number(result, unused, name, image)
            assert value == number(result, "none", name, image)
            value = number(result, used, name, image)
            assert value == number(result, "1+2", name, image)
    assert np.array_equal(result.arrays[f"mixed_{unused}"], result.arrays["mixed_none"])


class Copy(torch.nn.Module):
    """An exact autoencoder: layer 1 is the left half of an image, layer 2 the right."""

    latent_sizes = (28 * 14, 28 * 14)

    def draw_noise(self, count, stream):
        return [torch.zeros(count, size) for size in self.latent_sizes]

    def infer(self, x, noise):
        del noise
        halves = [x[..., :14].flatten(1), x[..., 14:].flatten(1)]
        return halves, torch.zeros(len(x), 2)

    def residuals(self, latents):
        return latents

    def decode(self, noise):
        left, right = (layer.reshape(-1, 1, 28, 14) for layer in noise)
        return torch.cat([left, right], 3)


def test_what_an_exact_autoencoder_keeps_is_known(data):
    """All layers give A itself, none gives B, and one gives what its half shows."""
    weights = dataclasses.replace(trained(), model=Copy())
    result = run("swapping", weights, data, settings=SETTINGS)
    for name in ("thickness", "slant", "width"):
        assert number(result, "1+2", name, "a") == pytest.approx(1)
        assert number(result, "none", name, "b") == pytest.approx(1)
        assert abs(number(result, "none", name, "a")) < 4 / np.sqrt(40)
    assert number(result, "1+2", "pixels", "a") == 1
    assert number(result, "none", "pixels", "a") == 0
    stored = data.images("test") / np.float32(255)
    asked = context("swapping", weights, data, settings=SETTINGS)
    a, b = (stored[side] for side in swapping._pairs(asked, weights.stream("swapping")))
    apart = (a - b) ** 2
    nearer = apart[..., 14:].sum((1, 2, 3)) < apart[..., :14].sum((1, 2, 3))
    assert number(result, "1", "pixels", "a") == pytest.approx(nearer.mean())
    top, left = result.arrays["a"], result.arrays["b"]
    found = result.arrays["mixed_1"].reshape(4, 4, *top.shape[1:])[1, 2]
    assert np.array_equal(
        found, np.concatenate([top[2, ..., :14], left[1, ..., 14:]], 2)
    )
    # Straight lines would pass through the mean; the ends are the images themselves.
    path = result.arrays["path_2"].reshape(3, 5, *top.shape[1:])
    for row, share in ((path[0, -1], 1), (path[2, 0], None)):
        assert np.array_equal(row[..., 14:], top[1, ..., 14:])
        half = left[1] if share else top[1]
        assert np.abs(row[..., :14].astype(int) - half[..., :14]).max() <= 1


def test_the_class_counts_where_the_true_classes_differ(data, monkeypatch):
    """With a classifier that is right about the originals."""
    weights = dataclasses.replace(trained(), model=Copy())
    truth = data.table("test")["label"].to_numpy()
    known = {
        image.tobytes(): label
        for image, label in zip(data.images("test"), truth, strict=True)
    }

    def classify(classifier, images):
        rows = grey_levels(images)
        named = [known.get(row.tobytes(), 0) for row in rows]
        return np.eye(10)[named]

    monkeypatch.setattr("vlae.experiments._properties.classify", classify)
    result = run("swapping", weights, data, settings=SETTINGS)
    assert number(result, "1+2", "class", "a") == 1
    assert number(result, "1+2", "class", "b") == 0
    assert number(result, "none", "class", "b") == 1
    rows = swapping._pairs(
        context("swapping", weights, data, settings=SETTINGS),
        weights.stream("swapping"),
    )
    differ = int((truth[rows[0]] != truth[rows[1]]).sum())
    assert differ < 40
    assert number(result, "none", "class", "a", "pairs") == differ
    assert number(result, "none", "thickness", "a", "pairs") == 40
    # Within the class the class counts for nothing.
    for name in ("thickness", "width"):
        part = f"{name}_within_class"
        assert number(result, "1+2", part, "a") == pytest.approx(1)
        assert number(result, "none", part, "b") == pytest.approx(1)
        assert number(result, "none", part, "b", "part_of") == name
        assert number(result, "none", part, "b", "pairs") == 40


def test_intervals_hold_the_value_and_an_unsure_classifier_is_withheld(data):
    result = run("swapping", trained(), data, settings=SETTINGS)
    table = result.table[~result.table["withheld"]]
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    unsure = {**SETTINGS, "classifier_accuracy": 1.0}
    table = run("swapping", trained(), data, settings=unsure).table
    of_class = table["property"].str.contains("class")
    assert table.loc[of_class, "property"].nunique() == 4
    assert table.loc[of_class, "withheld"].all()
    assert table.loc[of_class, ["value", "low", "high"]].isna().to_numpy().all()
    assert not table.loc[~of_class, "withheld"].any()
    assert table.loc[of_class, "classifier_accuracy"].notna().all()


def test_attributes_are_counted_one_by_one(tmp_path):
    class Named:
        def __init__(self, inner):
            self.inner = inner

        def images(self, split):
            return self.inner.images(split)

        def table(self, split):
            table = self.inner.table(split)
            bald = (np.arange(len(table)) % 2).astype(int)
            return table.assign(Bald=bald, Hat=1 - bald)

    data = Named(prepared_strokes(tmp_path, 20, 120))
    facts = {"shape": list(SHAPE), "classes": 0, "attributes": ["Bald", "Hat"]}
    result = run(
        "swapping",
        trained(),
        data,
        settings=SETTINGS,
        classifier=random_classifier(**facts),
    )
    assert {"Bald", "Hat", "pixels"} < set(result.table["property"])
    for image in ("a", "b"):
        pairs = number(result, "1", "Bald", image, "pairs")
        assert 5 < pairs < 35
    a, b = (number(result, "1", "Bald", image) for image in ("a", "b"))
    assert a + b == pytest.approx(1), "an attribute has two values"


def test_data_without_classes_or_measures_have_pixels(data):
    result = run(
        "swapping", trained(), data, settings=SETTINGS, measures=[], classifier=None
    )
    assert set(result.table["property"]) == {"pixels"}
    assert result.table["value"].notna().all()


def test_too_few_images_are_refused(tmp_path):
    few = prepared_strokes(tmp_path, 20, 3)
    with pytest.raises(UserError, match="four held-out images, got 3"):
        run("swapping", trained(), few, settings=SETTINGS)


# Paths


def ends(size, count=50):
    stream = torch.Generator().manual_seed(size)
    return torch.randn(2, count, size, generator=stream, dtype=torch.float64)


@pytest.mark.parametrize("size", [1, 2, 3, 64])
def test_paths_begin_and_end_at_the_codes(size):
    start, end = ends(size)
    torch.testing.assert_close(between(start, end, 0.0), start)
    torch.testing.assert_close(between(start, end, 1.0), end)
    torch.testing.assert_close(between(start, start, 0.3), start)
    assert between(start, -start, 0.25).isfinite().all()
    zero = torch.zeros_like(start)
    torch.testing.assert_close(between(zero, end, 0.5), end / 2)


def test_paths_of_few_coordinates_are_straight():
    start, end = ends(2)
    torch.testing.assert_close(between(start, end, 0.25), 0.75 * start + 0.25 * end)


def test_paths_of_many_coordinates_turn_evenly_and_keep_their_length():
    start, end = ends(64)
    middle = between(start, end, 0.5)
    lengths = [code.norm(dim=1) for code in (start, middle, end)]
    torch.testing.assert_close(lengths[1], (lengths[0] + lengths[2]) / 2)
    cosines = [torch.cosine_similarity(middle, code) for code in (start, end)]
    torch.testing.assert_close(*cosines)
    # A straight line would be shorter than nearly all draws of the prior.
    straight = ((start + end) / 2).norm(dim=1).mean()
    assert straight < 0.8 * lengths[1].mean()
    assert lengths[1].mean() == pytest.approx(8, rel=0.05)
