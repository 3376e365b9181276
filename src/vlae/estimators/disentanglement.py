"""Which layer carries which factor, and does any other: MIG, MIG-sup and DCI.

The units are code groups: the layers, or single coordinates, as (n, 1) each.

- MIG (Chen et al. 2018): does each factor sit in one group?
- MIG-sup (Li et al. 2020): does each group carry one factor?
- DCI (Eastwood and Williams 2018): the same two questions from how much a predictor of
  the factors needs each group (disentanglement per group, completeness per factor), and
  how well it predicts (informativeness).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma
from sklearn.neighbors import KDTree

from vlae.estimators._checks import Floats, enough, finite
from vlae.estimators.probes import LEAST, Kind, train_probe

BINS = 10
"""Classes of equal size that a continuous factor is cut into for its information."""
NEIGHBOURS = 3
"""k of the estimate of mutual information."""
FLOOR = 0.02
"""Loss of the predictor's score below which it does not need a group."""
SHUFFLES = 5
"""How often a group is shuffled for its importance."""

Factors = Mapping[str, NDArray[np.generic]]


def information(groups: Sequence[ArrayLike], factors: Factors) -> Floats:
    """Mutual information of every group with every factor over the factor's entropy.

    By nearest neighbours (Ross 2014) in a group's whole code, which is neither cut
    into bins nor biased upwards at independence; for a group of one coordinate it is
    scikit-learn's `mutual_info_classif`. Coordinates that say nothing about a factor
    hide those that do: in groups of ten or more it can be much too small.

    Args:
        groups: codes (n, d_l).
        factors: each (n,): integers are a class; floats are cut into `BINS` classes of
            equal size, nan is undefined and does not count.

    Returns:
        (groups, factors), in [0, 1]; nan for a factor that does not vary.

    Raises:
        UserError: fewer than `LEAST` rows at which a factor is defined.
        ValueError: shapes that do not fit, or codes that are not finite.
    """
    codes = _codes(groups, factors)
    found = np.empty((len(codes), len(factors)))
    for column, (name, values) in enumerate(factors.items()):
        defined = ~np.isnan(values.astype(np.float64))
        enough(f"information: rows with a defined '{name}'", int(defined.sum()), LEAST)
        classes = _classes(values[defined])
        entropy = scipy.stats.entropy(np.unique(classes, return_counts=True)[1])
        for row, code in enumerate(codes):
            found[row, column] = (
                _information(code[defined], classes) / entropy
                if entropy > 0
                else float("nan")
            )
    return found.clip(0, 1)


def mig(shares: Floats) -> Floats:
    """Gap of each factor between the group that knows it best and the second best.

    Args:
        shares: of `information`, (groups, factors), at least two groups.

    Returns:
        (factors,), in [0, 1]; 1 if one group knows all and the others nothing.
    """
    return _gaps(shares)


def mig_sup(shares: Floats) -> Floats:
    """Gap of each group between the factor it knows best and the second best.

    Args:
        shares: of `information`, (groups, factors), at least two factors.

    Returns:
        (groups,), in [0, 1]; 1 if the group knows one factor alone, and all of it.
        Factors that depend on each other make it small whatever the code.
    """
    return _gaps(shares.T)


@dataclass(frozen=True)
class DCI:
    """Disentanglement, completeness, informativeness; all at most 1, 1 is best."""

    importance: Floats
    """(groups, factors): score that the predictor loses without the group."""
    disentanglement: Floats
    """(groups,): 1 if needed for one factor only; nan if for none."""
    completeness: Floats
    """(factors,): 1 if one group is needed; nan if none is."""
    informativeness: Floats
    """(factors,): held-out score, R^2 or adjusted balanced accuracy."""

    @property
    def overall_disentanglement(self) -> float:
        """Mean over groups, weighted by their importance; 0 if none has any."""
        return _weighted(self.disentanglement, self.importance.sum(1))

    @property
    def overall_completeness(self) -> float:
        """Mean over factors, those that nothing predicts as 0."""
        return float(np.nan_to_num(self.completeness).mean())


def dci(
    groups: Sequence[ArrayLike],
    factors: Factors,
    kind: Kind = "trees",
    seed: int = 0,
) -> DCI:
    """DCI with code groups.

    The predictor of each factor sees all groups. The importance of a group is how much
    its held-out score falls when the rows of the group are shuffled together (the
    papers take coefficients or impurities, which have no scale for groups of different
    sizes); below `FLOOR` it is taken as 0.

    Args:
        groups: codes (n, d_l), at least two.
        factors: at least two, each (n,): integers are a class, nan does not count.
        kind: of the predictor, see `probes`.

    Raises:
        as `information`, and ValueError for fewer than two groups or factors.
    """
    codes = _codes(groups, factors)
    if min(len(codes), len(factors)) < 2:
        raise ValueError("DCI compares at least two groups and two factors")
    ends = np.cumsum([code.shape[1] for code in codes])
    columns = np.split(np.arange(ends[-1]), ends[:-1])
    everything = np.concatenate(codes, 1)
    importance = np.zeros((len(codes), len(factors)))
    informativeness = np.full(len(factors), np.nan)
    random = np.random.default_rng(seed)
    for column, values in enumerate(factors.values()):
        held = train_probe(everything, values, kind, seed)
        if held is None:
            continue
        informativeness[column] = held.score(held.values, held.predict(held.codes))
        for row, group in enumerate(columns):
            scores = []
            for _ in range(SHUFFLES):
                shuffled = held.codes.copy()
                shuffled[:, group] = random.permutation(shuffled[:, group])
                scores.append(held.score(held.values, held.predict(shuffled)))
            importance[row, column] = informativeness[column] - np.mean(scores)
    importance[importance < FLOOR] = 0
    return DCI(importance, _purity(importance), _purity(importance.T), informativeness)


def _codes(groups: Sequence[ArrayLike], factors: Factors) -> list[Floats]:
    codes = [finite("codes", group, 2) for group in groups]
    shapes = [values.shape for values in factors.values()]
    if len({len(code) for code in codes} | {shape[0] for shape in shapes}) != 1:
        raise ValueError(f"codes are {[c.shape for c in codes]}, factors {shapes}")
    if any(len(shape) != 1 for shape in shapes):
        raise ValueError(f"factors have one axis, got {shapes}")
    return codes


def _classes(values: NDArray[np.generic]) -> NDArray[np.intp]:
    """Numbers of the classes: the integers' own, or bins of equal size."""
    if np.issubdtype(values.dtype, np.integer):
        return np.unique(values, return_inverse=True)[1]
    # Equal values must not part: bins by the rank of the first of them.
    ranks = scipy.stats.rankdata(values, method="min") - 1
    return (ranks * BINS // len(values)).astype(np.intp)


def _information(code: Floats, classes: NDArray[np.intp]) -> float:
    """I(code; classes) in nats (Ross 2014), of (n, d) and (n,)."""
    spread = code.std(0)
    moves = spread > 0
    if not moves.any():
        return 0.0
    code = code[:, moves] / spread[moves]
    reach, sizes, neighbours = (np.zeros(len(code)) for _ in range(3))
    for name in np.unique(classes):
        own = np.flatnonzero(classes == name)
        # The tree counts a point among its own neighbours.
        count = min(NEIGHBOURS, len(own) - 1)
        if count > 0:
            distances = KDTree(code[own]).query(code[own], k=count + 1)[0]
            # Just below the k-th neighbour: it does not count itself.
            reach[own] = np.nextafter(distances[:, -1], 0)
        sizes[own], neighbours[own] = len(own), count
    used = neighbours > 0  # the only one of its class has no neighbour
    if not used.any():
        return 0.0
    kept = code[used]
    near = KDTree(kept).query_radius(kept, reach[used], count_only=True)
    return float(
        digamma(len(kept))
        + digamma(neighbours[used]).mean()
        - digamma(sizes[used]).mean()
        - digamma(near).mean()
    )


def _gaps(shares: Floats) -> Floats:
    """Largest minus second largest entry of each column of (rows, columns)."""
    if len(shares) < 2:
        raise ValueError(f"a gap needs two rows, got shape {shares.shape}")
    ordered = np.sort(shares, axis=0)
    gaps: Floats = ordered[-1] - ordered[-2]
    return gaps


def _purity(importance: Floats) -> Floats:
    """1 - entropy of each row's shares, base its length; nan for a row of zeros."""
    found = np.full(len(importance), np.nan)
    needed = importance.sum(1) > 0
    base = importance.shape[1]
    found[needed] = 1 - scipy.stats.entropy(importance[needed], base=base, axis=1)
    return found


def _weighted(values: Floats, weights: Floats) -> float:
    total = weights.sum()
    return float((np.nan_to_num(values) * weights).sum() / total) if total > 0 else 0.0
