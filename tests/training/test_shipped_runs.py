"""Every preset of the configuration with every network that has it, on tiny data."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import run_of

from vlae.config import configuration
from vlae.data import prepared
from vlae.data.datasets.base import Stored
from vlae.models.base import LatentVariableModel, build_model
from vlae.training.trained_run import GUESTS, decode
from vlae.training.trainer import train

SHIPPED = configuration.load()
TINY = {"steps": 4, "batch_size": 20}
COUNT = 40


def pairs():
    """Return one run for each pair of a preset and a network."""
    found = {}
    for name in SHIPPED.selection.defined_runs():
        run = SHIPPED.content["runs"][name.dataset][name.run]
        found.setdefault((run["preset"], run["network"]), name)
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a function from a data set to as many prepared images of noise."""
    made = {}

    def of(dataset):
        if dataset not in made:
            facts = SHIPPED.content["datasets"][dataset]
            folder = tmp_path_factory.mktemp(dataset)
            splits = [noise_images(n, facts) for n in ("train", "test")]
            names = ("shape", "classes", "attributes")
            card = {key: facts[key] for key in names}
            prepared.write(folder, splits, card, lambda *_: None)
            made[dataset] = prepared.load(folder)
        return made[dataset]

    return of


def noise_images(name, facts):
    rng = np.random.default_rng(len(name))
    images = rng.integers(0, 256, (COUNT, *facts["shape"]), np.uint8)
    table = pd.DataFrame({"label": np.arange(COUNT) % 10})
    for attribute in facts["attributes"]:
        table[attribute] = rng.integers(0, 2, COUNT)
    if not facts["classes"]:
        del table["label"]
    return Stored(name, table, lambda start, threads: iter([images[start:]]))


@pytest.mark.parametrize(("preset", "network"), pairs())
def test_a_preset_trains_and_makes_images(preset, network, data, tmp_path):
    name = pairs()[preset, network]
    spec = SHIPPED.specs.run_spec(name, seed=1)
    steps = min(TINY["steps"], spec.training.steps)
    tiny = spec.replace(
        network={**spec.network, "width": 0.03},
        training=spec.as_dict()["training"] | TINY | {"steps": steps},
        device="cpu",
        threads=1,
    )
    tiny = type(spec).of(tiny.as_dict())
    trained = train(tiny, data(name.dataset), tmp_path)
    assert all(math.isfinite(row["value"]) for row in trained.history)
    model = build_model(tiny)
    model.load_state_dict(trained.weights)
    if isinstance(model, LatentVariableModel):
        noise = model.draw_noise(GUESTS + 1, torch.Generator().manual_seed(0))
        images = decode(run_of(tiny, model.eval()), noise)
        assert images.shape == (GUESTS + 1, *spec.data.shape)
        assert ((images > 0) & (images < 1)).all()


def test_every_preset_has_a_run():
    assert {preset for preset, _ in pairs()} == set(SHIPPED.content["presets"])
