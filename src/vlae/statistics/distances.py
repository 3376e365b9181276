"""How far apart two sets of images are, from features (n, d) of our own classifier.

- Frechet distance, FID (Heusel et al. 2017)
- squared kernel distance, KID (Binkowski et al. 2018)
- precision and recall (Kynkaanniemi et al. 2019)

All are torch-fidelity's. FID and KID have no absolute scale: they depend on the
classifier, so only values of one classifier can be compared. Every function raises
`UserError` for too few samples and `ValueError` for features that are not (n, d) with
the same d, or not finite.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch_fidelity.metric_fid import (
    KEY_METRIC_FID,
    fid_features_to_statistics,
    fid_statistics_to_metric,
)
from torch_fidelity.metric_kid import kernel_mmd
from torch_fidelity.metric_prc import calculate_precision_recall_part

from vlae.statistics._checks import Floats, enough, pair

BLOCK = 500
"""Samples of either set in one block of the KID."""
NEIGHBOURS = 3
"""k of precision and recall, as in the paper."""

_ROWS = 1000  # of a matrix of distances in memory at once: 40 MB at n = 10,000


def frechet_distance(samples: ArrayLike, reference: ArrayLike) -> float:
    """FID: squared 2-Wasserstein distance of the Gaussians with the sets' moments.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), at least 0, in squared features.

    It is biased upwards by the estimated covariances, and the more so the more
    features: two sets of n from one N(0, s^2 I) in d dimensions give about
    s^2 (2 d / n + d (d + 1) / (2 n)), 6.7 s^2 at n = 5,000 and d = 256. Compare only
    values at equal n, and show beside them what two sets of real images give.

    Args:
        samples, reference: (n, d) and (m, d), n and m at least 2.
    """
    sets = pair(samples, reference)
    for features in sets:
        enough("frechet_distance: samples", len(features), 2)
    moments = [fid_features_to_statistics(torch.from_numpy(x)) for x in sets]
    return float(fid_statistics_to_metric(*moments, verbose=False)[KEY_METRIC_FID])


def kernel_distances(
    samples: ArrayLike, reference: ArrayLike, block: int = BLOCK
) -> Floats:
    """KID: unbiased estimates of MMD^2, one per block; `mean_interval` sums them up.

    The kernel is (x.y / d + 1)^3. Block i compares rows [i block, (i + 1) block) of
    both sets, so that the estimates are independent and their mean has an honest
    standard error, which overlapping subsets do not give. Rows must be in random order;
    those after the last whole block, and of the longer set, are not used. The
    estimates of two kinds of samples against one reference can be subtracted block by
    block: the reference's own error cancels.

    Args:
        samples, reference: (n, d) and (m, d), independent of each other.
        block: at least 2; n and m at least twice as many. Larger blocks have less
            error in all, fewer of them tell it less well. At n = 5,000 and d = 64
            blocks of 500 have 1.14 times the error of all pairs of rows between sets
            that differ, three times between equal ones.

    Returns:
        (min(n, m) // block,), of either sign; mean 0 for equal distributions.
    """
    first, second = pair(samples, reference)
    if block < 2:
        raise ValueError(f"a block has at least 2 samples, got {block}")
    count = min(len(first), len(second)) // block
    enough("kernel_distances: samples", min(len(first), len(second)), 2 * block)
    starts = range(0, count * block, block)
    return np.array(
        [kernel_mmd(first[i : i + block], second[i : i + block]) for i in starts]
    )


@dataclass(frozen=True)
class Coverage:
    """Shares in [0, 1]."""

    precision: float
    """Of samples that lie among the reference: quality."""
    recall: float
    """Of the reference that lies among the samples: variety."""


def precision_recall(
    samples: ArrayLike, reference: ArrayLike, neighbours: int = NEIGHBOURS
) -> Coverage:
    """Precision and recall: shares that lie in the other set's balls.

    Every point's ball reaches to its k-th nearest neighbour in its own set. Both
    numbers depend on n, on d and on the features' scales: two sets of one distribution
    give well below 1 in many dimensions. Compare only values at equal n.

    Args:
        samples, reference: (n, d) and (m, d), n and m more than `neighbours`.
        neighbours: k, at least 1.
    """
    first, second = pair(samples, reference)
    for features in (first, second):
        enough("precision_recall: samples", len(features), neighbours + 1)
    # Single precision halves the time. Distances come from |x|^2 + |y|^2 - 2 x.y: it
    # would lose their digits if the features were far from the origin.
    centre = second.mean(0)
    points = [torch.from_numpy(x - centre).float() for x in (first, second)]
    found = calculate_precision_recall_part(*points, neighbours, _ROWS)
    return Coverage(*(float(share) for share in found))
