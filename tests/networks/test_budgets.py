"""Networks that are compared with one another have about as many parameters."""

import pytest
import torch
from helpers import objective, shipped_networks

from vlae.config.run_spec import DataFacts
from vlae.system import registry

OBJECTIVE = objective()


def parameters(name, width):
    """Count the parameters of a shipped network, without memory for any of them."""
    settings = {**shipped_networks()[name], "width": width}
    module = registry.load("models", settings["model"])
    data = DataFacts(shape=settings["input"], classes=0, attributes=())
    with torch.device("meta"):
        model = module.build(settings, OBJECTIVE, data)
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("width", [0.1, 0.25, 0.5, 1.0])
@pytest.mark.parametrize(
    ("reference", "others", "tolerance"),
    [
        # Claim L asks for 20 %.
        ("vlae-mnist", ["vae-mnist", "hvae-mnist", "lvae-mnist"], 0.12),
        ("hvae-autoregressive-dense", ["hvae-dense", "vae-dense"], 0.2),
    ],
)
def test_compared_networks_have_one_budget(reference, others, tolerance, width):
    expected = parameters(reference, width)
    for name in others:
        assert parameters(name, width) == pytest.approx(expected, rel=tolerance), name


def test_a_wider_network_has_another_budget():
    """Negative control."""
    assert parameters("vae-mnist", 1.2) > 1.2 * parameters("vlae-mnist", 1.0)
