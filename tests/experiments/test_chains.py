"""The experiment `chains`: against a model whose chain is exactly stationary."""

import importlib
import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from exact_world import (
    CLASSES,
    ExactData,
    exact_classifier,
    exact_model,
    exact_run,
    plausible,
)
from experiments_helpers import context, trained, with_data_noise
from helpers import prepared_strokes, randomise
from linear_gaussian import set_linear

from vlae.experiments._gibbs_chain import gibbs_step
from vlae.experiments._sample_quality import (
    MAX_BLOCK_SIZE,
    Look,
    Standard,
    _quotient,
    class_entropy,
    share_interval,
)
from vlae.experiments.chains import COLUMNS
from vlae.training.trained_run import grey_levels

chains = importlib.import_module("vlae.experiments.chains")

COUNT = 2000
LAST = 40
SETTINGS = {
    "chains": COUNT,
    "steps": [1, 5, LAST],
    "long_chains": 1000,
    "long_steps": [LAST + 20],
    "chains_from_data": 1500,
    "fid_images": 1500,
    "coverage_images": 500,
    "confident": 0.9,
    "shown": 6,
}
KEY = ["arm", "step", "kind", "measure"]
TOLERANCE = 0.006
"""Of a KID that is 0, at n = COUNT: four times its standard deviation over seeds. Its
interval is no help here: between equal distributions the blocks' estimates are skewed.
"""


@pytest.fixture(scope="module")
def world():
    """Data of the exact model, and the model's parts before any test changes them."""
    exact = exact_model()
    weights = {k: v.clone() for k, v in exact.model.state_dict().items()}
    return exact, ExactData(exact, COUNT), weights


def sample(trained_run, data, **changes):
    """Return the table `chains` and its images alone."""
    return chains.sampled(context("chains", trained_run, data, **changes))


@pytest.fixture
def exact(world):
    """The exact model, as new."""
    model, _, weights = world
    model.model.load_state_dict(weights)
    return model


@pytest.fixture
def table(world, exact):
    def of(trained_run=None, **settings):
        options = {
            "classifier": exact_classifier(),
            "settings": {**SETTINGS, **settings},
        }
        found, _ = sample(trained_run or exact_run(exact), world[1], **options)
        return found.set_index(KEY).sort_index()

    return of


@pytest.fixture(scope="module")
def optimum(world):
    """The table of the exact model."""
    model, data, _ = world
    options = {"classifier": exact_classifier(), "settings": SETTINGS}
    found, _ = sample(exact_run(model), data, **options)
    return found.set_index(KEY).sort_index()


def numbers(table, *key):
    row = table.loc[key]
    return row["value"], row["low"], row["high"]


def fits(table, *key):
    """Whether a distance is 0 but for its error."""
    row = table.loc[key]
    return abs(row["value"]) < TOLERANCE * COUNT / row["n"]


# What must come out


def test_at_the_optimum_every_arm_has_the_distribution_of_the_data(optimum):
    """Proposition 1: the chain from noise forgets its start, that from data stays."""
    found = optimum
    arms = [("ancestral", 1), ("noise", LAST), ("noise", LAST + 20)]
    arms += [("data", step) for step in (0, 1, 5, LAST)]
    for arm, step in arms:
        for kind in ("mean", "draw"):
            assert fits(found, arm, step, kind, "kid"), (arm, step)
    for arm, step in arms[1:3] + arms[4:]:
        for kind in ("mean", "draw"):
            assert fits(found, arm, step, kind, "kid_above_ancestral"), (arm, step)
    # It does start elsewhere, and the distance falls.
    distances = [found.loc[("noise", s, "mean", "kid")] for s in (0, 1, LAST)]
    assert distances[0]["low"] > distances[1]["high"]
    assert distances[1]["low"] > distances[2]["high"]


def test_at_the_optimum_all_other_measures_agree_as_well(optimum):
    found = optimum["value"].unstack("measure")
    for kind in ("mean", "draw"):
        floor = found.loc[("data", 0, kind)]
        for arm in (("ancestral", 1), ("noise", LAST), ("data", LAST)):
            row = found.loc[(*arm, kind)]
            for name in ("precision", "recall", "sure", "class_entropy"):
                assert row[name] == pytest.approx(floor[name], abs=0.07), (arm, name)
            assert row["fid"] < 3 * floor["fid"]
            assert row["fid"] < 0.02 * found.loc[("noise", 0, kind), "fid"]


def test_the_chain_never_looks_at_the_upper_layers(table, exact):
    """Their networks made useless, ancestral samples are lost and the chain is not."""
    randomise(exact.model.priors, std=3.0)
    randomise(exact.model.posteriors[1], std=3.0)
    found = table()
    for kind in ("mean", "draw"):
        assert fits(found, "noise", LAST, kind, "kid")
        assert numbers(found, "ancestral", 1, kind, "kid")[1] > TOLERANCE
        assert (
            numbers(found, "noise", LAST, kind, "kid_above_ancestral")[2] < -TOLERANCE
        )


def untrained(exact):
    randomise(exact.model, std=0.5)


def shifted_posterior(exact):
    matrix, shift, scale = exact.bottom
    set_linear(exact.model.posteriors[0].head, matrix, shift + 0.4 * scale, scale)


def too_sharp_posterior(exact):
    matrix, shift, scale = exact.bottom
    set_linear(exact.model.posteriors[0].head, matrix, shift, 0.2 * scale)


@pytest.mark.parametrize("change", [shifted_posterior, too_sharp_posterior])
def test_a_wrong_posterior_is_seen_in_the_chain_alone(table, exact, change):
    """Negative control: the equalities above are no identities."""
    change(exact)
    found = table()
    assert fits(found, "ancestral", 1, "mean", "kid")
    assert numbers(found, "noise", LAST, "mean", "kid_above_ancestral")[1] > TOLERANCE
    assert numbers(found, "data", LAST, "mean", "kid_above_ancestral")[1] > TOLERANCE


def test_an_untrained_model_looks_bad_in_every_arm(table, exact, optimum):
    untrained(exact)
    found = table()
    for arm in (("ancestral", 1), ("noise", LAST), ("data", LAST)):
        for kind in ("mean", "draw"):
            key = (*arm, kind)
            assert found.loc[(*key, "kid"), "low"] > optimum.loc[(*key, "kid"), "high"]
            fid = [x.loc[(*key, "fid"), "value"] for x in (found, optimum)]
            assert fid[0] > 20 * fid[1]


def test_clean_data_under_a_small_scale_lead_the_chain_astray(table, exact):
    """p(x|z) emits noise that q(z|x) has not seen: the encoder is that of clean data.

    Of clean data z is known exactly: q(z_1|x) is the pseudo-inverse of the decoder.
    """
    model = exact.model
    decoder = model.likelihood.mean.affine
    inverse = torch.linalg.pinv(decoder.weight.detach())
    shift = -inverse @ decoder.bias.detach()
    scale = torch.full_like(exact.bottom[2], 0.01)
    set_linear(model.posteriors[0].head, inverse, shift, scale)
    found = table(exact_run(exact, data_noise=0.0))
    assert fits(found, "ancestral", 1, "mean", "kid")
    # It walks away, by a decoder's noise a step.
    assert fits(found, "data", 1, "mean", "kid_above_ancestral")
    assert numbers(found, "data", LAST, "mean", "kid_above_ancestral")[1] > TOLERANCE


# The measures


def test_the_classifier_of_the_reference(optimum, world):
    """Its accuracy is on held-out images; the data noise makes it guess."""
    found = optimum.loc[("held_out", 0)]
    accuracy = found.xs("accuracy", level="measure")
    assert accuracy.loc["mean", "value"] > 0.99
    assert accuracy.loc["draw", "value"] < 0.95
    assert (accuracy["n"] == COUNT).all()
    counts = world[1].table("test")["label"].value_counts(normalize=True)
    expected = -(counts * np.log(counts)).sum()
    entropy = found.loc[("mean", "class_entropy")]
    assert entropy["value"] == pytest.approx(expected, abs=0.005)
    assert entropy["low"] < expected < entropy["high"] < math.log(CLASSES)
    assert entropy["high"] - entropy["low"] < 0.05


def test_shares_have_wilsons_interval():
    found = share_interval(0.2, 100)
    assert (found.value, found.low, found.high) == pytest.approx(
        (0.2, 0.1334, 0.2888), abs=1e-4
    )
    assert share_interval(1.0, 100).low == pytest.approx(
        100 / (100 + 1.96**2), abs=1e-3
    )


def test_entropy_of_classes():
    assert class_entropy(np.array([3, 3, 3])) == 0
    assert class_entropy(np.arange(4)) == pytest.approx(math.log(4))
    expected = -(1 / 4) * math.log(1 / 4) - (3 / 4) * math.log(3 / 4)
    assert class_entropy(np.array([0, 2, 2, 2])) == pytest.approx(expected)


def test_excess_is_the_difference_of_distances_at_one_n(table):
    found = table(chains_from_data=COUNT)["value"]
    for arm, step in (("noise", 1), ("noise", LAST), ("data", LAST)):
        kid = found[(arm, step, "mean", "kid")]
        base = found[("ancestral", 1, "mean", "kid")]
        excess = found[(arm, step, "mean", "kid_above_ancestral")]
        assert excess == pytest.approx(kid - base)


def test_excess_is_surer_than_the_difference_of_two_intervals():
    """Samples that are off alike: the reference's error, in both, cancels."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3, 2000, 8)) + np.array([0, 1, 1])[:, None, None]
    features = features.astype(np.float32)
    reference, *off = (Look(part, part[:, :1]) for part in features)
    standard = Standard(reference, off[0], 0.9, 100, 100)
    rows = [next(standard.distances(look)) for look in off]
    excess, ratio = standard.against_baseline(off[1])
    _, value, low, high, n = excess
    assert plausible(value, low, high, 0)
    assert n == 2000
    apart = math.hypot(*(row[3] - row[2] for row in rows))
    assert high - low < 0.85 * apart
    name, value, low, high, n = ratio
    assert (name, n) == ("kid_over_ancestral", 2000)
    assert plausible(value, low, high, 1)
    assert value == pytest.approx(rows[1][1] / rows[0][1])
    assert high - low < 0.85 * apart / rows[0][1]


def test_a_quotient_needs_samples_that_are_off():
    """Ancestral samples may happen to be nearer than chance; then it is not defined."""
    below = np.array([-0.01, 0.001, -0.002])
    assert np.isnan(_quotient(np.ones(3), below)).all()
    assert _quotient(np.ones(3), np.full(3, 0.5)) == [2.0]


def test_precision_and_recall_have_intervals(table):
    found = table(chains_from_data=COUNT)
    for measure in ("precision", "recall"):
        value, low, high, n = found.loc[("noise", LAST, "mean", measure)]
        expected = share_interval(value, int(n))
        assert (low, high) == (expected.low, expected.high)
        assert low < value < high


# What is looked at


@pytest.fixture(scope="module")
def strokes(tmp_path_factory):
    return prepared_strokes(tmp_path_factory.mktemp("strokes"), 60, 50)


FEW = {
    "chains": 45,
    "steps": [3],
    "long_chains": 24,
    "long_steps": [5],
    "chains_from_data": 30,
    "fid_images": 40,
    "coverage_images": 20,
    "shown": 4,
}


@pytest.mark.parametrize("model", ["hvae", "hvae_autoregressive", "vae"])
def test_table_and_panels(model, strokes):
    table, panels = sample(trained(model), strokes, settings=FEW)
    assert [*table.columns] == COLUMNS
    looks = [("held_out", 0), ("ancestral", 1)]
    looks += [("noise", step) for step in (0, 1, 3, 5)]
    looks += [("data", step) for step in (0, 1, 3)]
    found = table[["arm", "step"]].drop_duplicates()
    assert [*found.itertuples(index=False, name=None)] == looks
    assert [*panels] == [f"{arm}_{step}" for arm, step in looks]
    assert {len(panel) for panel in panels.values()} == {4}
    n = table.set_index(KEY)["n"]
    for measure, most in (("kid", 99), ("fid", 40), ("precision", 20), ("sure", 99)):
        for look, count in {
            ("ancestral", 1): 45,
            ("noise", 3): 45,
            ("noise", 5): 24,
            ("data", 3): 30,
        }.items():
            for kind in ("mean", "draw"):
                assert n[(*look, kind, measure)] == min(count, most), (look, measure)
    assert not table.duplicated(KEY).any()
    reference = set(table.loc[table["arm"] == "held_out", "measure"])
    assert reference == {"sure", "class_entropy", "accuracy"}


def test_few_held_out_images_bound_everything(strokes):
    wanted = {**FEW, "chains": 10_000, "long_chains": 10_000, "chains_from_data": 9000}
    table, _ = sample(trained("hvae"), strokes, settings=wanted)
    assert set(table.loc[table["measure"] == "kid", "n"]) == {50}


def test_chains_take_as_many_steps_as_they_are_looked_at(strokes, monkeypatch):
    """In batches; those that no later look needs end."""
    steps: list[int] = []

    def spy(model, x, stream):
        steps.append(len(x))
        return gibbs_step(model, x, stream)

    monkeypatch.setattr(chains, "gibbs_step", spy)
    monkeypatch.setattr(chains, "BATCH_SIZE", 20)
    sample(trained("hvae"), strokes, settings=FEW)
    noise = [20] * 5 + [20] * 3 + [4] * 2 + [5] * 3
    assert steps == noise + [20] * 3 + [10] * 3


def test_batches_are_joined_in_order(strokes, monkeypatch):
    """Images of the panels and rows of the reference do not depend on the batch."""
    whole = sample(trained("hvae"), strokes, settings=FEW)
    monkeypatch.setattr(chains, "BATCH_SIZE", 3)
    parts = sample(trained("hvae"), strokes, settings={**FEW, "shown": 7})
    for name in ("held_out_0", "data_0"):
        assert np.array_equal(whole[1][name], parts[1][name][:4])
    clean = [found.set_index(KEY).sort_index() for found, _ in (whole, parts)]
    first, second = (table.loc["held_out", 0, "mean"] for table in clean)
    # Another batch sums in another order, so that bits may differ.
    pd.testing.assert_frame_equal(first, second, rtol=1e-5, atol=1e-5)


def test_means_are_held_against_clean_images_and_draws_against_noisy_ones(
    strokes, monkeypatch
):
    """Held-out images are the reference; training images start the chain."""
    seen: dict[tuple[str, int], list[torch.Tensor]] = {}
    add = chains.Looks.add

    def spy(self, arm, step, mean, draw):
        seen[arm, step] = [mean, draw]
        return add(self, arm, step, mean, draw)

    monkeypatch.setattr(chains.Looks, "add", spy)
    weights = with_data_noise(trained("hvae"), 0.3)
    sample(weights, strokes, settings=FEW)
    for look, split in ((("held_out", 0), "test"), (("data", 0), "train")):
        mean, draw = seen[look]
        known = {image.tobytes() for image in strokes.images(split)}
        shown = (mean * 255).round().byte().numpy()
        assert {image.tobytes() for image in shown} <= known
        assert len({image.tobytes() for image in shown}) == len(shown)
        assert (draw - mean).std().item() == pytest.approx(0.3, rel=0.02)
    for look in (("ancestral", 1), ("noise", 3)):
        mean, draw = seen[look]
        scale = weights.spec.objective.scale_value
        assert (draw - mean).std().item() == pytest.approx(scale, rel=0.02)
    start = seen["noise", 0][0]
    assert start.mean().item() == pytest.approx(0.5, abs=0.01)
    assert start.std().item() == pytest.approx(1 / math.sqrt(12), rel=0.02)


def test_blocks_are_at_least_ten_and_at_most_of_five_hundred(table, monkeypatch):
    quality = importlib.import_module("vlae.experiments._sample_quality")
    blocks = set()
    kernel_distances = quality.kernel_distances

    def spy(first, second, block):
        blocks.add((len(first), block))
        return kernel_distances(first, second, block)

    monkeypatch.setattr(quality, "kernel_distances", spy)
    table()
    assert blocks == {(2000, 200), (1500, 150), (1000, 100)}
    assert MAX_BLOCK_SIZE == 500


# The chain itself


def spied(monkeypatch, trained_run, strokes):
    """Table and arrays, and what every step was given and gave."""
    seen = []

    def spy(model, x, stream):
        mean, drawn = gibbs_step(model, x, stream)
        seen.append((x, mean, drawn))
        return mean, drawn

    monkeypatch.setattr(chains, "gibbs_step", spy)
    return sample(trained_run, strokes, settings=FEW), seen


def test_every_step_starts_from_the_draw_before_it_and_not_from_its_mean(
    strokes, monkeypatch
):
    (_, panels), seen = spied(monkeypatch, trained("hvae"), strokes)
    for arm, chain in (("noise", seen[:5]), ("data", seen[5:])):
        for before, after in itertools.pairwise(chain):
            assert torch.equal(after[0], before[2][: len(after[0])])
        for step in (1, 3):
            shown = grey_levels(chain[step - 1][1][: FEW["shown"]])
            assert np.array_equal(panels[f"{arm}_{step}"], shown)


def test_chains_start_at_images_under_the_data_noise(strokes, monkeypatch):
    """What enters q(z1|x) first is noisy like the images of the training."""
    weights = with_data_noise(trained("hvae"), 0.3)
    (_, panels), seen = spied(monkeypatch, weights, strokes)
    for arm, start in (("noise", seen[0][0]), ("data", seen[5][0])):
        clean = torch.tensor(panels[f"{arm}_0"]) / 255
        residue = start[: len(clean)] - clean
        error = 0.3 / math.sqrt(2 * residue.numel())
        assert residue.std().item() == pytest.approx(0.3, abs=5 * error)


def test_the_classifier_is_sure_from_the_threshold_on():
    certainty = np.array([0.9, 0.89, 1.0, 0.5])
    probabilities = np.stack([certainty, 1 - certainty], 1)
    look = Look(np.zeros((4, 1), np.float32), probabilities)
    found = {row[0]: row[1] for row in Standard(look, look, 0.9, 4, 4).classes(look)}
    assert found["sure"] == 2 / 4
    assert found["class_entropy"] == 0
