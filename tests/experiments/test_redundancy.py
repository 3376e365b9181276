"""The experiment `redundancy`: nothing to tell apart at the optimum, much elsewhere."""

import importlib

import numpy as np
import pytest
import torch
from exact_world import ExactData, exact_classifier, exact_model, exact_run, plausible
from experiments_helpers import run, trained
from helpers import prepared_strokes, randomise
from linear_gaussian import set_linear

from vlae.experiments._gibbs_chain import infer_visible
from vlae.experiments.redundancy import COLUMNS, TWO_SAMPLE_CLASSIFIERS

COUNT = 2000


@pytest.fixture(scope="module")
def data():
    return ExactData(exact_model(), COUNT)


def told_apart(trained_run, data, count=COUNT):
    options = {"classifier": exact_classifier(), "settings": {"samples": count}}
    table = run("redundancy", trained_run, data, **options).table
    return table.set_index(["subject", "classifier"])


def chance(found, *key):
    value, low, high = found.loc[key][["value", "low", "high"]]
    return plausible(value, low, high, 0.5)


def test_at_the_optimum_nothing_can_be_told_apart(data):
    """Proposition: q(z_1) = p(z_1), and q(z_1|x) p_data(x) = p(x|z_1) p(z_1)."""
    found = told_apart(exact_run(exact_model()), data)
    for key in found.index:
        assert chance(found, *key), key
        assert found.loc[key, "high"] - found.loc[key, "low"] < 0.08


def test_a_shifted_posterior_is_told_from_the_prior_by_as_much_as_it_is_shifted(data):
    """Of q(z_1) shifted by d standard deviations the best AUC is Phi(d / sqrt 2)."""
    exact = exact_model()
    matrix, shift, scale = exact.bottom
    set_linear(exact.model.posteriors[0].head, matrix, shift + 0.5, scale)
    b = exact.model.priors[0].head.mean.affine.weight.detach().double()
    _, s1, _ = exact.model.priors[0](torch.zeros(1, 2))
    marginal = b @ b.T + torch.diag(s1[0].detach().double() ** 2)
    moved = torch.full((3,), 0.5, dtype=torch.float64)
    distance = (moved @ torch.linalg.solve(marginal, moved)).sqrt()
    expected = torch.distributions.Normal(0, 1).cdf(distance / 2**0.5).item()
    found = told_apart(exact_run(exact), data)
    value = found.loc[("latents", "linear"), "value"]
    assert value == pytest.approx(expected, abs=0.03)
    assert chance(found, "images", "linear")
    assert found.loc[("pairs", "linear"), "low"] > 0.55


def test_right_marginals_with_wrong_pairs_are_told_apart_as_pairs_alone(
    data, monkeypatch
):
    """Each image gets the latents of another one."""
    module = importlib.import_module("vlae.experiments.redundancy")

    def rolled(model, x, stream):
        return [z.roll(1, 0) for z in infer_visible(model, x, stream)]

    monkeypatch.setattr(module, "infer_visible", rolled)
    found = told_apart(exact_run(exact_model()), data)
    for classifier in TWO_SAMPLE_CLASSIFIERS:
        assert chance(found, "latents", classifier)
        assert chance(found, "images", classifier)
        assert found.loc[("pairs", classifier), "low"] > 0.8


def test_a_wrong_prior_is_told_apart_and_concerns_what_it_generates(data):
    exact = exact_model()
    with torch.no_grad():
        exact.model.priors[0].head.mean.affine.bias += 1.0
    found = told_apart(exact_run(exact), data)
    for subject in ("latents", "images", "pairs"):
        assert found.loc[(subject, "trees"), "low"] > 0.6


def test_an_untrained_model_is_told_apart(data):
    exact = exact_model()
    randomise(exact.model, std=0.5)
    found = told_apart(exact_run(exact), data)
    for subject in ("images", "pairs"):
        assert found.loc[(subject, "trees"), "low"] > 0.95


def test_images_under_another_noise_are_told_apart(data):
    """Held-out images are compared under the data noise of the run, not as they are."""
    found = told_apart(exact_run(exact_model(), data_noise=0.0), data)
    assert found.loc[("pairs", "trees"), "low"] > 0.8


# Table


@pytest.fixture(scope="module")
def strokes(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 20, 40)


@pytest.mark.parametrize(
    ("model", "latents"), [("hvae", 6), ("hvae_autoregressive", 9), ("lvae", 9)]
)
def test_table(model, latents, strokes):
    """z_1 of a Markov HVAE; all that the chain redraws of other models."""
    table = run(
        "redundancy", trained(model), strokes, settings={"samples": 10**6}
    ).table
    assert [*table.columns] == COLUMNS
    assert len(table) == 3 * len(TWO_SAMPLE_CLASSIFIERS)
    assert set(table["n"]) == {40}
    sizes = table.groupby("subject", sort=False)["dimensions"].first().to_dict()
    features = sizes["images"]
    assert sizes == {
        "latents": latents,
        "images": features,
        "pairs": latents + features + 1,
    }
    assert table["value"].between(0, 1).all()
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()


def test_pairs_belong_together_across_batches(data, monkeypatch):
    """Rows of latents, features and density are of one pair in every batch."""
    module = importlib.import_module("vlae.experiments.redundancy")
    monkeypatch.setattr(module, "BATCH_SIZE", 300)
    found = told_apart(exact_run(exact_model()), data)
    assert (found["n"] == COUNT).all()
    assert chance(found, "pairs", "trees")
    assert np.isfinite(found["value"]).all()
