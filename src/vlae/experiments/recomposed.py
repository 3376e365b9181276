"""Figure 1: parts suffice for a confident classification, not for generation.

Four images make four others: image k takes its part p from image (k + p) mod 4. The
recomposed images therefore consist of the very same parts as the intact ones, each used
once and in its place; only the combinations are new. The four images are of one class
or, as a control, of several. Parts that were never one image meet in a seam, which is
unlikely too. So there is another control: images whose parts are their own, each moved
by one pixel in another direction. They have seams and no new content.
"""

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.config.experiment_outputs import RECOMPOSED_GROUP_SIZE
from vlae.config.run_spec import DataFacts
from vlae.config.term_names import ELBO, RECONSTRUCTION, kl_term
from vlae.data.prepared import targets
from vlae.experiments.base import Context, Result
from vlae.statistics.intervals import UNDEFINED, bootstrap
from vlae.system.errors import UserError
from vlae.system.random_streams import derive
from vlae.training.trained_run import classify, in_batches

CLASSIFIER = "any"
PARTS = RECOMPOSED_GROUP_SIZE
"""Parts of an image, as many as images in a group."""
UNLIKELY_SHARE = 0.05
"""Share of the intact images that count as unlikely: those of lowest ELBO."""

ARMS = ["intact", "moved_parts", "one_class", "several_classes"]
COLUMNS = [
    *("images", "measure", "value", "low", "high"),
    *("difference", "difference_low", "difference_high"),
    *("beyond", "beyond_low", "beyond_high", "count"),
]
DIRECTIONS = {
    "quarters": [(0, 1), (1, 0), (-1, 0), (0, -1)],
    "bands": [(0, 1), (0, -1), (0, 1), (0, -1)],
}
"""Rows and columns by which each part of the same image is moved, by kind of parts.
Quarters turn, so that both seams are shifted along and across; bands shift sideways."""

Values = dict[str, np.ndarray]
"""Measures of each image by name, (N,)."""
Places = list[tuple[slice, slice]]
"""Rows and columns of each part."""


def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, one row per kind of images and measure; and images.

    Measures are:

    - `confidence`: mean of the classifier's largest probability
    - `confident`: share of images with at least the configured confidence
    - `accuracy`: share of images whose class the classifier names (not for
      `several_classes`, which have none)
    - `elbo`, `reconstruction`, `kl_1` ... `kl_L`: means in nats per image, from one
      draw of z
    - `unlikely`: share of images whose ELBO is below the quantile `UNLIKELY_SHARE` of
      the intact images

    `difference` is the change against the same images before they were cut, nan for
    `intact`. `beyond` is the change against the same images of `moved_parts`, that is,
    what a seam does not explain; nan for both. `count` is the number of images.
    Intervals are 95 %, by a bootstrap over groups of four: the images of a group share
    their parts, groups share nothing.

    There are equally many images of each class. If the data have attributes and no
    classes, a class is a value of the attribute that is most evenly split.

    Arrays: the images of each of `ARMS`, (shown, C, H, W), uint8,
    in groups of four (one of each class, then a second of each, and so on); and for
    each of these names `confidence_NAME` and `elbo_NAME` of all images, float32.
    """
    settings, facts = context.settings, context.required_classifier().spec.data
    truth, output = classes(targets(context.data.table("test"), facts), facts)
    rows = grouped(truth, settings["images"], derive(context.run.spec.seed, "parts"))
    rows = rows.flatten()
    intact, named = context.data.images("test")[rows], truth[rows]
    kind = settings["parts"]
    if kind == "auto":
        kind = "quarters" if output is None else "bands"
    places = parts(kind, *intact.shape[2:])
    groups = np.arange(len(rows)).reshape(-1, PARTS)
    several = crossed(groups, len(np.unique(named)))

    arrays = {"intact": intact, "moved_parts": moved(intact, kind)}
    for arm, group in (("one_class", groups), ("several_classes", several)):
        arrays[arm] = recomposed(intact[group], places).reshape(intact.shape)
    values: dict[str, Values] = {}
    table: list[tuple[Any, ...]] = []
    for arm in ARMS:
        known = None if arm == "several_classes" else named
        values[arm] = _measured(context, arrays[arm], known, output)
        order = (several if arm == "several_classes" else groups).flatten()
        same: dict[str, Values] = {
            other: {name: v[order] for name, v in values[other].items()}
            for other in ("intact", "moved_parts")
            if other in values
        }
        table += _rows(arm, values[arm], same)
    shown = settings["shown"] // PARTS * PARTS
    arrays = {name: images[:shown] for name, images in arrays.items()}
    for name in ("confidence", "elbo"):
        arrays |= {f"{name}_{arm}": np.float32(values[arm][name]) for arm in ARMS}
    return Result(pd.DataFrame(table, columns=COLUMNS), arrays)


def classes(truth: np.ndarray, facts: DataFacts) -> tuple[np.ndarray, int | None]:
    """Return the classes of images and the number of the attribute that they are of.

    Args:
        truth: what a classifier learns, see `targets`: classes (N,) or attributes (N,
            A).
        facts: of the data set.

    Returns:
        classes (N,); and None if the data have classes, else the attribute whose share
        is nearest to one half.
    """
    if facts.classes:
        return truth, None
    output = int(np.abs(truth.mean(0) - 0.5).argmin())
    return truth[:, output], output


def grouped(truth: np.ndarray, images: int, seed: int) -> np.ndarray:
    """Return the rows of the images that are used, drawn at random, none twice.

    Args:
        truth: classes (N,).
        images: wanted number of images in all; fewer if the rarest class has fewer.
        seed: of the random choice.

    Returns:
        (groups of a class, classes, PARTS), equally many of every class.

    Raises:
        UserError: if there are fewer than two classes, or fewer than PARTS images of
            one.
    """
    names, counts = np.unique(truth, return_counts=True)
    groups = min(int(counts.min()), max(images // len(names), PARTS)) // PARTS
    if len(names) < 2 or not groups:
        found = ", ".join(f"{n} of {c}" for n, c in zip(counts, names, strict=True))
        raise UserError(
            f"experiment recomposed: expected two classes or more and {PARTS} held-out "
            f"images of each, got {found} (images of class). Hold out more."
        )
    stream = np.random.default_rng(seed)
    chosen = [
        stream.permutation(np.flatnonzero(truth == name))[: groups * PARTS]
        for name in names
    ]
    return np.stack(chosen).reshape(len(names), groups, PARTS).swapaxes(0, 1)


def crossed(groups: np.ndarray, count: int) -> np.ndarray:
    """Return the images of `groups` in groups of several classes, each image used once.

    Args:
        groups: images (G, PARTS), one group of each class, then a second of each, ...
        count: number of classes.

    Returns:
        (G, PARTS); place k of a group is of the k-th class after that of place 0, so a
        group has PARTS different classes if there are that many.
    """
    rounds = groups.reshape(-1, count, PARTS)
    shifted = [np.roll(rounds[..., place], -place, 1) for place in range(PARTS)]
    return np.stack(shifted, 2).reshape(-1, PARTS)


def parts(kind: str, height: int, width: int) -> Places:
    """Return rows and columns of each part of an image.

    Args:
        kind: `quarters`, row by row, or `bands`, from top to bottom.
        height: of the image, in pixels.
        width: of the image, in pixels.
    """
    if kind == "bands":
        cuts = [height * part // PARTS for part in range(PARTS + 1)]
        return [(slice(*cuts[p : p + 2]), slice(None)) for p in range(PARTS)]
    down = (slice(0, height // 2), slice(height // 2, None))
    across = (slice(0, width // 2), slice(width // 2, None))
    return [(rows, columns) for rows in down for columns in across]


def recomposed(images: np.ndarray, places: Places) -> np.ndarray:
    """Return groups in which image k has part p of image (k + p) mod PARTS.

    Args:
        images: groups (G, PARTS, C, H, W).
        places: of the parts, see `parts`.
    """
    found = np.empty_like(images)
    for part, (rows, columns) in enumerate(places):
        moved = np.roll(images, -part, 1)
        found[..., rows, columns] = moved[..., rows, columns]
    return found


def moved(images: np.ndarray, kind: str) -> np.ndarray:
    """Return images of which each part is moved by one pixel, in `DIRECTIONS`.

    A part keeps its place and shows what the whole image, moved, has there; the rows
    and columns that enter the image repeat those at its edge.

    Args:
        images: (N, C, H, W).
        kind: of the parts, see `parts`.
    """
    height, width = images.shape[2:]
    wide = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    found = np.empty_like(images)
    places = parts(kind, height, width)
    for (rows, columns), (down, right) in zip(places, DIRECTIONS[kind], strict=True):
        top, left = 1 - down, 1 - right
        whole = wide[..., top : top + height, left : left + width]
        found[..., rows, columns] = whole[..., rows, columns]
    return found


@torch.no_grad()
def _measured(
    context: Context, images: np.ndarray, named: np.ndarray | None, output: int | None
) -> Values:
    """Return every measure of images (N, C, H, W), uint8.

    Args:
        context: says what to measure with.
        images: (N, C, H, W), uint8.
        named: the class of each image, None if it has none.
        output: the attribute that is the class, None if the data have classes.
    """
    pixels = torch.tensor(images)
    found = _classified(context, pixels, named, output)
    return found | _elbo_terms(context, pixels.to(context.run.device))


def _classified(
    context: Context, pixels: Tensor, named: np.ndarray | None, output: int | None
) -> Values:
    probabilities = classify(context.required_classifier(), pixels.float() / 255)
    if output is not None:
        of_one = probabilities[:, output]
        probabilities = np.stack([1 - of_one, of_one], 1)
    confidence = probabilities.max(1)
    found = {
        "confidence": confidence,
        "confident": confidence >= context.settings["confident"],
    }
    if named is not None:
        found["accuracy"] = probabilities.argmax(1) == named
    return found


def _elbo_terms(context: Context, images: Tensor) -> Values:
    """Return the ELBO and its terms in nats; all kinds of images see the same noise."""
    model, stream = context.run.model, context.run.stream("recomposed")
    x, target = context.observe(images, stream)
    noise = model.draw_noise(len(x), stream)
    layers = range(1, len(model.latent_sizes) + 1)
    names = [ELBO, RECONSTRUCTION, *map(kl_term, layers)]

    def columns(x: Tensor, target: Tensor, *noise: Tensor) -> Tensor:
        terms = model.summary(model.terms(x, target, None, list(noise)))
        return torch.stack([terms[name] for name in names], 1)

    terms = in_batches(columns, x, target, *noise).cpu().numpy()
    return dict(zip(names, terms.T.astype(float), strict=True))


def _rows(arm: str, after: Values, same: dict[str, Values]) -> list[tuple[Any, ...]]:
    """Return rows of the table.

    Args:
        arm: one of `ARMS`.
        after: measures of its images.
        same: measures of the images that they are compared with, by their arm and in
            the same order; those of the arm itself too, if it is one of them.
    """
    rows: list[tuple[Any, ...]] = []
    statistics = {**dict.fromkeys(after, _mean), "unlikely": _unlikely}
    for name, statistic in statistics.items():
        column = "elbo" if name == "unlikely" else name
        own, *others = (
            values[column].reshape(-1, PARTS)
            for values in (after, *(same[other] for other in same))
        )
        value = bootstrap(statistic, own, others[0])
        change, beyond = UNDEFINED, UNDEFINED
        if arm != "intact":
            change = bootstrap(_change(statistic), own, others[0])
        if arm not in ("intact", "moved_parts"):
            beyond = bootstrap(_beyond(statistic), own, *others)
        ends = (*astuple(value), *astuple(change), *astuple(beyond))
        rows.append((arm, name, *ends, own.size))
    return rows


def _mean(after: np.ndarray, before: np.ndarray) -> float:
    del before
    return float(after.mean())


def _unlikely(after: np.ndarray, before: np.ndarray) -> float:
    return float((after < np.quantile(before, UNLIKELY_SHARE)).mean())


def _change(statistic: Callable[..., float]) -> Callable[..., float]:
    return lambda after, before: statistic(after, before) - statistic(before, before)


def _beyond(statistic: Callable[..., float]) -> Callable[..., float]:
    return lambda after, before, moved: (
        statistic(after, before) - statistic(moved, before)
    )
