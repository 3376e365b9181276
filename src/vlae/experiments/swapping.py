"""Layer swapping: some layers of image A, all others of image B, and paths between.

A layer of an image is its noise e_l = (z_l - mean) / scale of p(z_l | layers above), at
z ~ q(z | x). The model is a function of this noise, so "layer l of A, the rest of B" is
the image that it makes of A's noise in layer l and B's noise in all others. Where
layers are independent of one another (VLAE, flat VAE), the noise is the code.

In a hierarchy it is not, and codes cannot be exchanged there: p(x | z_1) of a Markov
HVAE sees z_1 alone, so that the z_1 of B gives B's image whatever lies above it. Noise
is what a layer adds to what those above it say, and the codes below an exchanged layer
move along, as in Figure 3. The noise of inferred codes is N(0, I) only as far as
q(z | x) agrees with the prior, which the experiment `inference` measures.
"""

from collections.abc import Callable, Iterator
from dataclasses import astuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vlae.data.prepared import targets
from vlae.experiments._properties import (
    classifier_accuracies,
    measured_within_class,
    properties,
    within,
)
from vlae.experiments._properties import parts as parts_of
from vlae.experiments.base import Context, Result
from vlae.models.base import Noise
from vlae.statistics.correlation import rank_correlation
from vlae.statistics.intervals import UNDEFINED, jackknife
from vlae.statistics.within_class import class_means, within_class
from vlae.system.errors import UserError
from vlae.training.trained_run import BATCH, decode, grey_levels

CLASSIFIER = "optional"
MEASURES_IMAGES = True

FOUND = [
    *("layers_of_a", "property", "statistic", "image", "value", "low", "high"),
    "pairs",
]
COLUMNS = [*FOUND, "part_of", "classifier_accuracy", "withheld"]
SHARE, CORRELATION = "share", "rank correlation"
ATTRIBUTE_LIMIT = 0.5
"""Probability above which the classifier says that an image has an attribute."""
BLOCKS = 20
"""Blocks of pairs of the jackknife."""
STRAIGHT_COORDINATES = 2
"""Coordinates of a layer up to which paths between codes are straight."""
MIN_SINE = 1e-4
"""Sine of the angle between two codes below which a path is straight."""

Values = dict[str, np.ndarray]
"""Properties of n images by name, (n,) or (n, ...)."""
Rows = list[np.ndarray]
"""Rows of the held-out images A, and of the images B, (n,) each."""


@torch.no_grad()
def run(context: Context) -> Result:
    """Return a table of `COLUMNS`, and pictures of mixtures and of paths.

    Pairs (A, B) are drawn at random from the held-out images, each image once.
    `layers_of_a` are the layers taken from A, such as `3` or `1+2`: every single layer,
    and all layers from the bottom to each; `none` and all of them are reconstructions
    of B and of A. For each property there is a row for A and one for B (`image`):

    - `class`, or each attribute: the share of mixtures of which the classifier says
      what is true of that image, among the pairs of which different things are true
    - a measure of the data set, or one within the class (`part_of` says of which it
      is a part): the rank correlation of mixture and image over all pairs; of several
      numbers, such as a colour, the mean of theirs. The means of the classes are those
      of the images A and B.
    - `pixels`: the share of mixtures that are nearer to that image than to the other,
      in squared error

    `low` and `high` are the ends of 95 % intervals by a jackknife over blocks of pairs,
    `pairs` their number. If `classifier_accuracy` on held-out images is below the
    setting or unknown, `withheld` is true and the numbers are nan.

    Arrays of images (N, C, H, W), uint8, of the first pairs: `a` and `b` as stored,
    `mixed_LAYERS` for the same choices of layers, row by row, with the A of the column
    and the B of the row. `path_1`, `path_2`, ... are of one pair each: a row of `steps`
    images for layer 1, ..., for layer L, and for all layers, as they move from A to B
    in equal steps (see `between`) and all other layers stay those of A.

    Raises:
        UserError: if there are fewer than four held-out images.
    """
    settings, stream = context.settings, context.run.stream("swapping")
    rows = _pairs(context, stream)
    noises = [_noise(context, side, stream) for side in rows]
    stored = context.data.images("test")
    arrays = {
        name: stored[side[: settings["shown"]]]
        for name, side in zip(("a", "b"), rows, strict=True)
    }
    arrays |= _mixed(context, noises) | _paths(context, noises)
    return Result(_table(context, rows, noises), arrays)


def choices(layers: int) -> dict[str, list[int]]:
    """Return which layers are taken from A: their indices from 0, by name.

    Args:
        layers: number of layers.
    """
    singles = [[layer] for layer in range(layers)]
    splits = [[*range(layer)] for layer in range(2, layers + 1)]
    found = [[], *singles, *splits]
    return {"+".join(str(i + 1) for i in some) or "none": some for some in found}


def mixture(of_a: Noise, of_b: Noise, chosen: list[int]) -> Noise:
    """Return the noise of A, (B, d_l) per layer, in chosen layers, else that of B."""
    layers = enumerate(zip(of_a, of_b, strict=True))
    return [a if index in chosen else b for index, (a, b) in layers]


def between(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Return codes on the way between codes of one layer, (B, d).

    In one or two coordinates the way is straight: nowhere is it less probable under the
    prior than at its less probable end. In more coordinates all draws from the prior
    have nearly the same length, sqrt(d), of which a straight way falls short by up to a
    factor sqrt(2). There the direction turns evenly from one code to the other, and the
    length changes evenly (a spherical path). It is straight between codes of the same
    or codes of opposite directions, which do not span a plane.

    Args:
        start: (B, d).
        end: (B, d).
        share: how far on the way, from 0 (`start`) to 1 (`end`).
    """
    straight = start + share * (end - start)
    if start.shape[1] <= STRAIGHT_COORDINATES:
        return straight
    lengths = [code.norm(dim=1, keepdim=True) for code in (start, end)]
    first, last = (
        code / length.clamp_min(torch.finfo(code.dtype).tiny)
        for code, length in zip((start, end), lengths, strict=True)
    )
    angle = (first * last).sum(1, keepdim=True).clamp(-1, 1).acos()
    turned = ((1 - share) * angle).sin() * first + (share * angle).sin() * last
    length = lengths[0] + share * (lengths[1] - lengths[0])
    sine = angle.sin()
    undefined = (sine < MIN_SINE) | (lengths[0] * lengths[1] == 0)
    return torch.where(undefined, straight, length * turned / sine)


def _pairs(context: Context, stream: torch.Generator) -> Rows:
    """Return the rows of the images A and B of every pair, no image twice."""
    available = len(context.data.images("test"))
    count = min(context.settings["pairs"], available // 2)
    if count < 2:
        raise UserError(
            f"experiment swapping: expected four held-out images, got {available}. "
            "Hold out more."
        )
    order = torch.randperm(available, generator=stream, device=context.run.device)
    rows = order.cpu().numpy()
    return [rows[:count], rows[count : 2 * count]]


def _noise(context: Context, rows: np.ndarray, stream: torch.Generator) -> Noise:
    """Return the noise of z ~ q(z | x) of held-out images, (n, d_l) per layer."""
    model, parts = context.run.model, []
    for part in _chunks(len(rows)):
        x, _ = context.observe(context.images("test", rows[part]), stream)
        latents, _ = model.infer(x, model.draw_noise(len(x), stream))
        parts.append(torch.cat(model.residuals(latents), 1))
    return [*torch.cat(parts).split(model.latent_sizes, 1)]


def _chunks(count: int) -> Iterator[slice]:
    """Yield slices of `BATCH` rows, so that few images are in memory at once."""
    return (slice(start, start + BATCH) for start in range(0, count, BATCH))


# Pictures


def _mixed(context: Context, noises: list[Noise]) -> Values:
    """Return the mixtures of each A (a column) with each B (a row), by array name."""
    side = context.settings["shown"]
    of_a, of_b = ([layer[:side] for layer in noise] for noise in noises)
    count = len(of_a[0])
    columns = [layer.repeat(count, 1) for layer in of_a]
    rows = [layer.repeat_interleave(count, 0) for layer in of_b]
    return {
        f"mixed_{name}": grey_levels(
            decode(context.run, mixture(columns, rows, chosen))
        )
        for name, chosen in choices(len(of_a)).items()
    }


def _paths(context: Context, noises: list[Noise]) -> Values:
    """Return the images on the paths of a pair, by array name, see `run`."""
    steps = context.settings["steps"]
    layers = range(len(noises[0]))
    found = {}
    for pair in range(min(context.settings["paths"], len(noises[0][0]))):
        of_a, of_b = ([layer[pair : pair + 1] for layer in side] for side in noises)
        rows = []
        for moved in [*([layer] for layer in layers), [*layers]]:
            for step in range(steps):
                share = step / (steps - 1)
                way = [between(a, b, share) for a, b in zip(of_a, of_b, strict=True)]
                rows.append(mixture(way, of_a, moved))
        noise = [torch.cat(of_layer) for of_layer in zip(*rows, strict=True)]
        found[f"path_{pair + 1}"] = grey_levels(decode(context.run, noise))
    return found


# Numbers


class _Measure:
    """Measures properties of images; those within the class by one mean for all images.

    Args:
        context: says which measures and which classifier to use.
        rows: of the pairs, whose images give the means of the classes.
    """

    def __init__(self, context: Context, rows: Rows) -> None:
        self._context, self._stored = context, context.data.images("test")
        found = [self._of_stored(side) for side in rows]
        both = _joined(found)
        names = measured_within_class(context) if "class" in both else []
        self._means = {n: class_means(both[n], both["class"]) for n in names}
        self.originals = [self._with_class_removed(values) for values in found]
        """Properties of the images A and of the images B, as the classifier sees it."""

    def mixtures(self, noise: Noise, rows: Rows) -> Values:
        """Return properties of the images of noise; of pixels, see `_nearer`.

        Args:
            noise: (n, d_l) per layer.
            rows: of the images A and B that each is a mixture of.
        """
        parts = []
        for part in _chunks(len(rows[0])):
            images = decode(self._context.run, [layer[part] for layer in noise])
            found = properties(self._context, images)
            pixels = found["pixels"]
            sides = (self._stored[side[part]] / np.float32(255) for side in rows)
            found["pixels"] = _nearer(pixels, *sides)
            parts.append(found)
        return self._with_class_removed(_joined(parts))

    def _of_stored(self, rows: np.ndarray) -> Values:
        parts = []
        for part in _chunks(len(rows)):
            images = torch.tensor(self._stored[rows[part]]).float() / 255
            found = properties(self._context, images)
            del found["pixels"]
            parts.append(found)
        return _joined(parts)

    def _with_class_removed(self, found: Values) -> Values:
        return found | {
            within(name): within_class(found[name], found["class"], means)
            for name, means in self._means.items()
        }


def _joined(parts: list[Values]) -> Values:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _nearer(images: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return whether images are nearer to A and whether to B, (n, 2)."""
    to_a, to_b = (((images - other) ** 2).sum((1, 2, 3)) for other in (a, b))
    return np.stack([to_a < to_b, to_b < to_a], 1)


def _table(context: Context, rows: Rows, noises: list[Noise]) -> pd.DataFrame:
    measure, truth = _Measure(context, rows), [_truth(context, side) for side in rows]
    (of_a, of_b), table = noises, []
    for name, chosen in choices(len(of_a)).items():
        seen = measure.mixtures(mixture(of_a, of_b, chosen), rows)
        for found in _kept(seen, measure.originals, truth):
            table.append((name, *found))
    frame = pd.DataFrame(table, columns=FOUND)
    whole, accuracies = parts_of(context), classifier_accuracies(context)
    frame["part_of"] = [whole.get(name, "") for name in frame["property"]]
    frame["classifier_accuracy"] = frame["property"].map(accuracies).astype(float)
    unsure = ~(frame["classifier_accuracy"] >= context.settings["classifier_accuracy"])
    frame["withheld"] = frame["property"].isin(accuracies) & unsure
    frame.loc[frame["withheld"], ["value", "low", "high"]] = np.nan
    return frame[COLUMNS]


def _truth(context: Context, rows: np.ndarray) -> Values:
    """Return what is true of held-out images that a classifier names, (n,) each."""
    if context.classifier is None:
        return {}
    facts = context.classifier.spec.data
    found = targets(context.data.table("test").iloc[rows], facts)
    names = ["class"] if facts.classes else facts.attributes
    return dict(zip(names, found.reshape(len(rows), -1).T, strict=True))


def _kept(
    seen: Values, originals: list[Values], truth: list[Values]
) -> Iterator[tuple[object, ...]]:
    """Yield property, statistic, image, value, low, high and pairs.

    Args:
        seen: properties of the mixtures.
        originals: properties of the images A and of the images B.
        truth: what is true of either, where the classifier names it.
    """
    for name, values in seen.items():
        kept: Callable[..., np.ndarray] = _shares
        statistic, arrays = SHARE, [values]
        if name in truth[0]:
            sides = [side[name] for side in truth]
            named = values.argmax(1) if name == "class" else values > ATTRIBUTE_LIMIT
            hits = np.stack([named == side for side in sides], 1)
            arrays = [hits[sides[0] != sides[1]]]
        elif name != "pixels":
            statistic, kept = CORRELATION, _correlations
            arrays = [values, *(side[name] for side in originals)]
        count = len(arrays[0])
        intervals = [UNDEFINED, UNDEFINED]
        if count > 1:
            intervals = jackknife(kept, *arrays, blocks=min(BLOCKS, count))
        for image, found in zip(("a", "b"), intervals, strict=True):
            yield name, statistic, image, *astuple(found), count


def _shares(hits: np.ndarray) -> np.ndarray:
    found: np.ndarray = hits.mean(0)
    return found


def _correlations(values: np.ndarray, of_a: np.ndarray, of_b: np.ndarray) -> np.ndarray:
    return np.array([rank_correlation(values, side) for side in (of_a, of_b)])
