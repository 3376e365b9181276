"""Networks as text: blocks, their shapes, and what is refused."""

import pytest
from helpers import NETWORKS, layer_settings, network

from vlae.models.nn.layers import Builder
from vlae.networks import classifier as classifier_plan
from vlae.networks import hvae as hvae_plan
from vlae.networks import hvae_autoregressive as hvae_autoregressive_plan
from vlae.networks import lvae as lvae_plan
from vlae.networks import vae as vae_plan
from vlae.networks import vlae as vlae_plan
from vlae.networks.notation import chain
from vlae.system.errors import UserError

IMAGE = (1, 28, 28)
PLANS = {"hvae_autoregressive": hvae_autoregressive_plan, "lvae": lvae_plan}


def plain_builder():
    return Builder(layer_settings(), "relu")


# The notation


@pytest.mark.parametrize(
    ("text", "inputs", "outputs"),
    [
        ("", IMAGE, IMAGE),
        ("c8,1", IMAGE, (8, 28, 28)),
        ("c8,2", IMAGE, (8, 14, 14)),
        ("c8,2 c16,2 c32,2", IMAGE, (32, 4, 4)),  # 28, 14, 7, and 7 / 2 rounded up
        ("c8,3", (2, 7, 10), (8, 3, 4)),
        ("t8,2", (16, 7, 7), (8, 14, 14)),
        ("t8,3 t4,1", (16, 3, 5), (4, 9, 15)),
        ("f12", IMAGE, (12,)),
        ("lin12", (5,), (12,)),
        ("f8x7x5", (5,), (8, 7, 5)),
        ("f8x7x7 t4,2 c2,2 lin3", (5,), (3,)),
    ],
)
def test_shapes_of_chains(text, inputs, outputs):
    plan = chain(text, inputs, 1.0, "key")
    assert plan.outputs == outputs
    shapes = [inputs, *(layer.outputs for layer in plan.layers)]
    assert [layer.inputs for layer in plan.layers] == shapes[:-1]


def test_width_scales_channels_and_units_but_no_sizes():
    plan = chain("c8,2 f20x7x7 t6,2 lin10", IMAGE, 0.5, "key")
    outputs = [layer.outputs for layer in plan.layers]
    assert outputs == [(4, 14, 14), (10, 7, 7), (3, 14, 14), (5,)]


def test_width_leaves_at_least_one_unit():
    assert chain("c8,1 f8", IMAGE, 0.01, "key").outputs == (1,)


@pytest.mark.parametrize("block", ["q7", "c64", "c64,", "f", "f8x7", "t8,2,3", "64,2"])
def test_unknown_block_is_named(block):
    with pytest.raises(UserError, match=rf"some\.key.*'{block}'"):
        chain(f"c8,2 {block}", IMAGE, 1.0, "some.key")


@pytest.mark.parametrize("block", ["c8,2", "t8,2"])
def test_convolution_after_a_flat_layer_is_refused(block):
    with pytest.raises(UserError, match=rf"some\.key.*'{block}' needs an image"):
        chain(f"f10 {block}", IMAGE, 1.0, "some.key")


@pytest.mark.parametrize("block", ["c8,0", "t8,0"])
def test_stride_zero_is_refused(block):
    with pytest.raises(UserError, match=f"'{block}'"):
        chain(block, IMAGE, 1.0, "key")


def test_transposed_convolution_with_gaps_is_refused():
    """A kernel of 4 pixels cannot cover strides of 5: torch itself would fail."""
    with pytest.raises(UserError, match=r"some\.key.*'t8,5'"):
        chain("t8,5", (8, 7, 7), 1.0, "some.key")


# The plans


@pytest.mark.parametrize("key", ["heads", "trunks", "decoder"])
@pytest.mark.parametrize("change", [lambda x: x[:-1], lambda x: [*x, *x[-1:]]])
def test_vlae_lists_of_the_wrong_length_are_refused(key, change):
    wrong = network("vlae", **{key: change(NETWORKS["vlae"][key])})
    with pytest.raises(UserError, match=rf"^networks\.n\.{key}: "):
        vlae_plan.plan(wrong, IMAGE, "networks.n")


@pytest.mark.parametrize("key", ["posterior", "prior"])
@pytest.mark.parametrize("change", [lambda x: x[:-1], lambda x: [*x, *x[-1:]]])
def test_hvae_lists_of_the_wrong_length_are_refused(key, change):
    wrong = network("hvae", **{key: change(NETWORKS["hvae"][key])})
    with pytest.raises(UserError, match=rf"^networks\.n\.{key}: "):
        hvae_plan.plan(wrong, IMAGE, "networks.n")


@pytest.mark.parametrize("key", ["posterior", "prior"])
@pytest.mark.parametrize("change", [lambda x: x[:-1], lambda x: [*x, *x[-1:]]])
@pytest.mark.parametrize("name", ["hvae_autoregressive", "lvae"])
def test_lists_of_the_wrong_length_of_other_hierarchies_are_refused(name, change, key):
    wrong = network(name, **{key: change(NETWORKS[name][key])})
    with pytest.raises(UserError, match=rf"^networks\.n\.{key}: .*one per layer"):
        PLANS[name].plan(wrong, IMAGE, "networks.n")


@pytest.mark.parametrize(
    ("inference", "first", "expected"),
    [
        ("bottom-up", "c4,2 f24", [IMAGE, (24 + 6,), (24 + 6 + 3,)]),
        ("bottom-up", "c4,2", [IMAGE, (4 * 14 * 14 + 6,), (4 * 14 * 14 + 9,)]),
        ("deterministic", "c4,2", [IMAGE, (4, 14, 14), (12,)]),
    ],
)
def test_what_bodies_of_the_autoregressive_hvae_get(inference, first, expected):
    wanted = network(
        "hvae_autoregressive",
        latents=[6, 3, 2],
        inference=inference,
        posterior=[first, "f12", "f12"],
        prior=["f7", "f5"],
        width=1.0,
    )
    plan = hvae_autoregressive_plan.plan(wanted, IMAGE, "key")
    assert [body.inputs for body in plan.posterior] == expected
    assert [body.inputs for body in plan.prior] == [(3 + 2,), (2,)]
    assert plan.decoder.inputs == (6 + 3 + 2,)


def test_what_bodies_of_the_ladder_get():
    wanted = network(
        "lvae",
        latents=[6, 3, 2],
        posterior=["c4,2", "c4,2", "f12"],
        prior=["f7", "f5"],
    )
    plan = lvae_plan.plan(wanted, IMAGE, "key")
    inputs = [body.inputs for body in plan.posterior]
    assert inputs == [IMAGE, (4, 14, 14), (4, 7, 7)]
    assert [body.inputs for body in plan.prior] == [(3,), (2,)]
    assert plan.decoder.inputs == (6,)


def test_a_convolution_of_draws_is_refused():
    """Above layer 1 of the autoregressive HVAE everything is side by side, flat."""
    wrong = network("hvae_autoregressive", posterior=["c4,2", "c4,2"])
    with pytest.raises(UserError, match=r"posterior\[1\]: .*'c4,2' needs an image"):
        hvae_autoregressive_plan.plan(wrong, IMAGE, "networks.n")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"encoder": "c4"}, r"^networks\.n\.encoder: .*'c4'"),
        ({"decoder": "t4,2"}, r"^networks\.n\.decoder: .*'t4,2' needs an image"),
        ({"decoder": "f4x5x5"}, r"^networks\.n\.decoder: .*28x28"),
    ],
)
def test_impossible_flat_networks_are_refused(change, expected):
    with pytest.raises(UserError, match=expected):
        vae_plan.plan(network("vae", **change), IMAGE, "networks.n")


def test_what_bodies_of_the_flat_vae_get():
    plan = vae_plan.plan(network("vae", latents=[2, 3, 4]), IMAGE, "key")
    assert plan.encoder.inputs == IMAGE
    assert plan.decoder.inputs == (9,)
    assert plan.output_stride == 2


def decoder(bottom, top="f16"):
    return network("vlae", decoder=[bottom, {"body": top}])


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        pytest.param(
            decoder({"embed": "f15", "merge": "gated", "body": "f4"}),
            r"decoder\[0\]\.embed: .*\(15,\).*\(16,\)",
            id="gated-needs-equal-shapes",
        ),
        pytest.param(
            decoder({"merge": "gated", "body": "f4"}),
            r"decoder\[0\]\.embed: .*\(2,\).*\(16,\)",
            id="gated-without-embedding",
        ),
        pytest.param(
            decoder({"embed": "f8", "merge": "concat", "body": "f4"}, "f8x7x7"),
            r"decoder\[0\]\.embed: .*\(8,\).*\(8, 7, 7\)",
            id="concat-flat-to-image",
        ),
        pytest.param(
            decoder({"embed": "f8x5x5", "merge": "concat", "body": "f4"}, "f8x7x7"),
            r"decoder\[0\]\.embed: .*\(8, 5, 5\).*\(8, 7, 7\)",
            id="concat-other-area",
        ),
        pytest.param(
            decoder({"embed": "f16", "body": "f4"}),
            r"decoder\[0\]: 'merge' is missing",
            id="no-merge",
        ),
        pytest.param(
            network("vlae", decoder=2 * NETWORKS["vlae"]["decoder"][:1]),
            r"decoder\[1\]: the top stage",
            id="merge-at-the-top",
        ),
    ],
)
def test_vlae_stages_that_do_not_meet_are_refused(stages, expected):
    with pytest.raises(UserError, match=rf"^networks\.n\.{expected}"):
        vlae_plan.plan(stages, IMAGE, "networks.n")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("f4x5x5", id="28-is-no-multiple-of-5"),
        pytest.param("f4x7x14", id="unequal-strides"),
        pytest.param("f4x56x56", id="larger-than-the-image"),
        pytest.param("f4x4x4", id="stride-7-leaves-gaps"),
    ],
)
def test_impossible_output_stride_is_refused(end):
    with pytest.raises(UserError, match=r"^networks\.n\.decoder: .*28x28"):
        hvae_plan.plan(network("hvae", decoder=end), IMAGE, "networks.n")


@pytest.mark.parametrize(
    ("end", "stride"), [("f4x28x28", 1), ("f4x14x14", 2), ("f4x7x7", 4), ("f9", None)]
)
def test_output_stride(end, stride):
    plan = hvae_plan.plan(network("hvae", decoder=end), IMAGE, "key")
    assert plan.output_stride == stride


def test_errors_in_blocks_name_the_layer():
    wrong = network("vlae", heads=["f8", "c8,2"])
    with pytest.raises(UserError, match=r"^networks\.n\.heads\[1\]: "):
        vlae_plan.plan(wrong, IMAGE, "networks.n")


def test_classifier_plan():
    plan = classifier_plan.plan(network("classifier", width=0.5), IMAGE, "key")
    assert [layer.outputs for layer in plan.body.layers] == [(2, 14, 14), (12,)]
