"""How well a linear classifier learns from few labels, on each layer's code."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from vlae.config.experiment_outputs import CODES, COMPONENTS
from vlae.data.prepared import targets
from vlae.experiments.base import Context, Result
from vlae.statistics.few_labels import balanced_rows, few_label_accuracy
from vlae.training.trained_run import BATCH

COLUMNS = [
    *("features", "layer", "dimension", "labels", "repeat", "accuracy"),
    *("chance", "reason"),
]

Row = dict[str, Any]


@dataclass(frozen=True)
class _Features:
    """Features of the pool and of the held-out images, one row per image."""

    name: str
    layer: int
    pool: np.ndarray
    held_out: np.ndarray


def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, one row per features, number of labels and repeat.

    - `features`: `CODES`, where `layer` 0 stands for all layers together; or, as a
      baseline, the first principal `COMPONENTS` of the images, with layer 0, for each
      `dimension` that some code has
    - `labels`: number of labelled images, which are drawn from a pool of training
      images with classes as equal as possible, the same for all features
    - `accuracy`: share of held-out images whose class a logistic regression names
    - `chance`: the accuracy of always naming the most frequent class

    A code is the mean of q(z_l | x, others) at the means of the layers it depends on,
    of images with the data noise of the run; components are of the same images. All
    features are centred and divided by one number, so that their mean variance over the
    pool is 1 and what varies little stays small.

    Where the data set has no classes, or the pool fewer images or classes than needed,
    there is one row with the `reason`, and the accuracy is nan.
    """
    data, settings = context.run.spec.data, context.settings
    if not data.classes:
        return _nothing(f"{context.run.spec.dataset} has no classes")
    stream = context.run.stream("few labels")
    seed = torch.randint(2**62, (), generator=stream, device=stream.device)
    random = np.random.default_rng(int(seed))
    pool = _some_rows(context, "train", settings["pool"], random)
    held_out = _some_rows(context, "test", settings["images"], random)
    labels, truth = (
        targets(context.data.table(split, ["label"]).iloc[rows], data)
        for split, rows in (("train", pool), ("test", held_out))
    )
    if len(np.unique(labels)) < 2:
        return _nothing(f"the {len(pool)} images of the pool have one class")
    features = _features(context, pool, held_out, stream)
    rows = []
    for count in sorted(settings["labels"]):
        if count > len(pool):
            reason = f"{count} labels; the pool has {len(pool)} training images"
            rows.append(_row(labels=count, reason=reason))
            continue
        for repeat in range(1, settings["repeats"] + 1):
            known = balanced_rows(labels, count, random)
            for each in features:
                found = few_label_accuracy(
                    each.pool[known], labels[known], each.held_out, truth
                )
                row = _row(labels=count, repeat=repeat, accuracy=found)
                row |= {"features": each.name, "layer": each.layer}
                rows.append(row | {"dimension": each.pool.shape[1]})
    chance = float(np.unique(truth, return_counts=True)[1].max() / len(truth))
    return Result(pd.DataFrame(rows).assign(chance=chance)[COLUMNS])


def _nothing(reason: str) -> Result:
    return Result(pd.DataFrame([_row(reason=reason)])[COLUMNS])


def _row(**values: Any) -> Row:
    empty = {"features": CODES, "layer": 0, "dimension": 0, "labels": 0, "repeat": 0}
    return empty | {"accuracy": np.nan, "chance": np.nan, "reason": ""} | values


def _some_rows(
    context: Context, split: str, count: int, random: np.random.Generator
) -> NDArray[np.intp]:
    """Draw `count` rows of a split in order; files may be sorted by class."""
    available = len(context.data.images(split))
    return np.sort(random.permutation(available)[:count])


def _features(
    context: Context,
    pool: NDArray[np.intp],
    held_out: NDArray[np.intp],
    stream: torch.Generator,
) -> list[_Features]:
    """Return codes of each layer and of all, and components for each dimension."""
    splits = (("train", pool), ("test", held_out))
    (known, pixels), (asked, other) = (
        _read(context, split, rows, stream) for split, rows in splits
    )
    sizes = context.run.model.latent_sizes
    ends = np.cumsum(sizes)
    parts = [(0, slice(None))] if len(sizes) > 1 else []
    for layer, (size, end) in enumerate(zip(sizes, ends, strict=True), 1):
        parts.append((layer, slice(end - size, end)))
    found = [
        _Features(CODES, layer, *_scaled(known[:, part], asked[:, part]))
        for layer, part in parts
    ]
    most = min(int(ends[-1]), *pixels.shape)
    fitted = PCA(most, svd_solver="randomized", random_state=0).fit(pixels)
    components, others = fitted.transform(pixels), fitted.transform(other)
    for size in sorted({*sizes, int(ends[-1])}):
        if size <= most:
            scaled = _scaled(components[:, :size], others[:, :size])
            found.append(_Features(COMPONENTS, 0, *scaled))
    return found


def _scaled(pool: np.ndarray, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre features and divide all by one number, both found on the pool."""
    mean = pool.mean(0, dtype=np.float64)
    spread = pool.var(0, dtype=np.float64).mean() ** 0.5
    scale = spread if spread > 0 else 1.0
    return (pool - mean) / scale, (held_out - mean) / scale


@torch.no_grad()
def _read(
    context: Context, split: str, rows: NDArray[np.intp], stream: torch.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes (n, d) of images and the images that the encoder saw (n, D)."""
    model = context.run.model
    codes, pixels = [], []
    for part in np.split(rows, range(BATCH, len(rows), BATCH)):
        x, _ = context.observe(context.images(split, part), stream)
        zeros = [torch.zeros(len(x), d, device=x.device) for d in model.latent_sizes]
        codes.append(torch.cat(model.infer(x, zeros)[0], 1).cpu().numpy())
        pixels.append(x.flatten(1).cpu().numpy())
    return np.concatenate(codes), np.concatenate(pixels)
