"""How good samples are, from what the classifier sees in them and in held-out data."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Literal

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray
from torch import Tensor

from vlae.models.base import ImageClassifier
from vlae.statistics.distances import (
    frechet_distance,
    kernel_distances,
    precision_recall,
)
from vlae.statistics.intervals import Interval, bootstrap, jackknife, mean_interval
from vlae.training.trained_run import TrainedRun, describe, grey_levels

LEVEL = 0.95
"""Level of every interval, two-sided."""
MAX_BLOCK_SIZE = 500
"""Samples in a block of the KID, at most."""
MIN_BLOCKS = 10
"""Blocks of the KID, at least: if there are few samples, the blocks are smaller."""
RESAMPLES = 200

Kind = Literal["mean", "draw"]
KINDS: tuple[Kind, ...] = ("mean", "draw")
Row = tuple[str, float, float, float, int]
"""measure, value, low, high, n"""


@dataclass(frozen=True)
class Look:
    """What the classifier sees in n images."""

    features: NDArray[np.float32]
    """Outputs of its penultimate layer, (n, d)."""
    probabilities: NDArray[np.float32]
    """(n, classes)."""

    def __len__(self) -> int:
        return len(self.features)


class Looks:
    """What the classifier saw in images that come in batches, by arm, step and kind.

    Only the first `shown` mean images of each arm and step are kept themselves.
    """

    def __init__(self, classifier: TrainedRun[ImageClassifier], shown: int) -> None:
        self.classifier, self.shown = classifier, shown
        self._seen: dict[tuple[str, int, Kind], list[Look]] = defaultdict(list)
        self._panels: dict[tuple[str, int], list[NDArray[np.uint8]]] = defaultdict(list)

    def add(self, arm: str, step: int, mean: Tensor, draw: Tensor) -> None:
        """Look at a batch of images in both kinds, (B, C, H, W) each."""
        for kind, images in zip(KINDS, (mean, draw), strict=True):
            self._seen[arm, step, kind].append(Look(*describe(self.classifier, images)))
        panel = self._panels[arm, step]
        left = self.shown - sum(len(part) for part in panel)
        if left > 0:
            panel.append(grey_levels(mean[:left]))

    def steps(self) -> list[tuple[str, int]]:
        """Return every arm and step that was looked at, in the order of looking."""
        return list(self._panels)

    def look(self, arm: str, step: int, kind: Kind) -> Look:
        """Return all batches of one arm, step and kind, joined."""
        parts = self._seen[arm, step, kind]
        return Look(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
        )

    def panels(self) -> dict[str, NDArray[np.uint8]]:
        """Return images (shown, C, H, W) by `ARM_STEP`."""
        return {
            f"{arm}_{step}": np.concatenate(parts)
            for (arm, step), parts in self._panels.items()
        }


@dataclass(frozen=True)
class Standard:
    """What samples of one kind are compared with.

    Args:
        reference: held-out images; samples must be independent of them.
        baseline: ancestral samples.
        confident: probability of a class from which the classifier is sure of it.
        fid_images: images of the FID, at most; it depends on n.
        coverage_images: images of precision and recall, at most; they depend on n.
    """

    reference: Look
    baseline: Look
    confident: float
    fid_images: int
    coverage_images: int

    def classes(self, look: Look) -> Iterator[Row]:
        """Yield `sure` and `class_entropy`, which need no reference."""
        n = len(look)
        sure = look.probabilities.max(1) >= self.confident
        yield "sure", *astuple(share_interval(float(sure.mean()), n)), n
        named = look.probabilities.argmax(1)
        found = bootstrap(class_entropy, named, level=LEVEL, resamples=RESAMPLES)
        yield "class_entropy", *astuple(found), n

    def distances(self, look: Look) -> Iterator[Row]:
        """Yield `kid`, `fid`, `precision` and `recall` of samples and the reference."""
        n = min(len(look), len(self.reference))
        yield "kid", *astuple(mean_interval(self._kid(look, n), level=LEVEL)), n
        n = min(n, self.fid_images)
        fid = frechet_distance(look.features[:n], self.reference.features[:n])
        yield "fid", fid, np.nan, np.nan, n
        n = min(n, self.coverage_images)
        found = precision_recall(look.features[:n], self.reference.features[:n])
        yield "precision", *astuple(share_interval(found.precision, n)), n
        yield "recall", *astuple(share_interval(found.recall, n)), n

    def against_baseline(self, look: Look) -> Iterator[Row]:
        """Yield `kid_above_ancestral` and `kid_over_ancestral`.

        They are taken block by block, so that the error of the reference cancels. The
        quotient is not defined if ancestral samples are as near as held-out images.
        """
        n = min(len(look), len(self.reference), len(self.baseline))
        own, other = self._kid(look, n), self._kid(self.baseline, n)
        excess = mean_interval(own - other, level=LEVEL)
        yield "kid_above_ancestral", *astuple(excess), n
        (ratio,) = jackknife(_quotient, own, other, blocks=len(own), level=LEVEL)
        yield "kid_over_ancestral", *astuple(ratio), n

    def _kid(self, look: Look, n: int) -> NDArray[np.float64]:
        """Return estimates (blocks,) from the first n samples of both sides."""
        block = max(2, min(MAX_BLOCK_SIZE, n // MIN_BLOCKS))
        return kernel_distances(look.features[:n], self.reference.features[:n], block)


def share_interval(share: float, n: int) -> Interval:
    """Return the share of n independent draws that are hits, with Wilson's interval."""
    found = scipy.stats.binomtest(round(share * n), n)
    bounds = found.proportion_ci(LEVEL, method="wilson")
    return Interval(share, float(bounds.low), float(bounds.high))


def accuracy(look: Look, truth: NDArray[np.int64]) -> Row:
    """Return the share of images whose true class (n,) the classifier names."""
    right = look.probabilities.argmax(1) == truth
    found = share_interval(float(right.mean()), len(look))
    return "accuracy", *astuple(found), len(look)


def _quotient(
    above: NDArray[np.float64], below: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the quotient of two means, (1,); nan unless the lower one is positive."""
    mean = below.mean()
    return np.array([above.mean() / mean if mean > 0 else np.nan])


def class_entropy(classes: NDArray[np.intp]) -> float:
    """Return the entropy of classes (n,) in nats.

    It is 0 if all images have one class, and log(K) if K classes are equally frequent.
    Classes are first choices: the mean of probabilities would have a large entropy for
    one and the same image that the classifier is unsure of, again and again.
    """
    return float(scipy.special.entr(np.bincount(classes) / len(classes)).sum())
