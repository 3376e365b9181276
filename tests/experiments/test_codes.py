"""The experiments `codes` and `stability` on models whose answer is known."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from experiments_helpers import context, random_classifier, trained
from experiments_helpers import run as run_experiment
from helpers import prepared_strokes, run_of, spec

from vlae.config.experiment_outputs import WIDE_CODES_SCORE
from vlae.experiments import _properties, codes, stability

COUNT = 400


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("digits"), 20, COUNT)


class Reader(torch.nn.Module):
    """Layer 1 of the code is the thickness, the class and noise are layer 2."""

    def __init__(self, table, order=(0, 1)):
        super().__init__()
        thick = torch.tensor(table["thickness"].to_numpy(), dtype=torch.float32)
        self.codes = [thick[:, None], torch.tensor(table[["label"]].to_numpy()).float()]
        self.order, self.rows = order, 0
        self.latent_sizes = [(1, 2)[i] for i in order]

    def draw_noise(self, count, generator):
        shape = {"generator": generator}
        return [torch.randn(count, size, **shape) for size in self.latent_sizes]

    def infer(self, x, noise):
        rows = slice(self.rows, self.rows + len(x))
        self.rows += len(x)
        first, second = (code[rows] for code in self.codes)
        aside = noise[self.order.index(1)][:, :1]
        parts = [first, torch.cat([second, aside], 1)]
        return [parts[i] for i in self.order], None


@pytest.fixture(scope="module")
def read(digits):
    """The table for each order of the layers."""
    return {order: reading(digits, order) for order in ((0, 1), (1, 0))}


def reading(digits, order):
    model = Reader(digits.table("test"), order)
    run = run_of(spec(), model)
    settings = {"images": COUNT, "classifier_accuracy": 2.0}  # nobody is trusted
    found = run_experiment("codes", run, digits, settings=settings).table
    return found.set_index(["score", "layer", "property"]).sort_index()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_each_layer_knows_what_is_in_its_code(read, order):
    table = read[order]
    thick, label = (order.index(i) + 1 for i in (0, 1))
    value = table["value"]
    for kind in ("linear", "trees"):
        assert value[kind, thick, "thickness"] > 0.95
        assert value[kind, label, "thickness"] < 0.3
    # A number of ten values is no linear code of ten classes.
    assert value["trees", label, "class"] > 0.95
    assert value["trees", thick, "class"] < 0.1
    assert value["mig", 0, "thickness"] > 0.3
    assert value["mig", 0, "class"] > 0.3
    assert value["completeness", 0, "class"] > 0.9
    assert value["completeness", 0, "thickness"] > 0.9
    assert table.loc[("trees", thick, "thickness"), "low"] > 0.9


def test_codes_are_scored_on_what_the_data_know(read):
    table = read[0, 1].reset_index()
    assert [*codes.COLUMNS] == [
        *("score", "layer", "property", "value", "low", "high", "known")
    ]
    known = table[table["known"]]["property"].unique()
    measures = ["thickness", "slant", "width"]
    inner = [f"{name}_within_class" for name in measures]
    assert {*known} == {*measures, *inner, "class"}
    assert "ink" in set(table["property"]), "measured"
    assert WIDE_CODES_SCORE not in set(table["score"]), "no classifier to be trusted"
    bounds = table[table["score"].isin(["linear", "trees"])]
    assert (bounds["low"] <= bounds["value"]).all()
    assert (bounds["value"] <= bounds["high"]).all()


def test_a_property_within_the_class_is_probed_and_is_no_factor(read):
    """Layer 1 knows the thickness within the class, layer 2 no more than the class."""
    table = read[0, 1].reset_index()
    name = "thickness_within_class"
    rows = table[table["property"] == name]
    assert {*rows["score"]} == {"information", "linear", "trees"}
    value = rows.set_index(["score", "layer"])["value"]
    for kind in ("linear", "trees"):
        assert value[kind, 1] > 0.9
        assert value[kind, 2] < 0.1
    factors = table.loc[table["score"] == "completeness", "property"]
    assert {*factors} == {"thickness", "slant", "width", "ink", "class"}
    # The gap of layer 1 is between thickness and the next factor, not its own part.
    shares = table[(table["score"] == "information") & (table["layer"] == 1)]
    shares = shares[shares["property"].isin(factors)]["value"].nlargest(2)
    gap = table[(table["score"] == "mig_sup") & (table["layer"] == 1)]["value"]
    assert gap.iloc[0] == pytest.approx(shares.iloc[0] - shares.iloc[1])


# Wide codes


class Bars(torch.nn.Module):
    """Draws bars: layer 2 says how wide they are, and which class is more frequent."""

    latent_sizes = (1, 1)
    sign = 1

    def draw_noise(self, count, generator):
        return [torch.randn(count, 1, generator=generator) for _ in self.latent_sizes]


@pytest.mark.parametrize("sign", [1, -1, 0])
def test_wide_codes_that_give_more_zeros(digits, monkeypatch, sign):
    """Width and class are given, so that the correlation is known."""

    def properties(context, noise):
        other, code = (part[:, 0].double().numpy() for part in noise)
        named = np.where(other > 0.7, 5, (other + sign * code < 0).astype(int))
        # Zeros are wide, whatever the code.
        return {"class": np.eye(10)[named], "width": code + 10.0 * (named == 0)}

    monkeypatch.setattr(_properties, "decode", lambda run, noise: noise)
    monkeypatch.setattr(_properties, "properties", properties)
    monkeypatch.setattr(_properties, "measured_within_class", lambda context: ["width"])
    monkeypatch.setattr(codes, "classifier_accuracies", lambda context: {"class": 1.0})
    run = run_of(spec(), Bars())
    found = codes._wide_codes(context("codes", run, digits), 2, 60, 40)
    assert found is not None
    if sign:
        assert sign * found.value > 0.9
        assert sign * (found.low if sign > 0 else found.high) > 0.8
    else:
        assert found.low < 0 < found.high, "and not that zeros are wide"


@pytest.mark.parametrize("changes", [{"layer": 3}, {"accuracy": 0.5}])
def test_wide_codes_need_a_layer_and_a_classifier(digits, monkeypatch, changes):
    accuracy = changes.get("accuracy", 1.0)
    monkeypatch.setattr(
        codes, "classifier_accuracies", lambda context: {"class": accuracy}
    )
    settings = {"classifier_accuracy": 0.9}
    asked = context("codes", trained(), digits, settings=settings)
    assert codes._wide_codes(asked, changes.get("layer", 2), 4, 4) is None


@pytest.mark.slow
def test_an_untrained_model_has_codes_of_every_kind(digits):
    """The whole experiment, with a classifier."""
    settings = {"images": COUNT}
    table = run_experiment(
        "codes", trained(), digits, classifier=random_classifier(), settings=settings
    ).table
    assert set(table["score"]) >= {
        *("linear", "trees", "information", "mig", "mig_sup"),
        *("disentanglement", "completeness", "informativeness", WIDE_CODES_SCORE),
    }
    assert [*table.columns] == codes.COLUMNS
    assert set(table["layer"]) == {0, 1, 2}


# Stability


class Greys(torch.nn.Module):
    """The image's grey is a given function of two layers' codes."""

    latent_sizes = (1, 2)

    def __init__(self, grey):
        super().__init__()
        self.grey = grey

    def draw_noise(self, count, generator):
        return [
            torch.randn(count, size, generator=generator) for size in self.latent_sizes
        ]

    def decode(self, noise):
        grey = self.grey(noise[0][:, 0], noise[1][:, 0])
        return grey[:, None, None, None].expand(-1, 1, 4, 4)


def steadiness(grey, data, **settings):
    run = run_of(spec(), Greys(grey))
    chosen = {"draws": 3000, "pairs": 300, **settings}
    found = run_experiment(
        "stability", run, data, classifier=None, measures=["colour"], settings=chosen
    ).table
    assert [*found.columns] == stability.COLUMNS
    return found.set_index(["score", "layer", "coordinate", "property"])["value"]


def test_effects_that_add_are_stable(data):
    found = steadiness(lambda a, b: 0.5 + 0.1 * a + 0.05 * b, data)
    assert found["total", 1, 0, "mean_colour"] == pytest.approx(0.8, abs=0.05)
    assert found["ratio", 1, 0, "mean_colour"] == pytest.approx(1, abs=0.1)
    assert found["ratio", 2, 0, "mean_colour"] == pytest.approx(1, abs=0.4)
    with pytest.raises(KeyError):
        found["sign", 1, 1, "mean_colour"]  # mean_colour is a vector


def test_effects_that_depend_on_each_other_are_not(data):
    found = steadiness(lambda a, b: 0.5 + 0.1 * a * b, data)
    for layer in (1, 2):
        assert found["total", layer, 0, "mean_colour"] == pytest.approx(1, abs=0.2)
        assert found["ratio", layer, 0, "mean_colour"] == pytest.approx(0, abs=0.2)


class Patterns(Greys):
    """The same for the contrast, which is one number."""

    def decode(self, noise):
        board = (torch.arange(16) // 4 + torch.arange(16)) % 2 * 2.0 - 1
        depth = self.grey(noise[0][:, 0], noise[1][:, 0])[:, None, None, None]
        return 0.5 + depth * board.reshape(1, 1, 4, 4)


@pytest.mark.parametrize(
    ("depth", "share"),
    [
        (lambda a, b: 0.3 + 0.01 * a + 0.01 * b, 1.0),
        (lambda a, b: 0.3 + 0.01 * a * b, 0.5),
        (lambda a, b: 0.3 + 0.01 * b, 0.0),
    ],
)
def test_direction_of_a_step(data, depth, share):
    run = run_of(spec(), Patterns(depth))
    settings = {"draws": 50, "pairs": 400, "coordinates": 2}
    table = run_experiment(
        "stability", run, data, classifier=None, measures=["colour"], settings=settings
    ).table
    signs = table[(table["score"] == "sign") & (table["property"] == "contrast")]
    found = signs.set_index(["layer", "coordinate"])["value"]
    assert found[1, 1] == pytest.approx(share, abs=0.08)
    assert found[2, 2] == 0, "the second coordinate of layer 2 does nothing"
    assert len(found) == 3
    # Wilson's interval of nothing ends at q / (n + q), q the square of the quantile:
    # of one coordinate at 95 %, of each of two at 97.5 %.
    ends = signs.set_index(["layer", "coordinate"])["high"]
    squared = scipy.stats.norm.ppf(1 - 0.025 / 2) ** 2
    assert ends[2, 2] == pytest.approx(squared / (400 + squared))
    if share == 0:
        squared = scipy.stats.norm.ppf(1 - 0.05 / 2) ** 2
        assert ends[1, 1] == pytest.approx(squared / (400 + squared))


def test_what_the_classifier_cannot_name_has_no_stability(data):
    tables = [
        run_experiment(
            "stability",
            trained(),
            data,
            measures=[],
            settings={"classifier_accuracy": level},
        ).table
        for level in (0.0, 2.0)
    ]
    assert [set(t["property"]) for t in tables] == [{"class"}, set()]
    assert isinstance(tables[1], pd.DataFrame) and tables[1].empty
