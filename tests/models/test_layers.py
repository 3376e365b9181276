"""The block notation, the plans, and the torch modules that are built of them."""

import math
from typing import Any

import pytest
import torch
from helpers import (
    NETWORKS,
    layer_settings,
    network,
    noise,
    objective,
    randomise,
    shipped_networks,
)
from torch import nn

from vlae.config import configuration
from vlae.config.run_spec import DataFacts
from vlae.models.hvae import HVAE
from vlae.models.nn.layers import (
    Block,
    Builder,
    SameConv2d,
    SameConvTranspose2d,
    flat,
    fold_batch_norm,
    transposed,
    unflat,
)
from vlae.models.vlae import VLAE
from vlae.networks.notation import chain
from vlae.system import registry

IMAGE = (1, 28, 28)
OBJECTIVE = objective()


def plain_builder():
    return Builder(layer_settings(), "relu")


# Modules of plans

AREAS = [(1, 1), (3, 5), (7, 7), (8, 6), (10, 13), (28, 28)]


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["c", "t"])
def test_convolutions_give_the_planned_shape(kind, stride, area):
    plan = chain(f"{kind}5,{stride}", (2, *area), 1.0, "key")
    x = torch.randn(3, 2, *area)
    assert plain_builder().chain(plan)(x).shape == (3, *plan.outputs)


@pytest.mark.parametrize("batch_norm", ["none", "moving", "batch"])
def test_chains_of_all_blocks_give_the_planned_shape(batch_norm):
    plan = chain("c4,2 f20 f6x5x3 t4,2 lin7 lin4x3x2", IMAGE, 1.0, "key")
    module = Builder(layer_settings(batch_norm, 0.02), "leaky").chain(plan)
    assert module(torch.randn(3, *IMAGE)).shape == (3, *plan.outputs)


@pytest.mark.parametrize(
    ("block", "negative"), [("f4", 0.1), ("f4:relu", 0.0), ("f4:leaky:plain", 0.1)]
)
def test_a_block_may_name_its_activation(block, negative):
    builder = Builder(layer_settings("none", 0.02), "leaky")
    layer: Any = builder.chain(chain(block, (3,), 1.0, "key"))[0]
    x = torch.randn(50, 3)
    expected = nn.functional.leaky_relu(layer.affine(x), negative)
    torch.testing.assert_close(layer(x), expected)


def test_a_plain_block_has_no_batch_norm_and_starts_like_other_layers_without():
    settings = layer_settings("moving", 0.02, unnormed_weights="xavier")
    plan = chain("c64,2:plain c64,1", (16, 8, 8), 1.0, "key")
    blocks: list[Any] = [*Builder(settings, "leaky").chain(plan)]
    plain, normed = blocks
    assert isinstance(plain.norm, nn.Identity)
    assert isinstance(normed.norm, nn.BatchNorm2d)
    assert plain.affine.bias is not None and normed.affine.bias is None
    assert normed.affine.weight.std().item() == pytest.approx(0.02, rel=0.05)
    bound = math.sqrt(6 / (16 * (16 + 64)))  # 4x4 kernels
    assert plain.affine.weight.abs().max().item() == pytest.approx(bound, rel=0.05)


def test_empty_chain_is_the_identity():
    x = torch.randn(3, *IMAGE)
    assert torch.equal(plain_builder().chain(chain("", IMAGE, 1.0, "key"))(x), x)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("multiple", [(1, 1), (2, 3), (7, 5)])
def test_transposed_convolution_is_the_adjoint_of_the_convolution(stride, multiple):
    """<conv(x), y> = <x, transposed(y)> with the same weights."""
    down = SameConv2d(3, 5, stride, bias=False).double()
    up = SameConvTranspose2d(5, 3, stride, bias=False).double()
    with torch.no_grad():
        up.weight.copy_(down.weight)
    x = torch.randn(2, 3, *(n * stride for n in multiple)).double()
    y = torch.randn(2, 5, *multiple).double()
    left, right = (down(x) * y).sum(), (x * up(y)).sum()
    torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)


def test_at_stride_1_a_transposed_convolution_is_one_with_its_kernel_turned_round():
    turned = transposed(5, 3, 1, bias=True)
    plain = SameConvTranspose2d(5, 3, 1, bias=True)
    with torch.no_grad():
        plain.weight.copy_(turned.weight.transpose(0, 1).flip(2, 3))
        assert plain.bias is not None
        assert turned.bias is not None
        plain.bias.copy_(turned.bias)
    x = torch.randn(2, 5, 7, 4)
    torch.testing.assert_close(turned(x), plain(x))


def test_images_are_flattened_channels_last_and_without_a_copy():
    x = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    assert flat(x).data_ptr() == x.data_ptr()
    assert torch.equal(flat(x)[1, :3], x[1, :, 0, 0])
    assert torch.equal(unflat(flat(x), (3, 4, 5)), x)
    assert unflat(flat(x), (3, 4, 5)).data_ptr() == x.data_ptr()
    vector = torch.randn(2, 6)
    assert torch.equal(flat(vector), vector)
    assert torch.equal(unflat(vector, (6,)), vector)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_same_padding_is_centred(stride):
    """A kernel that is 1 at one of its middle pixels picks pixels of its input."""
    x = torch.randn(1, 1, 4 * stride, 6 * stride)
    convolution = SameConv2d(1, 1, stride, bias=False)
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.weight[..., 1, 1] = 1
    # 4 - stride pixels are padded, the smaller half before: kernel pixel 1 meets
    # image pixel 1 less that half.
    first = 1 - (4 - stride) // 2
    assert torch.equal(convolution(x), x[..., first::stride, first::stride])


@pytest.mark.parametrize(("activation", "slope"), [("leaky", 0.1), ("relu", 0.0)])
def test_blocks_are_affine_then_activation(activation, slope):
    builder = Builder(layer_settings(), activation)
    block = builder.chain(chain("f6", (4,), 1.0, "key"))
    affine: Any = block[0].affine
    x = torch.randn(20, 4)
    y = x @ affine.weight.T + affine.bias
    torch.testing.assert_close(block(x), y.clamp(min=0) + slope * y.clamp(max=0))
    plain = builder.chain(chain("lin6", (4,), 1.0, "key"))
    affine = plain[0].affine
    torch.testing.assert_close(plain(x), x @ affine.weight.T + affine.bias)


def test_initial_weights_have_their_standard_deviation():
    std, units = 0.02, 200
    plan = chain(f"f{units}", (units,), 1.0, "key")
    block: Any = Builder(layer_settings(std=std), "relu").chain(plan)[0]
    error = std / math.sqrt(2 * units * units)
    assert block.affine.weight.std().item() == pytest.approx(std, abs=5 * error)
    assert block.affine.bias.abs().max() == 0


# Batch norm


def spread(model, x):
    """Return how much the code of the first image depends on the rest of its batch."""
    with torch.no_grad():
        return (model.posterior(x)[0][0][0] - model.posterior(x[:2])[0][0][0]).norm()


def build_vlae(**changes):
    torch.manual_seed(0)
    return VLAE(network("vlae", **changes), OBJECTIVE, IMAGE)


@pytest.mark.parametrize(
    ("batch_norm", "depends"), [("batch", True), ("moving", False), ("none", False)]
)
def test_batch_statistics_in_evaluation_mode(batch_norm, depends):
    model = build_vlae(batch_norm=batch_norm).eval()
    x = torch.rand(8, *IMAGE)
    assert (spread(model, x) > 1e-3) == depends
    if not depends:
        assert spread(model, x) < 1e-5


def test_batch_statistics_are_the_same_in_training_and_evaluation():
    model, x = build_vlae(batch_norm="batch"), torch.rand(8, *IMAGE)
    with torch.no_grad():
        training = model.train().posterior(x)[1][0]
        assert torch.equal(training, model.eval().posterior(x)[1][0])
    assert not any("running" in name for name in model.state_dict())


def test_moving_statistics_follow_training_batches_only():
    model, x = build_vlae(batch_norm="moving"), torch.rand(8, *IMAGE)
    kept = {k: v.clone() for k, v in model.state_dict().items() if "running" in k}
    assert kept

    def moved():
        now = model.state_dict()
        return [k for k, v in kept.items() if not torch.equal(v, now[k])]

    with torch.no_grad():
        model.eval().posterior(x)
        assert not moved()
        model.train().posterior(x)
        assert moved()


@pytest.mark.parametrize("gain", [True, False])
@pytest.mark.parametrize(
    "blocks", ["f30 lin7", "c8,2 c6,1 f20", "f6x7x7 t8,2 t5,1 t4,3", "f12:relu c8,2"]
)
def test_folded_batch_norm_maps_as_before(blocks, gain):
    torch.manual_seed(0)
    settings = layer_settings(batch_norm="moving", batch_norm_gain=gain)
    start = (9,) if blocks.startswith("f") else (3, 14, 14)
    if blocks.endswith("c8,2"):
        blocks = blocks.replace("f12:relu", "f12x7x7:relu")
    module = Builder(settings, "leaky").chain(chain(blocks, start, 1, "encoder"))
    x = 3 + 2 * torch.randn(50, *start)
    with torch.no_grad():
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                for parameter in norm.parameters():
                    parameter.copy_(torch.rand_like(parameter) + 0.5)
        for _ in range(30):
            module.train()(x)
        before = module.eval()(x)
        fold_batch_norm(module)
        after = module(x)
    assert not any("norm" in name for name in module.state_dict())
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)


def test_statistics_of_the_batch_are_not_folded():
    model = build_vlae(batch_norm="batch")
    names = [*model.state_dict()]
    fold_batch_norm(model)
    assert [*model.state_dict()] == names


def test_without_batch_norm_there_is_no_norm_and_every_layer_has_a_bias():
    model = build_vlae(batch_norm="none")
    modules = list(model.modules())
    norms = nn.BatchNorm1d | nn.BatchNorm2d
    assert not [m for m in modules if isinstance(m, norms)]
    affine = [m for m in modules if isinstance(m, nn.Linear | nn.Conv2d)]
    assert affine
    assert all(m.bias is not None for m in affine)


def test_batch_norm_follows_every_layer_but_plain_ones():
    model = build_vlae(batch_norm="moving")
    blocks = [m for m in model.modules() if isinstance(m, Block)]
    plain = {id(m) for head in model.heads for m in head.children()}
    plain |= {id(model.trunks[0][-1]), id(model.stages[1].body[-1])}  # lin16 both
    for block in blocks:
        has_norm = not isinstance(block.norm, nn.Identity)
        assert has_norm == (id(block) not in plain)
        assert (block.affine.bias is None) == has_norm


# The authors' network


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def convolution(inputs, outputs):
    return 4 * 4 * inputs * outputs + outputs  # kernel; the norm's shift


def dense(inputs, outputs):
    return inputs * outputs + outputs  # the norm has a shift and no gain


def linear(inputs, outputs):
    return inputs * outputs + outputs


def test_the_authors_network_has_its_parameters_and_shapes():
    model = VLAE(shipped("vlae-mnist"), OBJECTIVE, IMAGE)
    units, area, latent = 1024, 7 * 7, 2
    body = convolution(1, 64) + convolution(64, 128)
    bottom = body + 2 * linear(128 * area, latent)
    two = 2 * dense(units, units)
    upper = two + 2 * linear(units, latent)  # a ladder head above the bottom
    encoder = bottom + body + linear(128 * area, units)
    encoder += upper + two + upper
    embed, gate = dense(latent, units), units
    top = dense(latent, units) + dense(units, units) + linear(units, units)
    middle = embed + gate + two + linear(units, units)
    # A transposed convolution has a kernel per pair of channels too.
    last = convolution(128, 64) + (4 * 4 * 64 + 1)
    decode = top + middle + embed + gate + dense(units, 128 * area) + last
    assert parameters(model) == encoder + decode
    assert parameters(model) == pytest.approx(24.8e6, rel=0.01)

    model.eval()
    with torch.no_grad():
        assert model.decode(noise(model, 3)).shape == (3, *IMAGE)
        latents, kl = model.infer(torch.rand(3, *IMAGE), noise(model, 3))
    assert [z.shape for z in latents] == [(3, latent)] * 3
    assert kl.shape == (3, 3)


def shipped(name):
    return shipped_networks()[name]


def built(settings, **data):
    facts = {"shape": settings["input"], "classes": 10, "attributes": [], **data}
    module = registry.load("models", settings["model"])
    return module.build(settings, OBJECTIVE, DataFacts.of(facts))


@pytest.mark.parametrize(
    ("name", "millions", "latents", "stages"),
    [
        # Features below each merge, from the bottom: shapes of the authors' code.
        ("vlae-svhn", 18.5, [5, 5, 5, 10], [(64, 32, 32), (64, 16, 16), (128, 8, 8)]),
        (
            "vlae-celeba",
            51.6,
            [10, 10, 10, 10],
            [(64, 64, 64), (64, 32, 32), (256, 8, 8)],
        ),
    ],
)
def test_colour_networks_are_those_of_the_authors(name, millions, latents, stages):
    settings = shipped(name)
    model, image = built(settings), tuple(settings["input"])
    assert parameters(model) == pytest.approx(millions * 1e6, rel=0.01)
    model.eval()
    shapes = []
    for stage in model.stages[:3]:
        stage.register_forward_hook(lambda *call: shapes.append(call[2].shape[1:]))
    with torch.no_grad():
        assert model.decode(noise(model, 2)).shape == (2, *image)
        found, kl = model.infer(torch.rand(2, *image), noise(model, 2))
    assert shapes == [torch.Size(shape) for shape in reversed(stages)]
    assert [z.shape for z in found] == [(2, size) for size in latents]
    assert kl.shape == (2, 4)


def test_every_network_of_the_configuration_can_be_built():
    for name, settings in shipped_networks().items():
        assert parameters(built({**settings, "width": 0.05})) > 0, name


def test_classifier_of_classes_and_of_attributes():
    """Classes exclude each other, attributes do not; both entropies by hand."""
    settings = network("classifier", initial_std=0.1)
    x = torch.rand(5, *IMAGE)
    classes = built(settings).eval()
    attributes = built(settings, classes=0, attributes=["a", "b", "c"]).eval()
    assert classes(x).shape == (5, 10)
    assert torch.allclose(classes(x).sum(1), torch.ones(5))
    chances = attributes(x)
    assert chances.shape == (5, 3)

    label = torch.tensor([0, 9, 3, 3, 1])
    terms = classes.terms(x, x, label, [])
    picked = classes(x).gather(1, label[:, None])[:, 0]
    assert torch.allclose(terms["cross_entropy"], -picked.log(), atol=1e-5)
    has = torch.tensor([[1, 0, 1]]).expand(5, 3)
    terms = attributes.terms(x, x, has, [])
    likelihood = torch.where(has == 1, chances, 1 - chances)
    assert torch.allclose(
        terms["cross_entropy"], -likelihood.log().sum(1), atol=1e-4, rtol=1e-4
    )
    right = ((chances > 0.5) == (has == 1)).float().mean(1)
    assert torch.equal(terms["accuracy"], right)


def test_width_multiplier_reaches_every_layer_of_a_model():
    wide, narrow = (build_vlae(width=w).state_dict() for w in (1.0, 0.5))
    assert wide.keys() == narrow.keys()
    latents = set(NETWORKS["vlae"]["latents"])
    for name, tensor in wide.items():
        for before, after in zip(tensor.shape, narrow[name].shape, strict=True):
            fixed = before in (1, 7, *latents) or after == before
            assert fixed or before == 2 * after, name
    assert parameters(build_vlae(width=0.5)) < parameters(build_vlae()) / 2


# Models of every depth


def vlae_of(layers, merge, convolutional):
    body = "f4x7x7 t4,2" if convolutional else "f20"
    above = "f4x7x7" if convolutional else "f16"
    stages = [
        {"embed": above, "merge": merge, "body": body if index == 0 else above}
        for index in range(layers - 1)
    ]
    first = "c4,2 c4,2" if convolutional else "f16"
    return network(
        "vlae",
        latents=list(range(2, 2 + layers)),
        heads=[first, *["f16"] * (layers - 1)],
        trunks=[f"{first} lin16", *["f16"] * (layers - 2)][: layers - 1],
        decoder=[*stages, {"body": body if layers == 1 else above}],
    )


def hierarchy_of(name, layers, inference, convolutional):
    """`inference` is None for a model that gives no choice."""
    if not convolutional:
        posterior, end = ["f16"] * layers, "f16"
    elif inference != "bottom-up":  # the features that go up are an image
        posterior, end = ["c4,2"] * layers, "f4x7x7 t4,2"
    else:
        first = "c4,2" if name == "hvae_autoregressive" else "c4,2 f16"
        posterior, end = [first, *["f4x2x2 c4,1"] * (layers - 1)], "f4x7x7 t4,2"
    return network(
        name,
        latents=list(range(6, 6 - layers, -1)),
        **({"inference": inference} if inference else {}),
        posterior=posterior,
        prior=["f12"] * (layers - 1),
        decoder=end,
    )


def hvae_of(layers, inference, convolutional):
    return hierarchy_of("hvae", layers, inference, convolutional)


def vae_of(layers, convolutional):
    encoder, decoder = ("c4,2 c4,2", "f4x7x7 t4,2") if convolutional else ("f16", "f16")
    latents = list(range(2, 2 + layers))
    return network("vae", latents=latents, encoder=encoder, decoder=decoder)


BODIES = {"conv": True, "dense": False}
HIERARCHIES = [
    *(("hvae", inference) for inference in ("bottom-up", "deterministic")),
    *(("hvae_autoregressive", i) for i in ("bottom-up", "deterministic")),
    ("lvae", None),
]
CASES = [
    pytest.param(vlae_of(layers, merge, conv), id=f"vlae-{layers}-{merge}-{body}")
    for layers in (1, 2, 4)
    for merge in ("concat", "gated")
    for conv, body in ((True, "conv"), (False, "dense"))
]
CASES += [
    pytest.param(
        hierarchy_of(name, layers, inference, conv),
        id="-".join([name, str(layers), *([inference] if inference else []), body]),
    )
    for layers in (1, 2, 3)
    for name, inference in HIERARCHIES
    for body, conv in BODIES.items()
]
CASES += [
    pytest.param(vae_of(layers, conv), id=f"vae-{layers}-{body}")
    for layers in (1, 3)
    for body, conv in BODIES.items()
]


@pytest.mark.parametrize("settings", CASES)
def test_models_of_every_depth_compute_what_they_promise(settings):
    count, latents = 5, settings["latents"]
    torch.manual_seed(0)
    model = built(settings)
    x, labels = torch.rand(count, *IMAGE), torch.zeros(count, dtype=torch.long)
    drawn, kl = model.infer(x, noise(model, count))
    assert [z.shape for z in drawn] == [(count, d) for d in latents]
    assert kl.shape == (count, len(latents))
    generated = model.generate(noise(model, count))
    assert [z.shape for z in generated] == [(count, d) for d in latents]
    mean = model.decode(noise(model, count))
    assert mean.shape == (count, *IMAGE)
    assert mean.min() > 0
    assert mean.max() < 1

    terms = model.terms(x, x, labels, noise(model, count))
    assert [*terms] == [
        "reconstruction",
        *(f"kl_{i + 1}" for i in range(len(latents))),
    ]
    assert all(v.shape == (count,) and v.isfinite().all() for v in terms.values())
    model.loss(terms, 1.0).backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None]
    assert not idle


@pytest.mark.parametrize("settings", CASES)
def test_the_same_noise_gives_the_same_image_and_any_layer_another(settings):
    model = built({**settings, "initial_std": 0.3})
    model.eval()
    with torch.no_grad():
        first = noise(model, 3)
        before = model.decode(first)
        assert torch.equal(before, model.decode(first))
        for layer, other in enumerate(noise(model, 3, seed=1)):
            after = model.decode([*first[:layer], other, *first[layer + 1 :]])
            assert not torch.equal(before, after), f"layer {layer + 1}"


def test_concat_puts_what_is_above_first():
    """Eq. 11: [z~_{l+1}; v_l(z_l)]."""
    settings = vlae_of(2, "concat", convolutional=False)
    model = VLAE({**settings, "batch_norm": "none"}, OBJECTIVE, IMAGE)
    stage: Any = model.stages[0]
    above, z = torch.randn(3, 16), torch.randn(3, 2)
    expected = stage.body(torch.cat([above, stage.embed(z)], 1))
    assert torch.equal(stage(z, above), expected)


def test_gated_merge_adds_what_is_gated():
    model = build_vlae(batch_norm="none")
    stage: Any = model.stages[0]
    above, z = torch.randn(3, 16), torch.randn(3, 2)
    torch.testing.assert_close(
        stage(z, above), stage.body(above + 0.1 * stage.embed(z))
    )


def test_hvae_decoder_looks_at_the_bottom_layer_alone():
    model = HVAE(hvae_of(3, "bottom-up", False), OBJECTIVE, IMAGE)
    latents = noise(model, 3)
    others = [latents[0], *noise(model, 3, seed=1)[1:]]
    assert torch.equal(model.decoder(latents), model.decoder(others))


def test_hvae_infers_upper_layers_from_the_draw_below_only_when_bottom_up():
    x = torch.rand(3, *IMAGE)
    for inference, follows in (("bottom-up", True), ("deterministic", False)):
        torch.manual_seed(0)
        model = HVAE(hvae_of(2, inference, False), OBJECTIVE, IMAGE)
        first = noise(model, 3)
        other = [noise(model, 3, seed=1)[0], first[1]]
        tops = [model.infer(x, e)[0][1] for e in (first, other)]
        assert torch.equal(*tops) != follows


def test_posterior_scales_keep_their_bounds():
    x = 100 * torch.randn(50, *IMAGE)
    for scale, largest in (("sigmoid", 1.0), ("softplus", math.inf)):
        changes = {"posterior_scale": scale, "scale_minimum": 0.1, "batch_norm": "none"}
        model = build_vlae(**changes)
        randomise(model, 1.0)
        scales = torch.cat([s for _, s in model.posterior(x)], 1)
        assert scales.min() >= 0.1
        assert scales.max() <= largest + 0.1
        assert (scales.max() > 1.2) == (scale == "softplus")


# Start as in the authors' code


def started(seed, **changes):
    """The paper's network for MNIST, before any training."""
    network = configuration.load().content["networks"]["vlae-mnist"]
    torch.manual_seed(seed)
    return VLAE({**network, **changes}, OBJECTIVE, IMAGE)


def moved_at_the_bottom(model, count=256):
    """Total effect of layer 1 on the output before the sigmoid, of prior draws."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        codes = model.draw_noise(count, generator)
        base = model.likelihood.mean(model.decoder(codes))
        codes[0] = model.draw_noise(count, generator)[0]
        moved = model.likelihood.mean(model.decoder(codes))
        return float(((moved - base) ** 2).mean() / (2 * base.var(0).mean()))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("width", [0.125, 0.25, 0.5])
def test_what_layer_1_moves_at_the_start_does_not_depend_on_the_width(width, seed):
    assert 0.004 < moved_at_the_bottom(started(seed, width=width)) < 0.011


def test_with_normal_weights_everywhere_it_does():
    old = {
        "batch_norm_epsilon": 1e-5,
        "batch_norm_gain": True,
        "unnormed_weights": "normal",
    }
    shares = [moved_at_the_bottom(started(1, width=w, **old)) for w in (0.125, 0.5)]
    assert shares[0] > 2 * shares[1] > 0.1


def test_initial_weights_of_the_authors():
    model = started(1, width=0.25)
    normed: list[Any] = []
    plain: list[Any] = []
    for block in (m for m in model.modules() if isinstance(m, Block)):
        (plain if isinstance(block.norm, nn.Identity) else normed).append(block)
    assert normed and plain
    for block in normed:
        assert block.affine.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert block.norm.weight is None
        assert block.norm.eps == 0.001
    for block in plain:
        weight = block.affine.weight
        bound = math.sqrt(6 / (weight.shape[0] + weight.shape[1]))  # Xavier
        assert weight.abs().max().item() == pytest.approx(bound, rel=0.1)
        assert not block.affine.bias.any()


# Growing from the top


@pytest.mark.parametrize("name", ["vlae-mnist", "vlae-svhn"])
def test_a_layer_that_is_not_there_yet_moves_nothing(name):
    network = shipped(name)
    settings = {**network, "width": 0.125, "batch_norm": "none"}
    model = VLAE(settings, OBJECTIVE, tuple(network["input"])).eval()
    layers = len(network["latents"])
    codes = noise(model, 4)
    with torch.no_grad():
        whole = model.decoder(codes)
        for there in range(layers):
            model.grow([float(layer >= there) for layer in range(layers)])
            grown = model.decoder(codes)
            for layer in range(layers):
                changed = [*codes]
                changed[layer] = changed[layer] + 1
                moves = not torch.equal(model.decoder(changed), grown)
                assert moves == (layer >= there), (layer, there)
        model.grow([1.0] * layers)
        assert torch.equal(model.decoder(codes), whole)
    assert "presence" not in model.state_dict()


def test_the_kl_of_a_layer_does_not_depend_on_its_presence():
    model = started(1, width=0.125).eval()
    x = torch.rand(3, *IMAGE)
    with torch.no_grad():
        before = model.infer(x, noise(model, 3))[1]
        model.grow([0.0, 0.5, 1.0])
        assert torch.equal(model.infer(x, noise(model, 3))[1], before)


def test_other_models_do_not_grow():
    with pytest.raises(NotImplementedError, match="layers of a HVAE do not grow"):
        built(network("hvae")).grow([1.0, 1.0])
