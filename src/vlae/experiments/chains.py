"""Proposition 1 and its generalisation: do chains sample as well as the whole model?

Samples are drawn once and measured in many ways. The reference is held-out images, and
everything else is independent of them: chains from data start at training images.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlae.data.prepared import targets
from vlae.experiments import _mixing
from vlae.experiments._gibbs_chain import gibbs_step
from vlae.experiments._sample_quality import KINDS, Looks, Row, Standard, accuracy
from vlae.experiments.base import Context, Result
from vlae.system.progress import Progress
from vlae.system.random_streams import generator

CLASSIFIER = "required"
MEASURES_IMAGES = True
TABLES = ("chains", "mixing")
BATCH_SIZE = 1000
"""Chains in memory at once."""

HELD_OUT, ANCESTRAL = ("held_out", 0), ("ancestral", 1)
"""Arm and step."""
CHAINS = ("noise", "data")

COLUMNS = ["arm", "step", "kind", "measure", "value", "low", "high", "n"]

Start = Callable[[slice, torch.Generator], Tensor]
"""Returns the first images of the chains in some rows: uint8 (B, C, H, W)."""


def run(context: Context) -> Result:
    """Return the tables and arrays of `sampled` and of `_mixing.mixed`.

    They are one experiment since the same figure and claim read both.
    """
    # What mixing refuses, it refuses before the first step of any chain.
    mixing, panel = _mixing.mixed(context)
    chains, panels = sampled(context)
    return Result({"chains": chains, "mixing": mixing}, panels | {"mixing": panel})


@torch.no_grad()
def sampled(context: Context) -> tuple[pd.DataFrame, dict[str, NDArray[np.uint8]]]:
    """Return a table of `COLUMNS`, one row per arm, step, kind and measure; and images.

    `arm`:
        `held_out` is the reference itself, step 0. `ancestral` is samples of the whole
        model, step 1. `noise` and `data` are independent chains from uniform noise and
        from training images, by step. Step 0 is the start, so `data` at step 0 is the
        floor (training against held-out images), and at step 1 reconstructions.

    `kind`:
        `mean` of p(x | z), compared with held-out images as they are; or `draw` of
        p(x | z), compared with held-out images under the data noise of the run.

    `measure`:
        `kid`, the squared kernel distance, and for chains, from step 1 on,
        `kid_above_ancestral`, its excess over ancestral samples, and
        `kid_over_ancestral`, its quotient; `fid`; `precision` and `recall`,
        in [0, 1]; `sure`, the share of images whose class the classifier gives at least
        the configured probability; `class_entropy`, the entropy of the classes that it
        names, in nats; and for `held_out` the `accuracy` of these classes. Distances
        are between the classifier's features. Compare only values of the same
        classifier, and values of `fid`, `precision` and `recall` only at the same n.

    `low`, `high`:
        95 % interval within the run; nan for measures without one. That of `precision`
        is over samples given the reference, that of `recall` over the reference given
        the samples.

    `n`:
        Images on each side. It is smaller than in the settings if the data set has
        fewer images.

    The arrays `ARM_STEP` hold means (shown, C, H, W), uint8, of the same chains at
    every step.
    """
    settings, classifier = context.settings, context.required_classifier()
    looks = Looks(classifier, settings["shown"])
    _draw(context, looks)
    order = _order(context, "test")
    truth = targets(context.data.table("test"), classifier.spec.data)[order]
    rows: list[tuple[str, int, str, *Row]] = []
    for kind in KINDS:
        standard = Standard(
            looks.look(*HELD_OUT, kind),
            looks.look(*ANCESTRAL, kind),
            settings["confident"],
            settings["fid_images"],
            settings["coverage_images"],
        )
        for arm, step in looks.steps():
            look = looks.look(arm, step, kind)
            found = [*standard.classes(look)]
            if (arm, step) == HELD_OUT:
                found.append(accuracy(look, truth[: len(look)]))
            else:
                found += standard.distances(look)
            if arm in CHAINS and step > 0:
                found += standard.against_baseline(look)
            rows += [(arm, step, kind, *row) for row in found]
    return pd.DataFrame(rows, columns=COLUMNS), looks.panels()


def _draw(context: Context, looks: Looks) -> None:
    """Draw every arm, one batch at a time, and look at it."""
    settings, data = context.settings, context.data
    available = len(data.images("test"))
    chains = min(settings["chains"], available)
    long_chains = min(settings["long_chains"], available)
    from_data = min(settings["chains_from_data"], available, len(data.images("train")))
    _draw_standards(context, looks, max(chains, long_chains, from_data))

    order = _order(context, "train")

    def uniform(rows: slice, stream: torch.Generator) -> Tensor:
        size = (rows.stop - rows.start, *data.images("train").shape[1:])
        levels = torch.rand(size, generator=stream, device=context.run.device) * 256
        return levels.byte()

    def training(rows: slice, _: torch.Generator) -> Tensor:
        return context.images("train", order[rows])

    steps = {0, 1, *settings["steps"]}
    looked_at = dict.fromkeys(settings["long_steps"], long_chains)
    looked_at |= dict.fromkeys(steps, chains)
    _run_chains(context, looks, "noise", uniform, looked_at)
    _run_chains(context, looks, "data", training, dict.fromkeys(steps, from_data))


def _draw_standards(context: Context, looks: Looks, count: int) -> None:
    """Look at `count` held-out images and at as many ancestral samples."""
    model, order = context.run.model, _order(context, "test")
    for rows, stream in _batches(context, HELD_OUT[0], count):
        images = context.images("test", order[rows])
        _, x = context.observe(images, stream)
        looks.add(*HELD_OUT, images.float() / 255, x)
    for rows, stream in _batches(context, ANCESTRAL[0], count):
        latents = model.generate(model.draw_noise(rows.stop - rows.start, stream))
        mean, scale = model.likelihood(model.decoder(latents))
        looks.add(*ANCESTRAL, mean, model.likelihood.sample(mean, scale, stream))


def _run_chains(
    context: Context, looks: Looks, arm: str, start: Start, looked_at: dict[int, int]
) -> None:
    """Run chains and look at the first `looked_at[s]` of them at step s."""
    trained, last = context.run, max(looked_at)
    # A chain is continued as long as a later step is looked at.
    needed = [
        max(count for s, count in looked_at.items() if s >= step)
        for step in range(last + 1)
    ]
    name = f"{trained.spec.dataset}/{trained.spec.run} chains from {arm}"
    progress, done = Progress(name, sum(needed[1:]), "steps"), 0
    for rows, stream in _batches(context, arm, needed[0]):
        images = start(rows, stream)
        x, target = context.observe(images, stream)
        looks.add(arm, 0, images.float() / 255, target)
        for step in range(1, last + 1):
            left = min(needed[step], rows.stop) - rows.start
            if left <= 0:
                break
            mean, x = gibbs_step(trained.model, x[:left], stream)
            seen = looked_at.get(step, 0) - rows.start
            if seen > 0:
                looks.add(arm, step, mean[:seen], x[:seen])
            done += left
            progress.update(done)


def _batches(
    context: Context, arm: str, count: int
) -> Iterator[tuple[slice, torch.Generator]]:
    """Yield `count` rows, `BATCH_SIZE` at a time, each with its own random numbers."""
    for start in range(0, count, BATCH_SIZE):
        rows = slice(start, min(start + BATCH_SIZE, count))
        yield rows, context.run.stream("chains", arm, start)


def _order(context: Context, split: str) -> NDArray[np.int64]:
    """Return the rows of a split in random order, since files may be sorted."""
    seed = context.run.spec.seed
    stream = generator(torch.device("cpu"), seed, "chains", "order", split)
    count = len(context.data.images(split))
    rows: NDArray[np.int64] = torch.randperm(count, generator=stream).numpy()
    return rows
