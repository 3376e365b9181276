"""Trained runs: loading takes the right kind, and leaves the process as it is."""

import os

import pytest
import torch
from helpers import GENERATIVE, save_run, spec, untrained

from vlae.models.base import LatentVariableModel
from vlae.models.classifier import Classifier
from vlae.system.errors import UserError
from vlae.training.trained_run import load, load_classifier


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
