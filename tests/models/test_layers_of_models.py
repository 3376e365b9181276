"""Which layer depends on which: hierarchies, ladders, and the parts of a flat code."""

from typing import Any

import pytest
import torch
from helpers import SHAPE, network, noise, randomise, save_run, spec, untrained

from vlae.models.nn.distributions import gaussian_kl
from vlae.networks import vae as vae_plan
from vlae.training import trained_run

SIZES = {"latents": [4, 3, 2], "batch_norm": "none", "initial_std": 0.5}
THREE = {
    name: network(name, **SIZES, posterior=["f9"] * 3, prior=["f9"] * 2, **more)
    for name, more in {
        "hvae": {"inference": "bottom-up"},
        "hvae_autoregressive": {"inference": "bottom-up"},
        "lvae": {},
    }.items()
}
THREE["vae"] = network("vae", **SIZES)
INFERENCE = {
    **THREE,
    "hvae, deterministic": THREE["hvae"] | {"inference": "deterministic"},
    "hvae_autoregressive, deterministic": THREE["hvae_autoregressive"]
    | {"inference": "deterministic"},
}
LAYERS = range(3)


def built(settings):
    return untrained(spec(settings)).model


def reached(output, inputs):
    """Whether each of `inputs` has any influence on `output`, by gradients."""
    found = torch.autograd.grad(
        output.sum(), inputs, retain_graph=True, allow_unused=True
    )
    return [gradient is not None and bool(gradient.any()) for gradient in found]


def leaves(model, count=20):
    return [e.requires_grad_() for e in noise(model, count)]


# p


@pytest.mark.parametrize(
    ("name", "sees"),
    [
        ("hvae", lambda layer, other: other == layer + 1),
        ("lvae", lambda layer, other: other == layer + 1),
        ("hvae_autoregressive", lambda layer, other: other > layer),
        ("vae", lambda layer, other: False),
    ],
)
def test_a_prior_depends_on_the_layers_above_it_and_on_no_other(name, sees):
    model = built(THREE[name])
    latents = leaves(model)
    for layer, (mean, scale) in enumerate(model.prior(latents)):
        assert mean.shape == scale.shape == latents[layer].shape
        expected = [sees(layer, other) for other in LAYERS]
        if not any(expected):
            assert not mean.any()
            assert bool((scale == 1).all())
            continue
        for output in (mean, scale):
            assert reached(output, latents) == expected


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("hvae", [True, False, False]),
        ("lvae", [True, False, False]),
        ("hvae_autoregressive", [True, True, True]),
        ("vae", [True, True, True]),
    ],
)
def test_the_layers_that_x_depends_on(name, seen):
    model = built(THREE[name])
    latents = leaves(model)
    assert reached(model.likelihood(model.decoder(latents))[0], latents) == seen


@pytest.mark.parametrize("name", THREE)
def test_every_layer_s_noise_reaches_the_image(name):
    model = built(THREE[name])
    drawn = leaves(model)
    assert reached(model.decode(drawn), drawn) == [True, True, True]


# q


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("hvae", lambda layer, other: other <= layer),
        ("hvae_autoregressive", lambda layer, other: other <= layer),
        ("lvae", lambda layer, other: other >= layer),
        ("vae", lambda layer, other: other == layer),
        ("hvae, deterministic", lambda layer, other: other == layer),
        ("hvae_autoregressive, deterministic", lambda layer, other: other == layer),
    ],
)
def test_the_draws_that_inference_of_a_layer_looks_at(name, order):
    model = built(INFERENCE[name])
    x = torch.rand(20, *SHAPE, requires_grad=True)
    drawn = leaves(model)
    latents, kl = model.infer(x, drawn)
    for layer, z in enumerate(latents):
        assert reached(z, drawn) == [order(layer, other) for other in LAYERS]
        assert reached(z, [x]) == [True]
        assert reached(kl[:, layer], [x]) == [True]


def test_autoregressive_inference_sees_x_and_every_draw_below():
    """q(z_3 | x, z_1, z_2) with draws held: each argument matters by itself."""
    model = built(THREE["hvae_autoregressive"])
    features = torch.randn(20, 9, requires_grad=True)
    z1, z2 = (torch.randn(20, d, requires_grad=True) for d in (4, 3))
    mean, _, _ = model.posteriors[2](model.below(features, [z1, z2]))
    assert reached(mean, [features, z1, z2]) == [True, True, True]


# The ladder


@torch.no_grad()
def test_the_top_of_a_ladder_is_not_combined_with_its_prior():
    model = built(THREE["lvae"])
    x, e = torch.rand(20, *SHAPE), noise(model, 20)
    mean, scale = model.evidence(x)[-1]
    latents, kl = model.infer(x, e)
    torch.testing.assert_close(latents[-1], mean + scale * e[-1])
    torch.testing.assert_close(kl[:, -1], gaussian_kl(mean, scale))
    # With the prior, precision 1 would be added.
    assert not torch.allclose(scale, (scale**-2 + 1) ** -0.5)


@torch.no_grad()
def test_a_ladder_without_evidence_draws_from_its_prior():
    """Below the top, where x says nothing: the draws of generate(), and no KL."""
    model = built(THREE["lvae"])
    for conditional in model.posteriors[:-1]:
        conditional.head.raw_scale.affine.weight.zero_()
        conditional.head.raw_scale.affine.bias.fill_(1e6)
    x, e = torch.rand(20, *SHAPE), noise(model, 20)
    latents, kl = model.infer(x, e)
    assert kl[:, :-1].abs().max() < 1e-5
    generated = model.generate([*e[:-1], latents[-1]])
    for found, expected in zip(latents, generated, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


# The flat code and its partition


def flat(**changes):
    return built(network("vae", **SIZES | changes))


@pytest.mark.parametrize("latents", [[6], [2, 2, 2], [1, 5, 3, 7]])
def test_the_partition_is_a_permutation_that_follows_from_its_seed(latents):
    size = sum(latents)
    places, again = (flat(latents=latents).partition for _ in range(2))
    assert torch.equal(places, again)
    assert sorted(places.tolist()) == [*range(size)]
    others = [flat(latents=latents, partition_seed=s).partition for s in range(1, 9)]
    assert any(not torch.equal(places, other) for other in others)
    assert any(places.tolist() != sorted(p.tolist()) for p in others)


def test_the_partition_is_that_of_the_plan_whatever_the_seed_of_the_run():
    wanted = network("vae", **SIZES)
    plan = vae_plan.plan(wanted, SHAPE, "networks.n")
    for seed in (1, 2):
        model = untrained(spec(wanted, seed=seed)).model
        assert tuple(model.partition.tolist()) == plan.partition


def test_places_are_equally_likely():
    """Over seeds, each of three numbers is layer 1 a third of the time."""
    count = 3000
    firsts = [
        vae_plan.plan(
            network("vae", latents=[1, 1, 1], partition_seed=seed), SHAPE, "n"
        ).partition[0]
        for seed in range(count)
    ]
    for place in range(3):
        share = firsts.count(place) / count
        assert share == pytest.approx(1 / 3, abs=5 * (2 / 9 / count) ** 0.5)


def test_split_undoes_join_and_layers_are_numbers_of_the_code():
    model = flat()
    code = torch.randn(5, 9)
    layers = model.split(code)
    assert [layer.shape for layer in layers] == [(5, 4), (5, 3), (5, 2)]
    assert torch.equal(model.join(layers), code)
    places = model.partition.split([4, 3, 2])
    for layer, part in zip(layers, places, strict=True):
        assert torch.equal(layer, code[:, part])


def test_redrawing_a_layer_changes_its_numbers_of_the_code_alone():
    model = flat()
    before, other = noise(model, 5), noise(model, 5, seed=1)
    for layer, part in enumerate(model.partition.split([4, 3, 2])):
        redrawn = [*before]
        redrawn[layer] = other[layer]
        first, second = (model.join(model.generate(e)) for e in (before, redrawn))
        changed = (first != second).all(0)
        assert torch.equal(changed.nonzero()[:, 0], part.sort().values)
        assert bool((first == second).any(0).eq(~changed).all())


@torch.no_grad()
def test_the_kl_of_the_layers_add_up_to_that_of_the_code():
    model = flat()
    x = torch.rand(5, *SHAPE)
    mean, scale, _ = model.encoder(x)
    _, kl = model.infer(x, noise(model, 5))
    torch.testing.assert_close(kl.sum(1), gaussian_kl(mean, scale))
    for layer, part in enumerate(model.partition.split([4, 3, 2])):
        expected = gaussian_kl(mean[:, part], scale[:, part])
        torch.testing.assert_close(kl[:, layer], expected)


def test_the_partition_is_stored_with_the_weights(tmp_path, monkeypatch):
    """Also where Python's shuffle should ever become another one."""
    wanted = spec(network("vae", **SIZES))
    model = randomise(untrained(wanted).model, std=0.3)
    save_run(tmp_path, wanted, model)
    drawn = noise(model, 3)

    def other(self, code, count):
        return [*code][:count]

    monkeypatch.setattr(vae_plan.random.Random, "sample", other)
    assert untrained(wanted).model.partition.tolist() == [*range(9)]
    loaded: Any = trained_run.load(tmp_path).model
    assert torch.equal(loaded.partition, model.partition)
    with torch.no_grad():
        assert torch.equal(loaded.decode(drawn), model.decode(drawn))
