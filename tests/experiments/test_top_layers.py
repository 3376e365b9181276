"""Top layers: rates and distortions that are known, and what is drawn again."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from exact_world import (
    SCALE,
    ExactData,
    exact_classifier,
    exact_model,
    exact_run,
    plausible,
)
from experiments_helpers import ignore, run, trained
from helpers import GENERATIVE, prepared_strokes
from linear_gaussian import PIXELS

from vlae.experiments import top_layers
from vlae.experiments.top_layers import redrawn

SETTINGS = {"images": 40, "draws": 2, "shown": 4, "redraws": 3}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 20, 60)


def numbers(result, measure):
    table = result.table
    return table[table["measure"] == measure].set_index("drawn_layers")


# A linear Gaussian hierarchy at its optimum: all numbers are known


@pytest.fixture(scope="module")
def known():
    """The exact model, its results, and the rates and distortions that must come out.

    The model is z2 ~ N(0, I), z1 = B z2 + b + s1 e, x = C z1 + c + sx e, and its
    inference is the exact posterior, so (x, z1, z2) of held-out x are draws from p. An
    image as stored is C z1* + c, whose z1* is one more draw of p(z1 | x).
    """
    exact = exact_model()
    model = exact.model
    head = model.priors[0].head
    b_matrix = head.mean.affine.weight.detach().double()
    variance = torch.tensor([0.8, 1.1, 0.6], dtype=torch.float64) ** 2
    c_matrix = model.likelihood.mean.affine.weight.detach().double()
    marginal = b_matrix @ b_matrix.T + torch.diag(variance)  # of z1
    covariance = exact.covariance  # of x
    posterior = torch.diag(exact.bottom[2] ** 2)  # of z1 given x
    top = exact.top[0]

    shared = {0: torch.eye(3, dtype=torch.float64), 1: b_matrix @ top}
    rates = {
        0: (marginal.logdet() - posterior.logdet()) / 2,  # I(x; z1)
        1: (marginal.logdet() - variance.log().sum()) / 2,  # I(z1; z2)
        2: torch.tensor(0.0),
    }
    errors, nlls = {}, {}
    for drawn in range(3):
        # Covariance of the z1 that is decoded with z1*, and with x.
        with_x = shared[drawn] @ marginal @ c_matrix.T if drawn < 2 else None
        with_star = torch.zeros(3, 3, dtype=torch.float64)
        distance = covariance + c_matrix @ marginal @ c_matrix.T
        if with_x is not None:
            with_star = with_x @ exact.bottom[0].T
            distance = distance - c_matrix @ with_x - (c_matrix @ with_x).T
        apart = 2 * marginal - with_star - with_star.T
        errors[drawn] = float((c_matrix @ apart @ c_matrix.T).trace()) / PIXELS
        nlls[drawn] = float(
            PIXELS * math.log(math.sqrt(2 * math.pi) * SCALE)
            + distance.trace() / (2 * SCALE**2)
        )
    rates = {drawn: float(rate) for drawn, rate in rates.items()}
    settings = {"images": 4000, "draws": 2, "shown": 4, "redraws": 3}
    result = run(
        "top_layers",
        exact_run(exact),
        ExactData(exact, 4000),
        settings=settings,
        classifier=exact_classifier(),
    )
    return result, {"rate": rates, "mse": errors, "nll": nlls}


@pytest.mark.parametrize("measure", ["rate", "mse", "nll"])
def test_rates_and_distortions_of_an_exact_model_are_known(known, measure):
    result, expected = known
    found = numbers(result, measure)
    assert [*found.index] == [0, 1, 2]
    for drawn, row in found.iterrows():
        wanted = expected[measure][drawn]
        if row["low"] == row["high"]:
            assert row["value"] == wanted == 0
        else:
            assert plausible(row["value"], row["low"], row["high"], wanted), drawn
    values = found["value"].to_numpy()
    assert (np.diff(values) * (-1 if measure == "rate" else 1) > 0).all()


def test_the_class_is_lost_with_the_layers_that_hold_it(known):
    found = numbers(known[0], "class")["value"]
    assert found[0] > found[1] > found[2] > 0.15


# Any model


@pytest.mark.parametrize("model", GENERATIVE)
def test_without_drawn_layers_it_is_the_elbo_that_is_taken_apart(model, data):
    """Rate and -log p(x|z) are those of the model's own terms, for the same noise."""
    weights = trained(model)
    settings = {**SETTINGS, "draws": 1}
    result = run("top_layers", weights, data, settings=settings)
    stream = weights.stream("top layers")
    x = torch.tensor(data.images("test")[:40]) / 255
    with torch.no_grad():
        drawn = weights.model.draw_noise(40, stream)
        terms = weights.model.terms(x, x, None, drawn)
    nll, rate = numbers(result, "nll"), numbers(result, "rate")
    assert nll.loc[0, "value"] == pytest.approx(
        -float(terms["reconstruction"].mean()), rel=1e-4
    )
    both = [float(terms[f"kl_{layer}"].mean()) for layer in (1, 2)]
    assert rate["value"].tolist() == pytest.approx([sum(both), both[1], 0], rel=1e-4)
    assert len(numbers(result, "mse")) == 3
    assert set(result.table["images"]) == {40}


def test_drawn_layers_are_the_lowest_ones():
    inferred = [torch.full((2, 1), float(layer)) for layer in (1, 2, 3)]
    fresh = [-layer for layer in inferred]
    found = [[float(e[0, 0]) for e in noise] for noise in redrawn(inferred, fresh)]
    assert found == [[1, 2, 3], [-1, 2, 3], [-1, -2, 3], [-1, -2, -3]]


@pytest.mark.parametrize("model", GENERATIVE)
def test_pictures_keep_the_inferred_layers(model, data, monkeypatch):
    weights = trained(model)
    calls = []

    def spy(trained_run, parts):
        calls.append([part.clone() for part in parts])
        return torch.rand(len(parts[0]), 1, 28, 28)

    monkeypatch.setattr(top_layers, "decode", spy)
    result = run("top_layers", weights, data, settings=SETTINGS)
    assert [*result.arrays] == ["data", "drawn_0", "drawn_1", "drawn_2"]
    assert np.array_equal(result.arrays["data"], data.images("test")[:4])
    for drawn, parts in enumerate(calls):
        for layer, part in enumerate(parts):
            of_images = part.reshape(4, 3, -1)
            same = bool((of_images == of_images[:, :1]).all())
            assert same == (layer >= drawn)
            if layer >= drawn:
                assert torch.equal(part, calls[0][layer])


@pytest.mark.parametrize("ignored", [0, 1])
def test_drawing_a_layer_that_does_nothing_loses_nothing(ignored, data):
    weights = trained()
    ignore(weights.model, ignored)
    found = numbers(run("top_layers", weights, data, settings=SETTINGS), "nll")["value"]
    assert (found[1] == found[0]) == (ignored == 0)
    assert (found[2] == found[1]) == (ignored == 1)


def test_results_follow_from_the_seed(data):
    weights = trained("hvae")
    first, again = (run("top_layers", weights, data, settings=SETTINGS) for _ in "12")
    assert first.table.equals(again.table)
    for name, array in first.arrays.items():
        assert array.dtype == np.uint8
        assert np.array_equal(array, again.arrays[name])
    other = dataclasses.replace(weights, spec=weights.spec.replace(seed=2))
    assert not run("top_layers", other, data, settings=SETTINGS).table.equals(
        first.table
    )


def test_batches_are_joined_in_order(data, monkeypatch):
    """Every image counts once, however many fit into a batch."""
    monkeypatch.setattr(top_layers, "BATCH", 16)
    result = run("top_layers", trained(), data, settings=SETTINGS)
    assert set(result.table["images"]) == {40}
    settings = {**SETTINGS, "images": 1000}
    result = run("top_layers", trained(), data, settings=settings)
    assert set(result.table["images"]) == {60}, "as many as there are"


def test_data_without_classes_have_no_share_of_them(data):
    result = run("top_layers", trained(), data, settings=SETTINGS, classifier=None)
    assert set(result.table["measure"]) == {"rate", "mse", "nll"}
