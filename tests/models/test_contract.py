"""The contract of models: what training asks of any, and experiments of most."""

import pytest
import torch
from helpers import GENERATIVE, NETWORKS, SHAPE, noise, spec

from vlae.config.term_names import kl_term
from vlae.models.base import LatentVariableModel, Model, build_model
from vlae.models.classifier import Classifier
from vlae.system import registry


def test_every_model_is_tried_here():
    assert sorted(NETWORKS) == registry.names("models")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_model_is_of_one_of_two_kinds(name):
    model = build_model(spec(name))
    kinds = [isinstance(model, kind) for kind in (LatentVariableModel, Classifier)]
    assert kinds == [name in GENERATIVE, name not in GENERATIVE]


def test_a_model_without_its_parts_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Model()  # type: ignore[abstract]
    with pytest.raises(TypeError, match="abstract"):
        LatentVariableModel([2])  # type: ignore[abstract]


@torch.no_grad()
@pytest.mark.parametrize("name", NETWORKS)
def test_terms_evaluation_and_loss_have_the_shapes_of_the_contract(name):
    model = build_model(spec(name)).eval()
    drawn = model.draw_noise(5, torch.Generator().manual_seed(0))
    x = torch.rand(5, *SHAPE)
    labels = torch.arange(5)
    terms = model.terms(x, x, labels, drawn)
    assert all(term.shape == (5,) for term in terms.values())
    assert model.loss(terms, 1.0).shape == ()
    found = model.evaluate(x, x, labels, drawn)
    assert all(values.shape[0] == 5 for values in found.values())
    means = {term: values.double().mean(0) for term, values in found.items()}
    recorded = model.recorded(means, 5)
    assert all(isinstance(value, float) for value in recorded.values())
    assert recorded.keys() >= terms.keys()


@pytest.mark.parametrize("name", GENERATIVE)
def test_a_generative_model_needs_no_labels(name):
    model = build_model(spec(name)).eval()
    assert isinstance(model, LatentVariableModel)
    x, drawn = torch.rand(5, *SHAPE), noise(model, 5)
    with_labels = model.terms(x, x, torch.arange(5), drawn)
    without = model.terms(x, x, None, drawn)
    assert [*without] == ["reconstruction", kl_term(1), kl_term(2)]
    assert all(torch.equal(without[term], with_labels[term]) for term in without)


@pytest.mark.parametrize("name", GENERATIVE)
def test_inputs_are_codes_where_layers_are_drawn_as_they_are(name):
    model = build_model(spec(name)).eval()
    assert isinstance(model, LatentVariableModel)
    drawn = noise(model, 5)
    latents = zip(model.generate(drawn), drawn, strict=True)
    as_they_are = all(torch.equal(z, e) for z, e in latents)
    assert model.inputs == ("codes" if as_they_are else "noise")
