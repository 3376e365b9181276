"""Few labels, on codes that hold the class in one layer."""

import dataclasses

import msgspec
import numpy as np
import pytest
import torch
from experiments_helpers import run as run_experiment
from experiments_helpers import trained
from helpers import prepared_strokes, run_of, spec

from vlae.config.experiment_outputs import CODES, COMPONENTS
from vlae.experiments import few_labels

COLUMNS = [
    *("features", "layer", "dimension", "labels", "repeat", "accuracy"),
    *("chance", "reason"),
]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("digits"), 400, 300)


class Knowing(torch.nn.Module):
    """Layer 2 is the class, layer 1 noise: it knows all images of the data set."""

    latent_sizes = (2, 10)

    def __init__(self, data):
        super().__init__()
        self.labels = {}
        for split in ("train", "test"):
            labels = data.table(split)["label"]
            for image, label in zip(data.images(split), labels, strict=True):
                self.labels[image.tobytes()] = label

    def infer(self, x, noise):
        assert all((part == 0).all() for part in noise), "means, not draws"
        images = (x * 255).round().byte().numpy()
        labels = [self.labels[image.tobytes()] for image in images]
        stream = torch.Generator().manual_seed(len(x))
        return [torch.randn(len(x), 2, generator=stream), torch.eye(10)[labels]], None


@pytest.fixture(scope="module")
def table(digits):
    settings = {"images": 250, "pool": 350, "labels": [100, 10], "repeats": 3}
    run = run_of(spec(), Knowing(digits))
    return run_experiment("few_labels", run, digits, settings=settings).table


def mean(table, **wanted):
    chosen = table
    for name, value in wanted.items():
        chosen = chosen[chosen[name] == value]
    assert len(chosen) == 3
    return chosen["accuracy"].mean()


def test_the_layer_that_holds_the_class_needs_one_label_each(table):
    for count in (10, 100):
        assert mean(table, features=CODES, layer=2, labels=count) == 1
        assert mean(table, features=CODES, layer=1, labels=count) < 0.25
    assert mean(table, features=CODES, layer=0, labels=100) > 0.97


def test_components_of_as_many_dimensions_stand_beside_them(table):
    assert [*table.columns] == COLUMNS
    components = table[table["features"] == COMPONENTS]
    assert sorted(components["dimension"].unique()) == [2, 10, 12]
    codes = table[table["features"] == CODES]
    sizes = codes.groupby("layer")["dimension"].unique()
    assert [list(found) for found in sizes] == [[12], [2], [10]]
    few = mean(table, features=COMPONENTS, dimension=12, labels=10)
    many = mean(table, features=COMPONENTS, dimension=12, labels=100)
    assert 0.15 < few < many - 0.1


def test_chance_is_to_name_the_most_frequent_class(table):
    (chance,) = table["chance"].unique()
    assert 0.1 < chance < 0.2
    assert set(table["reason"]) == {""}


def test_all_features_learn_from_the_same_labels(digits, monkeypatch):
    seen = []

    def accuracy(known, labels, asked, truth):
        seen.append((labels.tolist(), len(known), len(asked), truth.tolist()))
        return 0.5

    monkeypatch.setattr(few_labels, "few_label_accuracy", accuracy)
    settings = {"images": 30, "pool": 100, "labels": [20], "repeats": 2}
    run_experiment("few_labels", trained(), digits, settings=settings)
    each = len(seen) // 2
    assert each == 6, "two layers, both, and three numbers of components"
    assert all(found == seen[0] for found in seen[:each])
    assert all(found == seen[-1] for found in seen[each:])
    assert seen[0] != seen[-1]
    assert seen[0][1:3] == (20, 30)
    assert np.bincount(seen[0][0], minlength=10).tolist() == [2] * 10


def test_features_keep_their_relative_scales():
    pool = np.array([[0.0, 0.0], [2.0, 20.0]]) + 5
    scaled, other = few_labels._scaled(pool, pool + 1)
    assert scaled.mean(0) == pytest.approx([0, 0])
    assert scaled.var(0).mean() == pytest.approx(1)
    assert scaled[1, 1] / scaled[1, 0] == pytest.approx(10)
    assert (other - scaled)[0, 0] == pytest.approx(1 / (50.5**0.5))
    constant, _ = few_labels._scaled(np.ones((3, 2)), pool)
    assert (constant == 0).all()


# What cannot be done


def test_data_without_classes_are_left_out_with_a_reason(digits):
    weights = trained()
    facts = msgspec.structs.replace(weights.spec.data, classes=0)
    other = dataclasses.replace(weights, spec=weights.spec.replace(data=facts))
    table = run_experiment("few_labels", other, digits, classifier=None).table
    assert [*table.columns] == COLUMNS
    assert table["reason"].tolist() == ["strokes has no classes"]
    assert table["accuracy"].isna().all()


def test_more_labels_than_images_are_left_out_with_a_reason(digits):
    settings = {"images": 30, "pool": 50, "labels": [20, 51], "repeats": 1}
    table = run_experiment("few_labels", trained(), digits, settings=settings).table
    missing = table[table["accuracy"].isna()]
    assert missing["reason"].tolist() == ["51 labels; the pool has 50 training images"]
    assert missing["labels"].tolist() == [51]
    assert set(table["labels"]) == {20, 51}


def test_a_pool_of_one_class_teaches_nothing(digits, monkeypatch):
    monkeypatch.setattr(
        few_labels, "targets", lambda table, data: np.zeros(len(table), int)
    )
    table = run_experiment("few_labels", trained(), digits).table
    assert table["reason"].tolist() == ["the 20 images of the pool have one class"]
