"""Mixing of chains: chains that mix at once, slowly, and never."""

import importlib

import numpy as np
import pytest
import torch
from exact_world import (
    CLASSES,
    ExactData,
    exact_classifier,
    exact_model,
    exact_run,
)
from experiments_helpers import context, trained
from helpers import prepared_strokes
from linear_gaussian import set_linear

from vlae.experiments._mixing import COLUMNS, SHOWN_IMAGES, mixed, starts
from vlae.system import registry
from vlae.system.errors import UserError

SETTINGS = {"chains": 20, "steps": 600, "every": 1, "lags": 6, "projections": 3}


@pytest.fixture(scope="module")
def data():
    return ExactData(exact_model(), 200)


def mix(trained_run, data, mixing, **options):
    """Return table and images of chains with these settings of `mixing`."""
    wanted = context(
        "chains", trained_run, data, settings={"mixing": mixing}, **options
    )
    return mixed(wanted)


def diagnosed(trained_run, data, **settings):
    options = {"classifier": exact_classifier(), "measures": []}
    table, _ = mix(trained_run, data, {**SETTINGS, **settings}, **options)
    return table.set_index(["scalar", "measure", "lag"])["value"].unstack("measure")


def test_the_chain_of_the_exact_model_mixes(data):
    """x' = M x + noise: no scalar is more correlated than its slowest direction."""
    exact = exact_model()
    found = diagnosed(exact_run(exact), data, steps=3000)
    assert found["r_hat"].max() < 1.05
    matrix = exact.model.likelihood.mean.affine.weight @ exact.bottom[0].float()
    radius = torch.linalg.eigvals(matrix).abs().max().item()
    correlation = found["autocorrelation"].unstack("lag")
    assert (correlation[1] <= radius + 0.05).all()
    assert (correlation[1] > 0.1).any()
    draws = 20 * 1500
    slowest = draws * (1 - radius) / (1 + radius)
    assert found["effective_size"].min() > 0.7 * slowest
    assert found["effective_size"].min() < 0.9 * draws


def test_a_chain_that_ignores_its_image_is_uncorrelated(data):
    exact = exact_model()
    matrix, shift, scale = exact.bottom
    set_linear(exact.model.posteriors[0].head, 0 * matrix, shift, scale)
    found = diagnosed(exact_run(exact), data)
    assert found["r_hat"].max() < 1.02
    correlation = found["autocorrelation"].dropna()
    assert correlation.abs().max() < 5 / np.sqrt(20 * 300)
    draws = 20 * 300
    assert found["effective_size"].dropna().to_numpy() == pytest.approx(draws, rel=0.2)


def frozen():
    """Each step reproduces the image but for a thousandth of its latents' scale."""
    exact = exact_model()
    decoder = exact.model.likelihood.mean.affine
    inverse = torch.linalg.pinv(decoder.weight.detach())
    scale = torch.full_like(exact.bottom[2], 0.002)
    shift = -inverse @ decoder.bias.detach()
    set_linear(exact.model.posteriors[0].head, inverse, shift, scale)
    exact.model.likelihood.scale.fill_(1e-6)
    return exact_run(exact, data_noise=0.0)


def test_a_frozen_chain_never_mixes(data):
    found = diagnosed(frozen(), data)
    assert found["r_hat"].min() > 2
    assert found["effective_size"].dropna().max() < 40
    assert (found["autocorrelation"].unstack("lag")[1] > 0.9).all()


def test_lags_are_in_steps(data):
    """Every third look at a chain is the same as the chain at every third lag."""
    whole = diagnosed(exact_run(exact_model()), data, steps=1500)
    thinned = diagnosed(exact_run(exact_model()), data, steps=1500, every=3, lags=2)
    lags = thinned["autocorrelation"].unstack("lag").dropna(axis=1)
    assert [*lags.columns] == [3, 6]
    same = whole["autocorrelation"].unstack("lag")
    for lag in (3, 6):
        assert lags[lag].to_numpy() == pytest.approx(same[lag].to_numpy(), abs=0.05)


# Where chains start


def test_chains_start_at_equally_many_images_of_every_class(data):
    wanted = context(
        "chains", exact_run(exact_model()), data, classifier=exact_classifier()
    )
    rows = starts(wanted)
    named = data.table("test")["label"].to_numpy()[rows]
    assert np.bincount(named).tolist() == [5] * CLASSES
    assert len(set(rows)) == 20


def test_a_class_with_too_few_images_gives_them_again():
    labels = np.repeat([0, 1, 2], [190, 8, 2])

    class Few(ExactData):
        def table(self, split):
            return super().table(split).assign(label=labels)

    few = Few(exact_model(), 200)
    rows = starts(
        context("chains", exact_run(exact_model()), few, classifier=exact_classifier())
    )
    assert np.bincount(labels[rows]).tolist() == [7, 7, 7]
    assert set(rows[labels[rows] == 2]) == {198, 199}


def test_chains_start_under_the_noise_of_the_data(data, monkeypatch):
    module = importlib.import_module("vlae.experiments._mixing")
    first = []

    def spy(model, x, stream):
        first.append(x)
        return gibbs_step(model, x, stream)

    gibbs_step = module.gibbs_step
    monkeypatch.setattr(module, "gibbs_step", spy)
    weights = exact_run(exact_model(), data_noise=0.3)
    diagnosed(weights, data, steps=20, lags=1)
    wanted = context("chains", weights, data, classifier=exact_classifier())
    clean = torch.tensor(data.images("test")[starts(wanted)]) / 255
    residue = first[0] - clean
    assert residue.std().item() == pytest.approx(0.3, rel=0.25)


# Table and images


@pytest.fixture(scope="module")
def strokes(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 20, 60)


def test_table_and_array(strokes):
    wanted = {"chains": 20, "steps": 30, "every": 2, "lags": 3, "projections": 2}
    weights = trained("hvae")
    table, images = mix(weights, strokes, wanted, measures=["strokes"])
    assert [*table.columns] == COLUMNS
    scalars = ["feature_1", "feature_2", "thickness", "slant", "width", "ink"]
    assert [*table["scalar"].drop_duplicates()] == scalars
    for _, rows in table.groupby("scalar"):
        kinds = ["r_hat", "effective_size"] + ["autocorrelation"] * 3
        assert [*rows["measure"]] == kinds
        assert [*rows["lag"]] == [0, 0, 2, 4, 6]
        chains = rows["chains"].unique().tolist()
        assert rows["draws"].unique().tolist() == [chains[0] * 8]
    present = strokes.table("test")["label"].nunique()
    assert chains == [present * -(-20 // present)]
    assert len(images) == chains[0] * SHOWN_IMAGES


def test_measures_that_are_vectors_are_taken_apart(strokes):
    wanted = {"chains": 20, "steps": 12, "every": 1, "lags": 1, "projections": 1}
    weights = trained("hvae")
    table, _ = mix(weights, strokes, wanted, measures=["colour"])
    expected = {"mean_colour_1", "contrast", "feature_1"}
    assert {*table["scalar"]} == expected, "without the mean colour's parts"


def test_an_undefined_scalar_is_not_measured(strokes, monkeypatch):
    class Module:
        @staticmethod
        def measure(pixels):
            half = np.where(np.arange(len(pixels)) % 2, np.nan, pixels.mean((1, 2, 3)))
            return {"half": half}

    wanted = {"chains": 20, "steps": 12, "every": 1, "lags": 1, "projections": 1}
    made = context(
        "chains",
        trained("hvae"),
        strokes,
        settings={"mixing": wanted},
        measures=["mine"],
    )
    monkeypatch.setattr(registry, "load", lambda package, name: Module)
    module = importlib.import_module("vlae.experiments._mixing")
    monkeypatch.setattr(module, "parts", lambda context: {})
    table = mixed(made)[0].set_index("scalar")
    assert table.loc["half", "value"].isna().all()
    assert (table.loc["half", "undefined"] == 0.5).all()
    assert (table.loc["feature_1", "undefined"] == 0).all()


@pytest.mark.parametrize(
    "settings", [{"steps": 3, "every": 5}, {"steps": 20, "lags": 10}, {"steps": 6}]
)
def test_too_few_looks_are_named_before_any_step(strokes, settings, monkeypatch):
    module = importlib.import_module("vlae.experiments._mixing")
    monkeypatch.setattr(module, "gibbs_step", None)
    with pytest.raises(
        UserError, match=r"experiments\.chains\.mixing: .*Set more steps"
    ):
        mix(trained("hvae"), strokes, {**SETTINGS, **settings})
