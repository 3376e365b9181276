"""What inference says of held-out images: units in use, and bounds."""

import numpy as np
import pytest
import torch
from experiments_helpers import context, run, trained, with_data_noise
from helpers import GENERATIVE

from vlae.data.noise import observe
from vlae.experiments import inference

IMAGES = 15


@pytest.mark.parametrize("model", GENERATIVE)
@torch.no_grad()
def test_a_bound_is_the_mean_of_the_models_own_elbo(model, data):
    """Both use the same draws, and each image is observed once."""
    weights = with_data_noise(trained(model), 0.1)
    settings = {"images": IMAGES, "draws": 3, "bound_draws": 2}
    tables = run("inference", weights, data, settings=settings).tables
    found, residuals = tables["bounds"], tables["residuals"]
    of_few = residuals[~residuals["measure"].isin(["active", "draws"])]
    assert of_few["value"].isna().all(), "15 images are too few"
    stream = weights.stream("inference")
    images = torch.tensor(np.array(data.images("test"))[:IMAGES])
    x, target = observe(images, weights.spec.data_noise, stream)
    sums = torch.zeros(len(x))
    for _ in range(2):
        noise = weights.model.draw_noise(len(x), stream)
        sums += weights.model.summary(weights.model.terms(x, target, None, noise))[
            "elbo"
        ]
    assert found["image"].tolist() == list(range(IMAGES))
    assert found["elbo"].to_numpy() == pytest.approx((sums / 2).numpy(), rel=1e-5)


def test_activity_counts_units_that_depend_on_the_image():
    """Unit 1 of layer 1 follows the image, all others are noise."""
    stream = torch.Generator().manual_seed(0)
    codes = torch.randn(200, 20, 3, generator=stream, dtype=torch.float64)
    images = torch.randn(20, generator=stream, dtype=torch.float64)
    codes[..., 0] += images
    table = inference.activity(codes, [2, 1], 0.05)
    assert table["units"].tolist() == [2, 1]
    assert table["active"].tolist() == [1, 0]
    variance = float(images.var(correction=0))
    assert table["largest"].iloc[0] == pytest.approx(variance, rel=0.1)
    assert abs(table["largest"].iloc[1]) < 0.01


@pytest.mark.parametrize("bound_draws", [1, 4, 9])
def test_codes_and_residuals_do_not_depend_on_how_many_are_decoded(bound_draws, data):
    settings = {"images": IMAGES, "draws": 4}
    weights = trained("hvae")
    asked = [
        context("inference", weights, data, settings=settings | {"bound_draws": count})
        for count in (2, bound_draws)
    ]
    for one, other in zip(*map(inference.draws, asked), strict=True):
        assert torch.equal(one.codes, other.codes)
        assert torch.equal(one.residuals, other.residuals)
