"""Trained runs: loading takes the right kind, and leaves the process as it is."""

import os

import pytest
import torch
from helpers import GENERATIVE, network, noise, save_run, spec, untrained

from vlae.models.base import LatentVariableModel
from vlae.models.classifier import Classifier
from vlae.system.errors import UserError
from vlae.training.trained_run import (
    COMPANY,
    GUESTS,
    decode,
    decode_codes,
    load,
    load_classifier,
)


@pytest.mark.parametrize("name", GENERATIVE)
def test_a_generative_run_is_loaded_and_is_not_a_classifier(name, tmp_path):
    wanted = spec(name, seed=3)
    save_run(tmp_path, wanted, untrained(wanted).model)
    run = load(tmp_path)
    assert isinstance(run.model, LatentVariableModel)
    assert run.spec == wanted
    assert not run.model.training
    with pytest.raises(UserError, match=f"{tmp_path} holds a {name}; expected a class"):
        load_classifier(tmp_path)


def test_a_classifier_is_loaded_and_is_not_generative(tmp_path):
    wanted = spec("classifier")
    save_run(tmp_path, wanted, untrained(wanted).model)
    assert isinstance(load_classifier(tmp_path).model, Classifier)
    with pytest.raises(UserError, match="holds a classifier; expected a generative"):
        load(tmp_path)


def test_the_device_of_the_caller_replaces_that_of_the_spec(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    wanted = spec("vlae", device="cuda")
    save_run(tmp_path, wanted, untrained(wanted).model)
    assert load(tmp_path, device="cpu").device == torch.device("cpu")
    with pytest.raises(UserError, match="asks for cuda"):
        load(tmp_path)


def test_loading_leaves_the_settings_of_the_process_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = torch.get_num_threads()
    wanted = spec("vlae", threads=before + 1)
    save_run(tmp_path, wanted, untrained(wanted).model)
    load(tmp_path)
    assert torch.get_num_threads() == before
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ


# Images in the company of draws from the prior


def with_norm(kind, name="vlae"):
    return untrained(spec(network(name, batch_norm=kind, initial_std=0.3)))


def same_code(run, count, layer):
    """Noise of images that share the code of a layer."""
    drawn = noise(run.model, count)
    drawn[layer] = drawn[layer][:1].expand(count, -1)
    return drawn


@pytest.mark.parametrize("layer", [0, 1])
def test_a_layer_that_all_images_share_still_acts_with_batch_statistics(layer):
    """In a batch of their own it would be normalised away; among draws it is not."""
    run = with_norm("batch")
    one = same_code(run, 3 * GUESTS, layer)
    other = [x + 2.0 * (k == layer) for k, x in enumerate(one)]
    with torch.no_grad():
        alone = (run.model.decode(other) - run.model.decode(one)).abs().max()
    among = (decode(run, other) - decode(run, one)).abs().max()
    assert among > 0.01 > 100 * alone


def test_an_image_among_draws_hardly_depends_on_the_other_images():
    """What is left is the part of the statistics that the other guests make."""
    run = with_norm("batch")
    drawn = noise(run.model, 2 * GUESTS)
    whole = decode(run, drawn)
    single = torch.cat([decode(run, [x[i : i + 1] for x in drawn]) for i in range(4)])
    spread = whole.std(0).mean()
    assert 0 < (whole[:4] - single).abs().mean() < 0.2 * spread
    # Statistics of a large batch are those of the prior.
    many = noise(run.model, 20 * COMPANY, seed=5)
    large = [torch.cat([x[:GUESTS], y]) for x, y in zip(drawn, many, strict=True)]
    with torch.no_grad():
        reference = run.model.decode(large)[:GUESTS]
    assert (whole[:GUESTS] - reference).abs().mean() < 0.4 * spread


@pytest.mark.parametrize("kind", ["moving", "none"])
def test_without_batch_statistics_no_company_is_drawn(kind):
    run = with_norm(kind)
    drawn = noise(run.model, 5)
    with torch.no_grad():
        torch.testing.assert_close(decode(run, drawn), run.model.decode(drawn))


@pytest.mark.parametrize("kind", ["batch", "moving"])
def test_codes_and_noise_give_the_same_images_where_they_are_the_same(kind):
    run = with_norm(kind)
    drawn = noise(run.model, 11)
    torch.testing.assert_close(decode_codes(run, drawn), decode(run, drawn))
