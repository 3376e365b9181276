"""Images of the explorer: their noise gives their reconstruction, and what they say."""

import base64
import dataclasses

import msgspec
import numpy as np
import pytest
import torch
from experiments_helpers import trained
from helpers import GENERATIVE, prepared_strokes

from vlae.data.prepared import Prepared
from vlae.system.errors import UserError
from vlae.training.example_images import examples, image_noise
from vlae.training.loaded_run import LoadedRun
from vlae.training.trained_run import decode


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 4, 12)


@pytest.mark.parametrize("model", GENERATIVE)
def test_noise_gives_what_reconstructing_gives(model, data):
    run, images = trained(model), data.images("test")
    found = decode(run, image_noise(run, torch.tensor(images) / 255)).numpy()
    expected = LoadedRun(run).reconstruct(np.asarray(images))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_examples_are_the_first_held_out_images(data):
    run = trained("hvae")
    found = examples(run, data, 5)
    assert len(found) == 5
    noise = image_noise(run, torch.tensor(data.images("test")[:5]) / 255)
    labels = data.table("test")["label"]
    for index, example in enumerate(found):
        stored = base64.b64decode(example["pixels"])
        assert stored == data.images("test")[index].tobytes()
        assert example["label"] == str(labels[index])
        assert example["noise"] == [layer[index].tolist() for layer in noise]
    assert len(examples(run, data, 1000)) == 12


def test_classes_have_their_names_and_data_without_classes_none(data):
    names = [f"class {number}" for number in range(10)]
    named = Prepared({**data.card, "class_names": names}, data.folder)
    labels = data.table("test")["label"]
    found = [example["label"] for example in examples(trained(), named, 12)]
    assert found == [names[label] for label in labels]
    run = trained()
    facts = msgspec.structs.replace(run.spec.data, classes=0)
    without = dataclasses.replace(run, spec=run.spec.replace(data=facts))
    assert [example["label"] for example in examples(without, data, 2)] == [None, None]


def test_images_of_another_shape_are_refused(data):
    class Other(Prepared):
        def images(self, split):
            return np.zeros((3, 3, 8, 8), np.uint8)

    with pytest.raises(UserError, match=r"--data: .*\(3, 8, 8\).*\(1, 28, 28\)"):
        examples(trained(), Other(data.card, data.folder), 2)
