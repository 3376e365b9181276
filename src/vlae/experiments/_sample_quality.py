"""How good samples are, from what the classifier sees in them and in held-out images."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray
from torch import Tensor

from vlae.statistics.distances import (
    frechet_distance,
    kernel_distances,
    precision_recall,
)
from vlae.statistics.intervals import Interval, bootstrap, mean_interval
from vlae.training.trained_run import TrainedRun, describe, grey_levels

LEVEL = 0.95
"""Of every interval, two-sided."""
BLOCK = 500
"""Most samples in a block of the KID."""
BLOCKS = 10
"""Fewest blocks of the KID: fewer samples make smaller blocks."""
RESAMPLES = 200

Kind = Literal["mean", "draw"]
KINDS: tuple[Kind, ...] = ("mean", "draw")
Row = tuple[str, float, float, float, int]
"""measure, value, low, high, n"""


@dataclass(frozen=True)
class Look:
    """What the classifier sees in n images."""

    features: NDArray[np.float32]
    """(n, d) of its penultimate layer."""
    probabilities: NDArray[np.float32]
    """(n, classes)."""

    def __len__(self) -> int:
        return len(self.features)


class Looks:
    """What the classifier saw, by arm, step and kind, of images that come in batches.

    Of the images themselves only the first `shown` means of each look are kept.
    """

    def __init__(self, classifier: TrainedRun, shown: int) -> None:
        self.classifier, self.shown = classifier, shown
        self._seen: dict[tuple[str, int, Kind], list[Look]] = defaultdict(list)
        self._panels: dict[tuple[str, int], list[NDArray[np.uint8]]] = defaultdict(list)

    def add(self, arm: str, step: int, mean: Tensor, draw: Tensor) -> None:
        """Look at images (B, C, H, W) in both kinds."""
        for kind, images in zip(KINDS, (mean, draw), strict=True):
            self._seen[arm, step, kind].append(Look(*describe(self.classifier, images)))
        panel = self._panels[arm, step]
        left = self.shown - sum(len(part) for part in panel)
        if left > 0:
            panel.append(grey_levels(mean[:left]))

    def steps(self) -> list[tuple[str, int]]:
        """Every arm and step that was looked at, in that order."""
        return list(self._panels)

    def look(self, arm: str, step: int, kind: Kind) -> Look:
        """All batches of a look, joined."""
        parts = self._seen[arm, step, kind]
        return Look(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
        )

    def panels(self) -> dict[str, NDArray[np.uint8]]:
        """Images (shown, C, H, W) by `ARM_STEP`."""
        return {
            f"{arm}_{step}": np.concatenate(parts)
            for (arm, step), parts in self._panels.items()
        }


@dataclass(frozen=True)
class Standard:
    """What samples of one kind are held against.

    Args:
        reference: held-out images; samples must be independent of them.
        baseline: ancestral samples.
        confident: probability of its class from which the classifier is sure.
        fid_images, coverage_images: most images of the FID, and of precision and
            recall: they depend on n.
    """

    reference: Look
    baseline: Look
    confident: float
    fid_images: int
    coverage_images: int

    def classes(self, look: Look) -> Iterator[Row]:
        """`sure` and `class_entropy`, of any images."""
        n = len(look)
        sure = look.probabilities.max(1) >= self.confident
        yield "sure", *_values(share(sure)), n
        named = look.probabilities.argmax(1)
        found = bootstrap(class_entropy, named, level=LEVEL, resamples=RESAMPLES)
        yield "class_entropy", *_values(found), n

    def distances(self, look: Look) -> Iterator[Row]:
        """`kid`, `fid`, `precision` and `recall`: samples against the reference."""
        n = min(len(look), len(self.reference))
        yield "kid", *_values(mean_interval(self._kid(look, n), level=LEVEL)), n
        n = min(n, self.fid_images)
        fid = frechet_distance(look.features[:n], self.reference.features[:n])
        yield "fid", fid, np.nan, np.nan, n
        n = min(n, self.coverage_images)
        found = precision_recall(look.features[:n], self.reference.features[:n])
        yield "precision", found.precision, np.nan, np.nan, n
        yield "recall", found.recall, np.nan, np.nan, n

    def above_baseline(self, look: Look) -> Row:
        """`kid_above_ancestral`: block by block, so the reference's error cancels."""
        n = min(len(look), len(self.reference), len(self.baseline))
        loss = self._kid(look, n) - self._kid(self.baseline, n)
        found = mean_interval(loss, level=LEVEL)
        return "kid_above_ancestral", *_values(found), n

    def _kid(self, look: Look, n: int) -> NDArray[np.float64]:
        """Estimates (blocks,) from the first n of both."""
        block = max(2, min(BLOCK, n // BLOCKS))
        return kernel_distances(look.features[:n], self.reference.features[:n], block)


def share(hits: NDArray[np.bool]) -> Interval:
    """Share of (n,) independent hits, with Wilson's interval."""
    found = scipy.stats.binomtest(int(hits.sum()), len(hits))
    bounds = found.proportion_ci(LEVEL, method="wilson")
    return Interval(float(hits.mean()), float(bounds.low), float(bounds.high))


def accuracy(look: Look, truth: NDArray[np.int64]) -> Row:
    """Share of images (n,) whose class the classifier names."""
    right = look.probabilities.argmax(1) == truth
    return "accuracy", *_values(share(right)), len(look)


def class_entropy(classes: NDArray[np.intp]) -> float:
    """Entropy of classes (n,) in nats: 0 if all are one, log(K) if K are even."""
    return float(scipy.special.entr(np.bincount(classes) / len(classes)).sum())


def _values(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high
