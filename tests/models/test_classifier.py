"""The classifier: what it sees, and (minutes, by `-m slow`) how often it is right."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import SHAPE, assert_same_but_for_rounding, network, spec, untrained

from vlae.config import configuration
from vlae.data import prepared
from vlae.data.datasets import idx
from vlae.data.download.fetch import MIRROR_VARIABLE, download
from vlae.system.checkout import ROOT
from vlae.training.trained_run import classify, describe
from vlae.training.trainer import train

NEEDED = 0.985


@pytest.mark.slow
def test_the_classifier_of_mnist_is_right_often_enough(tmp_path, monkeypatch):
    shared = ROOT.parent / "shared" / "data"
    if MIRROR_VARIABLE not in os.environ:
        if not shared.is_dir():
            pytest.skip(f"no {MIRROR_VARIABLE} and no ../shared/data")
        monkeypatch.setenv(MIRROR_VARIABLE, str(shared))
    shipped = configuration.load([ROOT / "config" / "mnist-cpu.yaml"])
    for name, file in shipped.specs.files("mnist").items():
        download("mnist", file, [], tmp_path / name)
    facts = shipped.specs.data_spec("mnist")
    prepared.write(
        tmp_path,
        idx.splits(facts, tmp_path),
        {key: facts[key] for key in ("shape", "classes")},
        lambda *_: None,
    )
    classifier = shipped.selection.classifier("mnist")
    assert classifier is not None
    wanted = shipped.specs.run_spec(*classifier)
    trained = train(wanted, prepared.load(tmp_path), tmp_path / "checkpoints")
    last = (
        pd.DataFrame(trained.history).set_index(["split", "term"]).sort_values("step")
    )
    assert last.loc[("held-out", "accuracy"), "value"].iloc[-1] >= NEEDED


def test_features_are_what_the_logits_see():
    """This holds for a convolutional body too.

    Bits are equal for the same batch; another one is summed in another order.
    """
    for body, size in (("c4,2 f24", 24), ("c4,4", 4 * 7 * 7)):
        classifier = untrained(spec(network("classifier", body=body, initial_std=0.5)))
        images = torch.rand(5, *SHAPE)
        features, probabilities = describe(classifier, images)
        assert features.shape == (5, size)
        assert np.array_equal(probabilities, classify(classifier, images))
        alone = describe(classifier, images[:2])[0]
        assert_same_but_for_rounding(alone, features[:2])
        logits = classifier.model.logits(torch.tensor(features)).softmax(1)
        assert_same_but_for_rounding(logits.detach(), probabilities)
        assert features.std() > 0
