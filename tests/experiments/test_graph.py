"""Who depends on whom, found in models whose graphs are known."""

import math
from typing import Any

import pytest
import torch
from experiments_helpers import ignore, run, trained
from helpers import SHAPE
from torch import nn

from vlae.experiments import _dependence
from vlae.experiments.graph import COLUMNS
from vlae.models.base import LatentVariableModel, PosteriorDraw

LAYERS: dict[str, Any] = {
    "latents": [4, 3, 2],
    "posterior": ["f9", "f9 f7", "f9"],
    "prior": ["f9"] * 2,
}
THREE: dict[str, dict[str, Any]] = {
    "hvae": LAYERS,
    "hvae_autoregressive": LAYERS,
    "lvae": LAYERS,
    "vae": {"latents": [2, 3, 2]},
    "vlae": {
        "latents": [2, 3, 2],
        "heads": ["c4,2 c4,2", "f16", "f9"],
        "trunks": ["c4,4 lin16", "f9"],
        "decoder": [
            {"embed": "f16", "merge": "gated", "body": "f4x7x7 t4,2"},
            {"embed": "f9", "merge": "concat", "body": "f16 lin16"},
            {"body": "f9"},
        ],
    },
}
ALL = {("x", "z1"), ("x", "z2"), ("x", "z3")}
DOWN, UP = {("z2", "z1"), ("z3", "z2")}, {("z1", "z2"), ("z2", "z3")}
EDGES = {  # inference, generation
    "vlae": (ALL, {("z1", "x"), ("z2", "x"), ("z3", "x")}),
    "vae": (ALL, {("z1", "x"), ("z2", "x"), ("z3", "x")}),
    "hvae": ({("x", "z1"), *UP}, {("z1", "x"), *DOWN}),
    "lvae": (ALL | DOWN, {("z1", "x"), *DOWN}),
    "hvae_autoregressive": (
        ALL | UP | {("z1", "z3")},
        {("z1", "x"), ("z2", "x"), ("z3", "x"), *DOWN, ("z3", "z1")},
    ),
}


def three(model, **changes):
    return trained(model, **{**THREE[model], **changes}).model


def both(model, points=3):
    """Edges by source and target, of inference and of generation."""
    found = (
        _dependence.inference(model, SHAPE, points, seed=0),
        _dependence.generation(model, points, seed=1),
    )
    return [{(edge.source, edge.target): edge for edge in edges} for edges in found]


@pytest.mark.parametrize("model", EDGES)
def test_edges_are_those_of_the_model(model):
    inference, generation = both(three(model))
    assert (set(inference), set(generation)) == EDGES[model]
    assert all(
        edge.sensitivity > 0 for edge in (*inference.values(), *generation.values())
    )


@pytest.mark.parametrize("model", EDGES)
def test_derivatives_alone_tell_the_same(model, monkeypatch):
    """Without what autograd's graph says, whose ways they are then joined with."""
    seen = []
    edges = _dependence._edges

    def spy(sensitivity, *others):
        threshold = _dependence.RELATIVE_TOLERANCE * max(sensitivity.values())
        seen.append({pair for pair, value in sensitivity.items() if value > threshold})
        return edges(sensitivity, *others)

    monkeypatch.setattr(_dependence, "_edges", spy)
    both(three(model))
    assert tuple(seen) == EDGES[model]


def test_deterministic_inference_has_no_edge_between_latents():
    inference, generation = both(three("hvae", inference="deterministic"))
    assert set(inference) == ALL
    assert set(generation) == EDGES["hvae"][1]


@pytest.mark.parametrize("norm", ["moving", "batch"])
def test_batch_norm_makes_no_image_depend_on_another(norm):
    """Nor does it change the graph, whether its averages are kept or not."""
    for model in ("vlae", "lvae"):
        inference, generation = both(three(model, batch_norm=norm), points=1)
        assert (set(inference), set(generation)) == EDGES[model]


def test_layers_are_counted_on_the_longest_way():
    """Those of the tiny networks, by hand; a head's mean and scale are one layer."""
    inference, generation = both(three("vlae"))
    depth = {edge: found.layers for edge, found in inference.items()}
    # c4,2 c4,2 and the head; c4,4 lin16 f16 and the head; c4,4 lin16 f9 f9 and the head
    assert depth == {("x", "z1"): 3, ("x", "z2"): 4, ("x", "z3"): 5}
    depth = {edge: found.layers for edge, found in generation.items()}
    # embed f16, f4x7x7 t4,2 and the image; f9 f16 lin16 ...; f9 f16 lin16 ...
    assert depth == {("z1", "x"): 4, ("z2", "x"): 6, ("z3", "x"): 6}
    inference, generation = both(three("hvae"))
    depth = {edge: found.layers for edge, found in inference.items()}
    assert depth == {("x", "z1"): 2, ("z1", "z2"): 3, ("z2", "z3"): 2}


def test_rungs_are_features_that_some_edges_share():
    inference, generation = both(three("vlae"))
    through = {edge: found.through for edge, found in inference.items()}
    assert through == {("x", "z1"): (), ("x", "z2"): ("h2",), ("x", "z3"): ("h2",)}
    through = {edge: found.through for edge, found in generation.items()}
    assert through == {("z1", "x"): (), ("z2", "x"): ("h2",), ("z3", "x"): ("h2",)}
    inference, generation = both(three("lvae"))
    through = {edge: found.through for edge, found in inference.items()}
    assert through[("x", "z3")] == through[("x", "z2")] == ("h2",)
    assert not through[("x", "z1")] and not through[("z2", "z1")]
    for model in ("vae", "hvae", "hvae_autoregressive"):
        for edges in both(three(model)):
            assert not any(found.through for found in edges.values())


def test_a_longer_ladder_has_a_rung_a_layer_in_the_order_of_the_way():
    network = {
        "latents": [2, 2, 2, 2],
        "heads": ["f9"] * 4,
        "trunks": ["f9"] * 3,
        "decoder": [{"embed": "f9", "merge": "gated", "body": "f9"}] * 3
        + [{"body": "f9"}],
    }
    inference, generation = both(trained("vlae", **network).model)
    assert [inference["x", f"z{layer}"].through for layer in (1, 2, 3, 4)] == [
        *((), ("h2",), ("h2", "h3"), ("h2", "h3")),
    ]
    assert [generation[f"z{layer}", "x"].through for layer in (1, 2, 3, 4)] == [
        *((), ("h2",), ("h3", "h2"), ("h3", "h2")),
    ]


@pytest.mark.parametrize("ignored", [0, 1])
def test_a_layer_that_is_cut_off_has_no_edge_to_the_image(ignored):
    """The network is there, but its derivative is zero."""
    weights = trained()
    ignore(weights.model, ignored)
    inference, generation = both(weights.model)
    assert set(inference) == {("x", "z1"), ("x", "z2")}
    assert set(generation) == {(f"z{2 - ignored}", "x")}


class Black(nn.Module):
    """So dark that the image has no derivative."""

    def forward(self, features):
        return (features - 1e4).sigmoid(), torch.ones(())


class Linear(LatentVariableModel):
    """z2 = x + 2 e2, z1 = 3 z2 + 5 x + 7 e1, of one number each; x = 11 z1."""

    def __init__(self):
        super().__init__([1, 1])
        self.maps = nn.ModuleList(nn.Linear(1, 1, bias=False) for _ in range(4))
        self.likelihood: Any = Black()
        with torch.no_grad():
            for weights, weight in zip(self.parameters(), (1, 3, 5, 11), strict=True):
                weights.fill_(weight)

    def draw_posterior(self, x, noise):
        x = x.flatten(1)
        means, scales = [self.maps[0](x)], torch.tensor([[7.0], [2.0]])
        z2 = means[0] + 2 * noise[1]
        means.insert(0, self.maps[1](z2) + self.maps[2](x))
        latents = [means[0] + 7 * noise[0], z2]
        posterior = list(zip(means, scales, strict=True))
        return PosteriorDraw(latents, posterior, self.prior(latents))

    def generate(self, noise):
        return noise

    def decoder(self, latents):
        return self.maps[3](latents[0])


def test_sensitivities_are_direct_derivatives():
    """Of z1 with respect to x 5, z2 held fixed: not 5 + 3."""
    edges = _dependence.inference(Linear(), (1, 1, 1), 2, seed=0)
    found = {(e.source, e.target): e.sensitivity for e in edges}
    assert found == {
        ("z2", "z1"): pytest.approx(3),
        ("x", "z2"): pytest.approx(1),
        ("x", "z1"): pytest.approx(5),
    }
    (edge,) = _dependence.generation(Linear(), 2, seed=0)
    assert (edge.source, edge.target, edge.layers) == ("z1", "x", 1)
    assert 0 < edge.sensitivity < 11 * 5, "11 times a Gaussian direction's length"


def test_the_model_is_left_as_it_was():
    weights = trained("lvae")
    before = {k: v.clone() for k, v in weights.model.state_dict().items()}
    result = run("graph", weights, None)
    assert [*result.table.columns] == COLUMNS
    assert not result.arrays
    for name, tensor in weights.model.state_dict().items():
        assert tensor.dtype == before[name].dtype
        assert torch.equal(tensor, before[name])
    assert all(p.requires_grad for p in weights.model.parameters())
    assert not any(module._forward_hooks for module in weights.model.modules())


def test_table_has_both_directions_and_follows_from_the_seed():
    table = run("graph", trained("vlae", **THREE["vlae"]), None).table
    found = table.groupby("direction")["through"].apply(list)
    assert found["inference"] == ["", "h2", "h2"]
    assert found["generation"] == ["", "h2", "h2"]
    assert table.equals(run("graph", trained("vlae", **THREE["vlae"]), None).table)
    other = run("graph", trained("vlae", seed=2, **THREE["vlae"]), None).table
    assert not table["sensitivity"].equals(other["sensitivity"])
    assert math.isfinite(table["sensitivity"].sum())


def test_the_rung_of_three_layers():
    """The example that `_rungs` explains."""
    layer, variable = _dependence.Layer, _dependence.Variable
    parents: _dependence.Parents = {
        layer(0): {variable("x")},
        layer(1): {layer(0)},
        layer(2): {layer(0)},
        layer(3): {layer(2)},
        layer(4): {layer(2)},
        layer(5): {layer(4)},
        variable("z1"): {layer(1)},
        variable("z2"): {layer(3)},
        variable("z3"): {layer(5)},
    }
    pairs = {("x", "z1"), ("x", "z2"), ("x", "z3")}
    found = _dependence._rungs(parents, pairs, by_target=True)
    assert found == {"h2": _dependence.Rung({"x"}, {"z2", "z3"})}
