"""Scores of known factors, on codes that read them from the data set's table."""

import dataclasses

import numpy as np
import pytest
import torch
from experiments_helpers import context, trained
from experiments_helpers import run as run_experiment
from helpers import prepared_strokes, run_of, spec

from vlae.data.datasets import colour_strokes, strokes
from vlae.experiments import disentanglement
from vlae.statistics.known_factors import MIN_IMAGES

COUNT = 1200
NAMES = ["class", "thickness", "slant", "width", "shift_x", "shift_y"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("digits"), 20, COUNT)


class Reader(torch.nn.Module):
    """Each layer's code is some columns of the table of held-out images."""

    def __init__(self, table, layers):
        super().__init__()
        self.codes = [
            torch.tensor(table[names].to_numpy("float32")) for names in layers
        ]
        self.rows = 0
        self.latent_sizes = [len(names) for names in layers]

    def draw_noise(self, count, generator):
        return [torch.zeros(count, size) for size in self.latent_sizes]

    def infer(self, x, noise):
        rows = slice(self.rows, self.rows + len(x))
        self.rows += len(x)
        return [code[rows] for code in self.codes], None


def scores(data, layers, images=COUNT):
    run = run_of(spec(), Reader(data.table("test"), layers))
    settings = {"images": images}
    table = run_experiment("disentanglement", run, data, settings=settings).table
    assert [*table.columns] == disentanglement.COLUMNS
    return table.set_index(["units", "score", "property"]).sort_index()


@pytest.fixture(scope="module")
def aligned(digits):
    """Continuous factors one by one, two of them in one layer."""
    return scores(digits, [["thickness"], ["slant", "width"], ["shift_x"]])


def test_a_code_that_is_some_factors_holds_them_one_by_one(aligned):
    value = aligned["value"]
    for units in disentanglement.UNITS:
        for name in ("thickness", "slant", "width", "shift_x"):
            assert value[units, "sap", name] > 0.9
            assert value[units, "sap", "shift_y"] < 0.1
            assert value[units, "mig", name] > 0.55
        assert value[units, "mig", "shift_y"] < 0.1
        # The class and shift_y are in no unit.
        assert value[units, "sap", ""] == pytest.approx(4 / 6, abs=0.08)
    assert value["layers", "completeness", ""] == pytest.approx(4 / 6, abs=0.1)


def test_the_factor_vae_score_has_its_chance_and_its_maximum(aligned):
    found = aligned.xs("factor_vae", level="score").droplevel("property")
    assert found["chance"].tolist() == pytest.approx([1 / 6] * 2)
    assert found["maximum"].to_dict() == pytest.approx(
        {"layers": 3 / 6, "coordinates": 4 / 6}
    )
    # Votes for the two factors that no unit holds are spread over others.
    assert 0.6 < found["value"]["coordinates"] <= 4 / 6 + 0.03
    assert 0.4 < found["value"]["layers"] <= 3 / 6 + 0.03
    rounding = 1e-9
    assert (found["low"] <= found["value"] + rounding).all()
    assert (found["value"] <= found["high"] + rounding).all()


def test_all_independent_factors_are_asked_for(aligned, digits):
    named = aligned.xs(("layers", "sap")).index
    assert sorted(named) == sorted(["", *NAMES])
    assert set(aligned["reason"]) == {""}
    assert set(aligned["images"]) == {COUNT}
    assert digits.card["factors"] == ["label", *NAMES[1:]]


@pytest.mark.parametrize("module", [strokes, colour_strokes])
def test_factors_that_a_built_in_set_names_do_not_depend_on_one_another(module):
    _, table = module.draw(4000, 0)
    named = list(module._SEQUENCE.factors)
    assert "variant" not in named, "it depends on the label"
    assert set(named) < set(module.COLUMNS)
    among = table[named].astype(float).corr().to_numpy() - np.eye(len(named))
    # The largest of many correlations of 4,000 independent rows.
    assert abs(among).max() < 5 / 4000**0.5


@pytest.mark.parametrize(
    ("card", "images", "reason"),
    [
        ({}, COUNT, "strokes names no factors that it was drawn from"),
        ({"factors": []}, COUNT, "strokes names no factors"),
        ({"factors": NAMES[1:]}, 500, f"500 held-out images; {MIN_IMAGES} are needed"),
        ({"factors": ["slant"]}, COUNT, "1 factors vary among 1200 images"),
    ],
)
def test_what_cannot_be_scored_is_nan_with_a_reason(digits, card, images, reason):
    facts = {name: fact for name, fact in digits.card.items() if name != "factors"}
    other = dataclasses.replace(digits, card={**facts, **card})
    settings = {"images": images}
    table = run_experiment("disentanglement", trained(), other, settings=settings).table
    assert table["value"].isna().all()
    assert table["reason"].str.startswith(reason).all()
    assert set(table["score"]) == set(disentanglement.SCORES)


def test_a_single_layer_is_not_compared_with_others(digits):
    found = scores(digits, [["thickness", "slant"]])
    layers = found.xs("layers")
    assert layers["value"].isna().all()
    assert set(layers["reason"]) == {"the model has one of the layers; 2 are needed"}
    coordinates = found.xs("coordinates")
    assert coordinates["value"]["sap", "slant"] > 0.9


def test_codes_of_a_model_are_draws_that_follow_from_the_seed(digits):
    asked = context("disentanglement", trained(), digits)
    first, again = (disentanglement._codes(asked) for _ in range(2))
    assert [layer.shape for layer in first] == [(1000, 2), (1000, 3)]
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    table = disentanglement.run(asked).table
    assert table["value"].notna().all()
    assert set(table["units"]) == set(disentanglement.UNITS)
