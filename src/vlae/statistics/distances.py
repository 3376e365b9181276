"""How far apart two sets of images are, from features (n, d) of our own classifier.

- Frechet distance, FID (Heusel et al. 2017)
- squared kernel distance, KID (Binkowski et al. 2018)
- precision and recall (Kynkaanniemi et al. 2019)

All are torch-fidelity's. FID and KID have no absolute scale, since they depend on the
classifier: only values of the same classifier can be compared. Every function raises
`UserError` if there are too few samples, and `ValueError` if the features are not (n,
d) with the same d or not finite.
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

from vlae.statistics._checks import Floats, pair, require_count

BLOCK_SIZE = 500
"""Samples of each set in one block of the KID."""
NEIGHBOURS = 3
"""k of precision and recall, as in their paper."""

_BLOCK_ROWS = 1000  # of a matrix of distances: 40 MB in memory at n = 10,000


def frechet_distance(samples: ArrayLike, reference: ArrayLike) -> float:
    """Return the FID: squared 2-Wasserstein distance of Gaussians fitted to the sets.

    It is `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`, at least 0, in the unit of
    squared features.

    The estimated covariances bias it upwards, and more so with more features: two sets
    of n from one N(0, s^2 I) in d dimensions give about
    s^2 (2 d / n + d (d + 1) / (2 n)), which is 6.7 s^2 at n = 5,000 and d = 256.
    Compare only values at equal n, and show next to them the value of two sets of real
    images.

    Args:
        samples: (n, d), n at least 2.
        reference: (m, d), m at least 2.
    """
    sets = pair(samples, reference)
    for features in sets:
        require_count("frechet_distance: samples", len(features), 2)
    moments = [fid_features_to_statistics(torch.from_numpy(x)) for x in sets]
    return float(fid_statistics_to_metric(*moments, verbose=False)[KEY_METRIC_FID])


def kernel_distances(
    samples: ArrayLike, reference: ArrayLike, block: int = BLOCK_SIZE
) -> Floats:
    """Return the KID of each block: unbiased estimates of MMD^2.

    The kernel is (x.y / d + 1)^3. Block i compares rows [i block, (i + 1) block) of
    both sets, so the estimates are independent and their mean has a valid standard
    error (`mean_interval`), which overlapping subsets do not give. Rows must be in
    random order; rows after the last whole block of the shorter set are not used. The
    estimates of two kinds of samples against the same reference can be subtracted block
    by block: then the error of the reference cancels.

    Args:
        samples: (n, d).
        reference: (m, d), independent of `samples`.
        block: samples per block, at least 2; n and m must be at least twice as large.
            With larger blocks the error is smaller, but it is estimated from fewer
            blocks. At n = 5,000 and d = 64, blocks of 500 have 1.14 times the error of
            all pairs of rows between sets that differ, and three times between equal
            ones.

    Returns:
        (min(n, m) // block,), of either sign; mean 0 for equal distributions.
    """
    first, second = pair(samples, reference)
    if block < 2:
        raise ValueError(f"a block has at least 2 samples, got {block}")
    count = min(len(first), len(second)) // block
    require_count("kernel_distances: samples", min(len(first), len(second)), 2 * block)
    starts = range(0, count * block, block)
    return np.array(
        [kernel_mmd(first[i : i + block], second[i : i + block]) for i in starts]
    )


@dataclass(frozen=True)
class Coverage:
    """Precision and recall of samples, both in [0, 1]."""

    precision: float
    """Share of samples that lie among the reference: quality."""
    recall: float
    """Share of the reference that lies among the samples: variety."""


def precision_recall(
    samples: ArrayLike, reference: ArrayLike, neighbours: int = NEIGHBOURS
) -> Coverage:
    """Return precision and recall: the shares that lie in balls of the other set.

    The ball of a point reaches to its k-th nearest neighbour in its own set. Both
    numbers depend on n, on d and on the scales of the features: in many dimensions two
    sets of one distribution give well below 1. Compare only values at equal n.

    Args:
        samples: (n, d), n more than `neighbours`.
        reference: (m, d), m more than `neighbours`.
        neighbours: k, at least 1.
    """
    first, second = pair(samples, reference)
    for features in (first, second):
        require_count("precision_recall: samples", len(features), neighbours + 1)
    # Single precision halves the time. Distances come from |x|^2 + |y|^2 - 2 x.y, which
    # would lose digits if the features were far from the origin.
    centre = second.mean(0)
    points = [torch.from_numpy(x - centre).float() for x in (first, second)]
    found = calculate_precision_recall_part(*points, neighbours, _BLOCK_ROWS)
    return Coverage(*(float(share) for share in found))
