"""What jobs ask for, beside what was measured and what torch counts."""

import pytest
import torch
from helpers import NETWORKS, spec
from torch.utils.flop_counter import FlopCounterMode

from vlae.config import configuration, resources
from vlae.config.selection import RunName
from vlae.models.base import build_model
from vlae.system.checkout import ROOT

CONFIGS = [ROOT / "config", ROOT / "tests" / "workflow" / "config"]
PAPER = configuration.load()
LARGE = [
    "mnist/vlae",
    "svhn/vlae",
    "svhn/hvae-plain",
    "celeba/vlae",
    "mnist/lvae-equal-budget",
]
LARGE += ["mnist/vae-equal-budget", "mnist/hvae-autoregressive", "celeba/classifier"]


def path_of(overlay):
    """Return the path of an overlay that ships or is for tests."""
    (path,) = (p for folder in CONFIGS if (p := folder / overlay).is_file())
    return path


def run_spec(name, overlay=None, **changes):
    found = configuration.load([path_of(overlay)]) if overlay else PAPER
    return found.specs.run_spec(RunName.parse(name), 0).replace(**changes)


@pytest.mark.parametrize("name", LARGE)
def test_weights_of_the_papers_networks(name):
    wanted = run_spec(name)
    with torch.device("meta"):
        built = sum(p.numel() for p in build_model(wanted).parameters())
    assert resources.work(wanted.network).parameters == pytest.approx(built, rel=0.25)
    if built > 5e6:
        found = resources.work(wanted.network).parameters
        assert found == pytest.approx(built, rel=0.05)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_operations_of_every_kind_of_network(name):
    """Without the last layers, which are no small part of so small networks."""
    wanted = spec(name)
    model = build_model(wanted)
    x, labels = torch.rand(2, *wanted.data.shape), torch.zeros(2).long()
    noise = [torch.zeros(2, size) for size in wanted.network["latents"]]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.terms(x, x, labels, noise)
    found = 2 * resources.work(wanted.network).operations
    assert counter.get_total_flops() / 2.5 <= found <= counter.get_total_flops()


def test_operations_of_the_papers_network():
    wanted = run_spec("mnist/vlae")
    model = build_model(wanted)
    x = torch.rand(2, *wanted.data.shape)
    noise = [torch.zeros(2, size) for size in wanted.network["latents"]]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.terms(x, x, torch.zeros(2).long(), noise)
    found = 2 * resources.work(wanted.network).operations
    assert found == pytest.approx(counter.get_total_flops(), rel=0.03)


# Largest resident sets, MB of 10^6 bytes. The first were measured by
# `benchmarks/memory.py`, the last by Snakemake on 20,000 faces.
TRAININGS = [
    ("mnist/vlae", None, 0, 1496),
    ("mnist/hvae-warmup", None, 0, 1001),
    ("mnist/lvae-equal-budget", None, 0, 1485),
    ("mnist/vae-equal-budget", None, 0, 1451),
    ("mnist/hvae-autoregressive", None, 0, 1013),
    ("mnist/classifier", None, 0, 1004),
    ("svhn/vlae", None, 0, 2039),
    ("svhn/hvae-plain", None, 0, 1231),
    ("svhn/classifier", None, 0, 1156),
    ("celeba/vlae", None, 0, 4340),
    ("celeba/classifier", None, 0, 1268),
    ("mnist/vlae", "mnist-cpu.yaml", 0, 1016),
    ("svhn/vlae", "subset.yaml", 0, 1191),
    ("faces64/vlae", "faces64.yaml", 20_000 * 12_288, 1742),
]
EXPERIMENTS = [
    ("faces64/vlae", "faces64.yaml", "generation", 2151),
    ("celeba/vlae", "subset.yaml", "generation", 1622),
    ("svhn/vlae", "subset.yaml", "generation", 1140),
    ("mnist/vlae", "mnist-cpu.yaml", "recomposed", 1008),
    ("strokes-colour/hvae-warmup", "strokes-seeds.yaml", "generation", 1290),
]


@pytest.mark.parametrize(("name", "overlay", "images", "measured"), TRAININGS)
def test_a_training_gets_what_was_measured_and_a_margin(
    name, overlay, images, measured
):
    asked = resources.training_memory(
        run_spec(name, overlay, device="cpu"), images, 4000
    )
    assert 1.3 * measured < asked - resources.SNAKEMAKE_MB < 2.2 * measured


@pytest.mark.parametrize(("name", "overlay", "experiment", "measured"), EXPERIMENTS)
def test_an_experiment_gets_what_was_measured_and_a_margin(
    name, overlay, experiment, measured
):
    settings = configuration.load([path_of(overlay)]).content["experiments"]
    wanted = run_spec(name, overlay, device="cpu")
    asked = resources.experiment_memory(wanted, settings[experiment])
    assert 1.3 * measured < asked - resources.SNAKEMAKE_MB < 3 * measured


def test_the_page_on_clusters_has_these_tables():
    page = (ROOT / "docs" / "cluster.md").read_text()
    for name, overlay, _, measured in TRAININGS:
        row = f"| {name}{', ' + overlay if overlay else ''}"
        (line,) = [
            found for found in page.splitlines() if f"{found} ".startswith(f"{row} ")
        ]
        assert f"| {measured:,} |" in line
    for *_, measured in EXPERIMENTS[:2]:
        assert f"{measured:,}" in page


def test_images_count_up_to_what_may_stay_in_memory():
    def asked(images, limit):
        return resources.training_memory(run_spec("mnist/classifier"), images, limit)

    assert asked(10**9, 4000) - asked(0, 4000) == 1000
    assert asked(10**10, 4000) - asked(0, 4000) == 4000


# Seconds of trainings that were done here on one thread.
SECONDS = [
    ("mnist/vlae", "mnist-cpu.yaml", 326),
    ("faces64/vlae", "faces64.yaml", 1518),
]


@pytest.mark.parametrize(("name", "overlay", "measured"), SECONDS)
def test_a_training_gets_the_time_that_it_took_and_a_margin(name, overlay, measured):
    wanted = run_spec(name, overlay, device="cpu", threads=1)
    minutes = resources.training_minutes(wanted) - resources.START_MINUTES
    assert 1.5 * measured < 60 * minutes < 6 * measured


def test_a_gpu_needs_less_time_and_more_threads_too():
    slow = resources.training_minutes(run_spec("celeba/vlae", device="cpu", threads=1))
    four = resources.training_minutes(run_spec("celeba/vlae", device="cpu", threads=4))
    fast = resources.training_minutes(run_spec("celeba/vlae", device="auto"))
    assert fast < four < slow


@pytest.mark.parametrize(
    ("run", "changes", "wanted"),
    [
        ("mnist/vlae", {}, False),
        ("mnist/hvae-matched", {}, False),
        ("svhn/vlae", {}, True),
        ("celeba/vlae", {}, True),
        ("mnist/vlae", {"device": "cuda"}, True),
        ("celeba/vlae", {"device": "cpu"}, False),
        ("svhn/vlae", {"threads": 16}, False),
    ],
)
def test_experiments_ask_for_a_gpu_where_a_cpu_would_take_long(run, changes, wanted):
    assert resources.experiment_wants_gpu(run_spec(run, **changes)) is wanted
