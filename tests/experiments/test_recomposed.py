"""Figure 1's experiment: what is cut, what is put together, and what is measured."""

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from experiments_helpers import random_classifier, run, trained, with_data_noise
from helpers import GENERATIVE, SHAPE, run_of

from vlae.config.run_spec import DataFacts
from vlae.data.noise import observe
from vlae.experiments import recomposed as module
from vlae.experiments.recomposed import (
    ARMS,
    COLUMNS,
    DIRECTIONS,
    PARTS,
    classes,
    crossed,
    grouped,
    moved,
    parts,
    recomposed,
)
from vlae.statistics.intervals import bootstrap
from vlae.system.errors import UserError

CLASSES = 5


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer resamples: what an interval covers is tested elsewhere."""
    monkeypatch.setattr(module, "bootstrap", partial(bootstrap, resamples=50))


class Labelled:
    """Noisy images of a table's labels: the grey level of an image tells its number."""

    def __init__(self, labels, shape=SHAPE, seed=0):
        self.labels = labels
        stream = np.random.default_rng(seed)
        count = len(next(iter(labels.values())))
        self.pixels = stream.integers(0, 256, (count, *shape), dtype=np.uint8)

    def images(self, split):
        assert split == "test"
        return self.pixels

    def table(self, split):
        assert split == "test"
        return pd.DataFrame(self.labels)


def labelled(per_class=12):
    return Labelled({"label": np.tile(np.arange(CLASSES), per_class)})


def measured(weights=None, data=None, **changes):
    data = data or labelled()
    classifier = changes.pop("classifier", random_classifier(classes=CLASSES))
    return run(
        "recomposed", weights or trained(), data, classifier=classifier, **changes
    )


# What is cut and put together


@pytest.mark.parametrize("kind", ["quarters", "bands"])
@pytest.mark.parametrize("size", [(28, 28), (7, 9)])
def test_parts_cover_every_pixel_once(kind, size):
    seen = np.zeros(size, int)
    places = parts(kind, *size)
    assert len(places) == PARTS
    for place in places:
        seen[place] += 1
    assert (seen == 1).all()


def test_quarters_and_bands_are_where_they_are_named():
    marks = np.zeros((4, 4), int)
    for part, place in enumerate(parts("quarters", 4, 4)):
        marks[place] = part
    assert marks.tolist() == [[0, 0, 1, 1]] * 2 + [[2, 2, 3, 3]] * 2
    for part, place in enumerate(parts("bands", 4, 4)):
        marks[place] = part
    assert marks.tolist() == [[p] * 4 for p in range(4)]


def test_an_image_has_a_part_of_each_of_four_images():
    images = np.arange(PARTS)[None, :, None, None, None] * np.ones((1, 1, 1, 4, 4), int)
    found = recomposed(images, parts("quarters", 4, 4))[0, :, 0]
    assert found[0].tolist() == [[0, 0, 1, 1]] * 2 + [[2, 2, 3, 3]] * 2
    assert found[3].tolist() == [[3, 3, 0, 0]] * 2 + [[1, 1, 2, 2]] * 2


def test_every_part_is_used_once_and_in_its_place():
    """At each pixel a group has the very grey levels that it had before."""
    images = np.random.default_rng(0).integers(0, 256, (6, PARTS, 3, 9, 7))
    found = recomposed(images, parts("quarters", 9, 7))
    assert np.array_equal(np.sort(found, 1), np.sort(images, 1))
    assert not np.array_equal(found, images)


def test_own_parts_are_moved_by_one_pixel_each_in_its_direction():
    rows, columns = np.indices((6, 6))
    images = np.stack([rows, columns])[None].astype(np.uint8)
    for kind, directions in DIRECTIONS.items():
        found = moved(images, kind)[0].astype(int)
        for place, (down, right) in zip(parts(kind, 6, 6), directions, strict=True):
            for seen, own, by in ((found[0], rows, down), (found[1], columns, right)):
                expected = np.clip(own[place] - by, 0, 5)  # the edge is repeated
                assert np.array_equal(seen[place], expected)


def test_moved_parts_leave_an_even_image_as_it_is():
    even = np.full((2, 3, 7, 9), 5, np.uint8)
    assert np.array_equal(moved(even, "quarters"), even)


def test_groups_are_of_one_class_and_use_no_image_twice():
    truth = np.random.default_rng(1).integers(0, CLASSES, 200)
    rows = grouped(truth, 100, seed=3)
    assert rows.shape == (100 // CLASSES // PARTS, CLASSES, PARTS)
    assert (truth[rows] == np.arange(CLASSES)[None, :, None]).all()
    assert len(np.unique(rows)) == rows.size
    assert np.array_equal(rows, grouped(truth, 100, seed=3))
    assert not np.array_equal(rows, grouped(truth, 100, seed=4))


def test_the_rarest_class_limits_all():
    truth = np.repeat([0, 1], [100, 11])
    assert grouped(truth, 1000, seed=0).shape == (2, 2, PARTS)


@pytest.mark.parametrize("truth", [np.zeros(50, int), np.repeat([0, 1], [50, 3])])
def test_too_few_images_or_classes_are_an_error(truth):
    with pytest.raises(UserError, match="two classes or more and 4 held-out"):
        grouped(truth, 40, seed=0)


def test_crossed_groups_are_of_several_classes_and_use_each_image_once():
    truth = np.random.default_rng(1).integers(0, CLASSES, 400)
    rows = grouped(truth, 200, seed=0).reshape(-1, PARTS)
    found = crossed(rows, CLASSES)
    assert found.shape == rows.shape
    assert np.array_equal(np.sort(found, None), np.sort(rows, None))
    assert all(len(set(group)) == PARTS for group in truth[found])


def test_the_most_evenly_split_attribute_makes_the_classes():
    facts = DataFacts(shape=SHAPE, classes=0, attributes=("rare", "even", "common"))
    table = np.array([[0, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1]])
    found, output = classes(table, facts)
    assert output == 1
    assert found.tolist() == [0, 1, 0, 1]
    labels = np.array([3, 1])
    facts = DataFacts(shape=SHAPE, classes=4, attributes=())
    assert classes(labels, facts) == (labels, None)


# What is measured


@pytest.mark.parametrize("model", GENERATIVE)
def test_table_and_arrays(model):
    result = measured(trained(model), settings={"images": 40, "shown": 23})
    table = result.table
    assert [*table.columns] == COLUMNS
    assert (table["count"] == 40).all()
    both = ["confidence", "confident", "accuracy", "elbo", "reconstruction"]
    both += ["kl_1", "kl_2", "unlikely"]
    for arm in ARMS:
        found = [*table.loc[table["images"] == arm, "measure"]]
        assert found == [m for m in both if m != "accuracy" or arm != "several_classes"]
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    intact = table["images"] == "intact"
    assert table.loc[intact, "difference"].isna().all()
    assert (table["difference_low"] <= table["difference_high"])[~intact].all()
    cut_from_several = table["images"].isin(["one_class", "several_classes"])
    assert table.loc[~cut_from_several, "beyond"].isna().all()
    assert (table["beyond_low"] <= table["beyond_high"])[cut_from_several].all()
    assert [*result.arrays][: len(ARMS)] == ARMS
    for arm in ARMS:
        assert result.arrays[arm].shape == (20, *SHAPE), "whole groups"
        assert result.arrays[arm].dtype == np.uint8
        for name in ("confidence", "elbo"):
            values = result.arrays[f"{name}_{arm}"]
            of_arm = table[table["images"] == arm].set_index("measure")
            assert values.shape == (40,)
            assert values.mean() == pytest.approx(of_arm.loc[name, "value"], rel=1e-5)


def test_results_follow_from_the_seed():
    first, again = measured(), measured()
    assert first.table.equals(again.table)
    for name, array in first.arrays.items():
        assert np.array_equal(array, again.arrays[name])
    assert not first.table.equals(measured(trained(seed=2)).table)


def test_elbo_is_that_of_the_model():
    weights, data = trained(), labelled()
    found = measured(weights, data)
    rows = grouped(data.labels["label"], 40, module.derive(1, "parts")).flatten()
    stream = weights.stream("recomposed")
    images = torch.tensor(data.pixels[rows])
    x, target = observe(images, weights.spec.data_noise, stream)
    with torch.no_grad():
        noise = weights.model.draw_noise(len(x), stream)
        terms = weights.model.terms(x, target, torch.zeros(len(x)), noise)
    expected = weights.model.summary(terms)["elbo"].numpy()
    assert found.arrays["elbo_intact"] == pytest.approx(expected, rel=1e-5)


def constant_classifier(output):
    """Sure of one class, whatever the image."""
    classifier = random_classifier(classes=CLASSES)
    with torch.no_grad():
        classifier.model.logits.affine.weight.zero_()
        classifier.model.logits.affine.bias.zero_()
        classifier.model.logits.affine.bias[output] = 20.0
    return classifier


def test_a_classifier_of_one_class_is_sure_and_right_of_that_one():
    table = measured(classifier=constant_classifier(2)).table.set_index(
        ["images", "measure"]
    )
    for arm in ARMS:
        assert table.loc[(arm, "confidence"), "value"] == pytest.approx(1, abs=1e-6)
        assert table.loc[(arm, "confident"), "value"] == 1
    for arm in ("intact", "one_class"):
        assert table.loc[(arm, "accuracy"), "value"] == 1 / CLASSES
    assert table.loc[("one_class", "accuracy"), "difference"] == 0


def test_attributes_are_decided_by_the_one_that_makes_the_classes():
    """A classifier that always says no to it, and yes to the other."""
    table = {"rare": np.repeat([1, 0], [4, 36]), "even": np.tile([0, 1, 1, 0], 10)}
    classifier = random_classifier(classes=0, attributes=["rare", "even"])
    with torch.no_grad():
        classifier.model.logits.affine.weight.zero_()
        classifier.model.logits.affine.bias.copy_(torch.tensor([20.0, -math.log(3)]))
    result = measured(data=Labelled(table), classifier=classifier)
    found = result.table.set_index(["images", "measure"])["value"]
    assert found["intact", "confidence"] == pytest.approx(0.75)
    assert found["one_class", "accuracy"] == 0.5
    bands = recomposed(result.arrays["intact"][None, :PARTS], parts("bands", 28, 28))
    assert np.array_equal(result.arrays["one_class"][:PARTS], bands[0]), "auto"


def test_all_kinds_of_images_see_the_same_noise(monkeypatch):
    """So that a difference is that of the images: here there is none."""
    weights = with_data_noise(trained(), 0.3)
    monkeypatch.setattr(module, "recomposed", lambda images, places: images)
    table = measured(weights).table.set_index(["images", "measure"])
    assert table.loc[("one_class", "elbo"), "difference"] == 0
    assert table.loc[("one_class", "elbo"), "difference_high"] == 0


def test_the_unlikely_are_those_below_the_intact_ones():
    intact = np.arange(100.0).reshape(-1, PARTS)
    assert module._unlikely(intact, intact) == pytest.approx(0.05)
    assert module._unlikely(intact - 1000, intact) == 1
    assert module._unlikely(intact + 1000, intact) == 0


def test_the_difference_is_paired_group_by_group():
    """A shift of 1 for all images, whose spread is far larger, has no error."""
    before = {"elbo": np.random.default_rng(0).normal(0, 100, 80)}
    after = {"elbo": before["elbo"] - 1}
    moved = {"elbo": before["elbo"] - 0.25}
    (row, _) = module._rows(
        "one_class", after, {"intact": before, "moved_parts": moved}
    )
    found = dict(zip(COLUMNS, row, strict=True))
    assert found["difference"] == pytest.approx(-1)
    assert found["beyond"] == pytest.approx(-0.75)
    for name in ("difference", "beyond"):
        assert found[f"{name}_high"] - found[f"{name}_low"] < 1e-9
    assert found["high"] - found["low"] > 10


class Constant(torch.nn.Module):
    """The same image, whatever the features."""

    def forward(self, features):
        return torch.zeros(len(features), *SHAPE)


def test_a_model_of_pixels_one_by_one_does_not_notice():
    """Every part of a group is used once, so that each mean is what it was."""
    weights = trained()
    weights.model.likelihood.mean = Constant()
    table = measured(weights).table.set_index(["images", "measure"])
    for arm in ("one_class", "several_classes"):
        found = table.loc[(arm, "reconstruction")]
        for bound in ("difference", "difference_low", "difference_high"):
            assert found[bound] == pytest.approx(0, abs=1e-3)
        assert table.loc[(arm, "kl_1"), "difference"] != 0, "other images"


class Wholes(torch.nn.Module):
    """Likes images of one grey level: its ELBO is minus the variance of the pixels."""

    latent_sizes = (1,)

    def draw_noise(self, count, generator):
        return [torch.zeros(count, 1)]

    def terms(self, x, target, labels, noise):
        return {
            "reconstruction": -x.flatten(1).var(1, correction=0),
            "kl_1": torch.zeros(len(x)),
        }

    def summary(self, terms):
        return {**terms, "elbo": terms["reconstruction"]}


def test_a_model_of_wholes_notices():
    """Of images of one grey level each, by the variance between the four."""
    data = labelled()
    levels = np.random.default_rng(0).integers(0, 256, len(data.pixels))
    data.pixels[:] = levels[:, None, None, None]
    table = measured(run_of(trained().spec, Wholes()), data).table.set_index(
        ["images", "measure"]
    )
    rows = grouped(data.labels["label"], 40, module.derive(1, "parts"))
    groups = rows.reshape(-1, PARTS)
    for arm, found in (
        ("one_class", groups),
        ("several_classes", crossed(groups, CLASSES)),
    ):
        expected = -(levels[found] / 255).var(1).mean()
        assert table.loc[(arm, "elbo"), "difference"] == pytest.approx(
            expected, rel=1e-4
        )
        assert table.loc[(arm, "unlikely"), "value"] == 1
        assert (
            table.loc[(arm, "elbo"), "beyond"] == table.loc[(arm, "elbo"), "difference"]
        )
    moved_parts = table.loc[("moved_parts", "elbo"), "difference"]
    assert moved_parts == pytest.approx(0, abs=1e-9), "of one grey level, no seam"
