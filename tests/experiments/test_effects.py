"""The effects of layers: what it redraws, whom it asks, what it withholds."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from experiments_helpers import (
    context,
    effects,
    ignore,
    random_classifier,
    run,
    trained,
)
from helpers import run_of, spec

from vlae.experiments import _properties
from vlae.experiments._effects import COLUMNS, NUMBERS
from vlae.experiments._properties import classifier_accuracies
from vlae.training.trained_run import classify

MEASURES = ["thickness", "slant", "width", "ink"]
WITHIN = [f"{name}_within_class" for name in MEASURES[:3]]
COLOURS = ["mean_colour", "mean_luminance", "mean_chromaticity", "contrast"]


@pytest.mark.parametrize(
    ("measures", "properties"),
    [
        ([], ["pixels", "class"]),
        (["strokes"], ["pixels", *MEASURES, "class", *WITHIN]),
        (
            ["colour", "strokes"],
            ["pixels", *COLOURS, *MEASURES, "class", *WITHIN],
        ),
    ],
)
def test_effects_has_a_row_per_layer_and_property(measures, properties, data):
    table = effects(trained(), data, measures=measures)
    assert [*table.columns] == COLUMNS
    rows = [*zip(table["layer"], table["property"], strict=True)]
    assert rows == [(layer, name) for layer in (1, 2) for name in properties]
    parts = {name: name.removesuffix("_within_class") for name in WITHIN}
    parts |= dict.fromkeys(["mean_luminance", "mean_chromaticity"], "mean_colour")
    assert [*table["part_of"]] == [parts.get(name, "") for _, name in rows]
    defined = table["total_effect"].dropna()
    assert len(defined)
    # An index is at most 2 for an even number of exchangeable draws.
    assert defined.between(0, 2 + 1e-9).all()


@pytest.mark.parametrize("ignored", [0, 1])
def test_effects_of_an_ignored_layer_are_zero_and_of_the_only_other_one(ignored, data):
    weights = trained()
    ignore(weights.model, ignored)
    count = 600
    settings = {"draws": count}
    table = effects(weights, data, settings=settings, measures=[])
    found = table.set_index(["layer", "property"])["total_effect"]
    nothing, all_of_it = found[ignored + 1], found[2 - ignored]
    assert nothing["pixels"] == 0
    assert not nothing["class"] > 0  # nan if the classifier names one class only
    # An independent redraw has index 1: the error is that of a sample's variance,
    # which for pixels between black and white is at most that of a Gaussian.
    error = 5 * math.sqrt(2 * 2 / count)
    assert all_of_it["pixels"] == pytest.approx(1, abs=error)
    by_place = table.set_index(["layer", "property"])
    first, gain = by_place["first_order"], by_place["first_gain"]
    assert math.isnan(gain[1]["pixels"])
    assert gain[2]["pixels"] == pytest.approx(first[2]["pixels"] - first[1]["pixels"])
    assert first[2 - ignored]["pixels"] == 1
    assert first[ignored + 1]["pixels"] == pytest.approx(0, abs=error)


@pytest.mark.parametrize("model", ["vlae", "hvae"])
def test_effects_redraws_one_layer_at_a_time(model, data, decoded):
    effects(trained(model), data)
    first, second, *mixed = decoded
    assert len(mixed) == len(first) == 2
    for layer, parts in enumerate(mixed):
        for index, part in enumerate(parts):
            of_second = index == layer
            assert torch.equal(part, second[index]) == of_second
            assert torch.equal(part, first[index]) != of_second
            assert (first[index] != second[index]).all()


class Relabelled:
    """Data whose labels, or attributes, are what a classifier names."""

    def __init__(self, data, table):
        self.data, self.found = data, table

    def images(self, split):
        return self.data.images(split)

    def table(self, split):
        return self.found


def named(classifier, data):
    images = torch.tensor(np.array(data.images("test"))).float() / 255
    return classify(classifier, images)


def test_accuracy_of_the_classifier_on_held_out_images(data):
    classifier = random_classifier()
    classes = named(classifier, data).argmax(1)
    wrong = classes.copy()
    wrong[:5] = (wrong[:5] + 1) % 10
    for labels, expected in ((classes, 1.0), (wrong, 1 - 5 / len(wrong))):
        relabelled = Relabelled(data, pd.DataFrame({"label": labels}))
        found = classifier_accuracies(
            context("generation", trained(), relabelled, classifier=classifier)
        )
        # Class means need a classifier as good as the class does.
        assert found == dict.fromkeys(["class", *WITHIN], pytest.approx(expected))


def test_attributes_are_scored_by_balanced_accuracy(data, monkeypatch):
    """One always right, one always `no`, one that no image has."""
    monkeypatch.setattr(_properties, "MIN_IMAGES_PER_VALUE", 1)
    classifier = random_classifier(classes=0, attributes=["right", "never", "absent"])
    has = (named(classifier, data) > 0.5).astype(int)
    classifier.model.logits.affine.bias.data[1:] = -1e6
    rare = np.zeros(len(has), int)
    rare[0] = 1
    table = pd.DataFrame({"right": has[:, 0], "never": rare, "absent": 0 * rare})
    assert 0 < has[:, 0].mean() < 1, "the tiny classifier names both"
    relabelled = Relabelled(data, table)
    found = classifier_accuracies(
        context("generation", trained(), relabelled, classifier=classifier)
    )
    assert found["right"] == 1
    assert found["never"] == 0.5, "19 of 20 right, but none of those that have it"
    assert np.isnan(found["absent"])

    settings = {"classifier_accuracy": 0.9}
    table = effects(
        trained(),
        relabelled,
        classifier=classifier,
        settings=settings,
        measures=[],
    ).set_index("property")
    assert table.loc["right", "total_effect"].notna().all()
    for name in ("never", "absent"):
        numbers = table.loc[name, NUMBERS]
        assert numbers.isna().all(axis=None), name
        assert table.loc[name, "withheld"].all()
    assert not table.loc["right", "withheld"].any()
    monkeypatch.setattr(_properties, "MIN_IMAGES_PER_VALUE", 2)
    again = classifier_accuracies(
        context("generation", trained(), relabelled, classifier=classifier)
    )
    assert np.isnan(again["never"]), "one example is too few"


@pytest.mark.parametrize(("threshold", "shown"), [(0.5, True), (0.95, False)])
def test_class_is_withheld_where_the_classifier_errs(data, threshold, shown):
    classifier = random_classifier()
    labels = named(classifier, data).argmax(1)
    labels[:2] = (labels[:2] + 1) % 10  # 90 % right
    relabelled = Relabelled(data, pd.DataFrame({"label": labels}))
    settings = {"classifier_accuracy": threshold, "draws": 200}
    table = effects(trained(), relabelled, classifier=classifier, settings=settings)
    rows = table[table["property"] == "class"]
    assert rows["total_effect"].notna().all() == shown
    assert rows["classifier_accuracy"].to_numpy() == pytest.approx(0.9)
    assert table.loc[table["property"] == "pixels", "total_effect"].notna().all()


def stability(trained_run, data, **changes):
    """Return the table of the experiment `stability`."""
    return run("stability", trained_run, data, **changes).table


class Figure5(torch.nn.Module):
    """Layer 1 is how wide a digit is for its class, layer 2 is the class."""

    latent_sizes = (1, 1)
    means = np.array([-1.0, 0.5, 2.0])

    def draw_noise(self, count, generator):
        return [torch.randn(count, 1, generator=generator) for _ in self.latent_sizes]


def exact_figure5(monkeypatch, data, table_of=effects, **settings):
    """Return a table of a model in which all is known."""

    def properties(context, noise):
        offset, code = (part[:, 0].double().numpy() for part in noise)
        third = scipy.stats.norm.ppf([1 / 3, 2 / 3])
        named = np.digitize(code, third)
        wide = Figure5.means[named] + 0.8 * offset
        return {"pixels": wide, "width": wide, "class": np.eye(3)[named]}

    monkeypatch.setattr(_properties, "decode", lambda run, noise: noise)
    monkeypatch.setattr(_properties, "properties", properties)
    monkeypatch.setattr(_properties, "measured_within_class", lambda context: ["width"])
    chosen = {"draws": 8000, "classifier_accuracy": 0.0, **settings}
    return table_of(run_of(spec(), Figure5()), data, settings=chosen)


def test_effects_raw_and_within_the_class(monkeypatch, data):
    table = exact_figure5(monkeypatch, data).set_index(["property", "layer"])
    between = Figure5.means.var()
    shares = np.array([0.64, between]) / (0.64 + between)
    for name in ("total_effect", "first_order"):
        found = table[name]
        assert found["width"].to_numpy() == pytest.approx(shares, abs=0.04)
        inner = found["width_within_class"].to_numpy()
        assert inner == pytest.approx([1, 0], abs=0.05)
        assert found["class"].to_numpy() == pytest.approx([0, 1], abs=0.05)
    lead = table["lead"]
    assert lead["width", 2] == pytest.approx(shares[1] - shares[0], abs=0.06)
    assert table.loc[("width", 2), "lead_low"] > 0, "raw, the class decides"
    assert table.loc[("width_within_class", 1), "lead_low"] > 0.9
    assert table.loc[("width_within_class", 1), "first_lead_low"] > 0.9
    assert table.loc[("width_within_class", 2), "lead_high"] < -0.9


def test_what_is_within_the_class_is_withheld_with_the_class(monkeypatch, data):
    settings = {"classifier_accuracy": 0.9, "draws": 100}
    table = exact_figure5(monkeypatch, data, **settings).set_index("property")
    for name in ("class", "width_within_class"):
        assert table.loc[name, "withheld"].all()
        assert table.loc[name, NUMBERS].isna().all(axis=None)
    above = table.loc["width"].query("layer > 1")  # the lowest has no gain
    assert above[NUMBERS].notna().all(axis=None)
    rest = exact_figure5(monkeypatch, data, stability, **settings)
    assert {*rest["property"]} == {"width"}


def test_stability_raw_and_within_the_class(monkeypatch, data):
    settings = {"draws": 2000, "pairs": 200}
    table = exact_figure5(monkeypatch, data, stability, **settings)
    assert "pixels" not in {*table["property"]}
    parts = table[table["property"] == "width_within_class"]
    assert {*parts["part_of"]} == {"width"}
    found = table.set_index(["score", "layer", "property"])["value"]
    assert found["total", 2, "width"] > 0.6
    assert found["total", 2, "width_within_class"] < 0.01
    assert found["ratio", 1, "width_within_class"] == pytest.approx(1, abs=0.05)
    for name in ("width", "width_within_class"):
        assert found["sign", 1, name] == 1
    assert "class" not in {*table.loc[table["score"] == "sign", "property"]}


def test_a_single_layer_leads_nobody(data, monkeypatch):
    monkeypatch.setattr(Figure5, "latent_sizes", (2,))
    monkeypatch.setattr(_properties, "decode", lambda run, noise: noise[0])
    monkeypatch.setattr(
        _properties, "properties", lambda context, codes: {"pixels": codes.numpy()}
    )
    model = run_of(spec(), Figure5())
    monkeypatch.setattr(
        Figure5, "draw_noise", lambda self, n, g: [torch.randn(n, 2, generator=g)]
    )
    table = effects(model, data, classifier=None)
    assert len(table) == 1
    assert table[["lead", "first_lead"]].isna().all(axis=None)
    assert table["total_effect"].notna().all()


def test_without_a_classifier_the_rest_is_measured(data):
    table = effects(trained(), data, classifier=None)
    assert "class" not in set(table["property"])
    assert table["classifier_accuracy"].isna().all()


def test_intervals_hold_the_effects_and_narrow_with_the_draws(data):
    weights = trained()
    few, many = (
        effects(weights, data, settings={"draws": n}, measures=[]) for n in (100, 1600)
    )
    for table in (few, many):
        known = table.dropna(subset=NUMBERS)
        for name in ("total", "first"):
            value = known["total_effect" if name == "total" else "first_order"]
            assert (known[f"{name}_low"] <= value).all()
            assert (value <= known[f"{name}_high"]).all()
    wide, narrow = ((t["total_high"] - t["total_low"]) for t in (few, many))
    ratio = (wide / narrow)[few["property"] == "pixels"]
    assert ratio.between(2.4, 6.5).all(), "four times as narrow, but for chance"
