"""Propositions 1 and 2: do chains sample as well as the whole model?

Samples are drawn once and measured in many ways. The reference is held-out images;
all else is independent of them: chains from data start at training images.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlae.data.noise import observe
from vlae.data.prepared import targets
from vlae.experiments._gibbs_chain import gibbs_step
from vlae.experiments._sample_quality import KINDS, Looks, Row, Standard, accuracy
from vlae.experiments.base import Context, Result
from vlae.system.progress import Progress
from vlae.system.random_streams import generator

CLASSIFIER = "required"
BATCH = 1000
"""Chains in memory at once."""

HELD_OUT, ANCESTRAL = ("held_out", 0), ("ancestral", 1)
"""Arm and step."""
CHAINS = ("noise", "data")

COLUMNS = ["arm", "step", "kind", "measure", "value", "low", "high", "n"]

Images = Callable[[slice, torch.Generator], Tensor]


@torch.no_grad()
def run(context: Context) -> Result:
    """Table of `COLUMNS`, a row per arm, step, kind and measure.

    `arm`:
        `held_out`: the reference itself, step 0. `ancestral`: samples of the whole
        model, step 1. `noise`, `data`: independent chains from uniform noise and from
        training images, by step. Step 0 is the start, so `data` at step 0 is the
        floor (training against held-out images), and at step 1 reconstructions.

    `kind`:
        `mean` of p(x | z), compared with held-out images as they are, or `draw` of
        p(x | z), compared with held-out images under the data noise of the run.

    `measure`:
        `kid`, squared, and its excess over ancestral samples, `kid_above_ancestral`
        (of chains, from step 1 on); `fid`; `precision`, `recall`, in [0, 1]; `sure`,
        share of images whose class the classifier gives at least the configured
        probability; `class_entropy` of the classes it names, nats; of `held_out`,
        the `accuracy` of these classes. Distances are of the classifier's features: only
        values of one classifier, and of `fid`, `precision` and `recall` only those of one
        n, can be compared.

    `low`, `high`:
        interval at level .95 within the run; nan where there is none.

    `n`:
        images on each side. Where the data have fewer than the settings ask for, it
        is what there is.

    Arrays: `ARM_STEP`, means (shown, C, H, W) uint8; the same chains at every step.
    """
    settings, classifier = context.settings, context.classifier
    assert classifier is not None
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
                found.append(standard.above_baseline(look))
            rows += [(arm, step, kind, *row) for row in found]
    return Result(pd.DataFrame(rows, columns=COLUMNS), looks.panels())


def _draw(context: Context, looks: Looks) -> None:
    """Draw every arm, a batch at a time, and look at it."""
    trained, settings, data = context.run, context.settings, context.data
    model, data_noise = trained.model, trained.spec.data_noise
    held_out, training = (_images(context, split) for split in ("test", "train"))
    available = len(data.images("test"))
    chains = min(settings["chains"], available)
    long_chains = min(settings["long_chains"], available)
    from_data = min(settings["chains_from_data"], available, len(data.images("train")))
    most = max(chains, long_chains, from_data)
    for rows, stream in _batches(context, HELD_OUT[0], most):
        images = held_out(rows, stream)
        _, x = observe(images, data_noise, stream)
        looks.add(*HELD_OUT, images.float() / 255, x)
    for rows, stream in _batches(context, ANCESTRAL[0], most):
        latents = model.generate(model.draw_noise(rows.stop - rows.start, stream))
        mean, scale = model.likelihood(model.decoder(latents))
        looks.add(*ANCESTRAL, mean, model.likelihood.sample(mean, scale, stream))

    def uniform(rows: slice, stream: torch.Generator) -> Tensor:
        size = (rows.stop - rows.start, *held_out(slice(0, 1), stream).shape[1:])
        levels = torch.rand(size, generator=stream, device=trained.device) * 256
        return levels.byte()

    steps = {0, 1, *settings["steps"]}
    looked_at = dict.fromkeys(settings["long_steps"], long_chains)
    looked_at |= dict.fromkeys(steps, chains)
    _run_chains(context, looks, "noise", uniform, looked_at)
    _run_chains(context, looks, "data", training, dict.fromkeys(steps, from_data))


def _run_chains(
    context: Context, looks: Looks, arm: str, start: Images, looked_at: dict[int, int]
) -> None:
    """Run chains; at step s the first `looked_at[s]` of them are looked at."""
    trained, last = context.run, max(looked_at)
    # A chain goes on as long as a later step is looked at.
    needed = [
        max(count for s, count in looked_at.items() if s >= step)
        for step in range(last + 1)
    ]
    name = f"{trained.spec.dataset}/{trained.spec.run} chains from {arm}"
    progress, done = Progress(name, sum(needed[1:]), "step"), 0
    for rows, stream in _batches(context, arm, needed[0]):
        images = start(rows, stream)
        x, target = observe(images, trained.spec.data_noise, stream)
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
    """`count` rows, `BATCH` at a time, with random numbers of their own."""
    for start in range(0, count, BATCH):
        rows = slice(start, min(start + BATCH, count))
        yield rows, context.run.stream("chains", arm, start)


def _order(context: Context, split: str) -> NDArray[np.int64]:
    """Rows of a split in random order: files may be sorted by writer."""
    seed = context.run.spec.seed
    stream = generator(torch.device("cpu"), seed, "chains", "order", split)
    count = len(context.data.images(split))
    rows: NDArray[np.int64] = torch.randperm(count, generator=stream).numpy()
    return rows


def _images(context: Context, split: str) -> Images:
    """The images of a split in that order, by rows."""
    order, images = _order(context, split), context.data.images(split)

    def chosen(rows: slice, _: torch.Generator) -> Tensor:
        return torch.tensor(images[order[rows]], device=context.run.device)

    return chosen
