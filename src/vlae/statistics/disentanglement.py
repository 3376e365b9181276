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
from scipy.spatial.distance import cdist
from scipy.special import digamma
from sklearn.neighbors import KDTree

from vlae.statistics._checks import Floats, enough, finite
from vlae.statistics.intervals import standard_error
from vlae.statistics.probes import LEAST, Held, Kind, Values, train_probe

BINS = 10
"""Classes of equal size that a continuous factor is cut into for its information."""
NEIGHBOURS = 3
"""k of the estimate of mutual information."""
TREE = 7
"""Dimensions above which a tree is slower than all distances."""
_ROWS = 500  # of distances in memory at once: 40 MB at n = 10,000

SHUFFLES = 10
"""How often a group is shuffled for its importance."""
ERRORS = 3
"""Standard errors that an importance must be above 0 to count."""

Factors = Mapping[str, Values]


def information(groups: Sequence[ArrayLike], factors: Factors) -> Floats:
    """Mutual information of every group with every factor over the factor's entropy.

    By nearest neighbours (Ross 2014) in a group's whole code, which is neither cut
    into bins nor biased upwards at independence; for a group of one coordinate it is
    scikit-learn's `mutual_info_classif`. Coordinates that say nothing about a factor
    hide those that do: at n = 10,000 a class that one coordinate knows to .98 shows as
    .89 in a group of four and .63 in one of ten. Compare groups of one size.

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
    *,
    seed: int = 0,
) -> DCI:
    """DCI with code groups.

    The predictor of each factor sees all groups. The importance of a group is how much
    its held-out score falls when the rows of the group are shuffled together (the
    papers take coefficients or impurities, which have no scale for groups of different
    sizes). One that is not `ERRORS` standard errors above 0 is taken as 0: shares of
    noise would look like an answer.

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
            importance[row, column] = _importance(held, group, random)
    return DCI(importance, _purity(importance), _purity(importance.T), informativeness)


def _importance(
    held: Held, group: NDArray[np.intp], random: np.random.Generator
) -> float:
    """Score that a predictor loses when columns are shuffled; 0 if that is noise."""
    predicted = held.predict(held.codes)
    shuffled = []
    for _ in range(SHUFFLES):
        codes = held.codes.copy()
        codes[:, group] = random.permutation(codes[:, group])
        shuffled.append(held.predict(codes))

    def loss(truth: Values, with_it: Values, *without: Values) -> float:
        scores = [held.score(truth, guess) for guess in without]
        return held.score(truth, with_it) - float(np.mean(scores))

    # The error over held-out rows of a single shuffle, which is larger than that of
    # their mean: a tenth of the time, and on the safe side.
    rows = (held.values, predicted)
    error = standard_error(loss, *rows, shuffled[0], resamples=50)
    found = loss(*rows, *shuffled)
    return found if found > ERRORS * error else 0.0


def _codes(groups: Sequence[ArrayLike], factors: Factors) -> list[Floats]:
    codes = [finite("codes", group, 2) for group in groups]
    shapes = [values.shape for values in factors.values()]
    if len({len(code) for code in codes} | {shape[0] for shape in shapes}) != 1:
        raise ValueError(f"codes are {[c.shape for c in codes]}, factors {shapes}")
    if any(len(shape) != 1 for shape in shapes):
        raise ValueError(f"factors have one axis, got {shapes}")
    return codes


def _classes(values: Values) -> NDArray[np.intp]:
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
            reach[own] = distances[:, -1] * (1 - 1e-10)
        sizes[own], neighbours[own] = len(own), count
    used = neighbours > 0  # the only one of its class has no neighbour
    if not used.any():
        return 0.0
    kept = code[used]
    near = _near(kept, reach[used])
    return float(
        digamma(len(kept))
        + digamma(neighbours[used]).mean()
        - digamma(sizes[used]).mean()
        - digamma(near).mean()
    )


def _near(code: Floats, reach: Floats) -> NDArray[np.intp]:
    """How many points lie within `reach` (n,) of each point of (n, d), itself too."""
    if code.shape[1] <= TREE:
        counts = KDTree(code).query_radius(code, reach, count_only=True)
    else:
        parts = range(0, len(code), _ROWS)
        counts = np.concatenate(
            [
                (cdist(code[i : i + _ROWS], code) <= reach[i : i + _ROWS, None]).sum(1)
                for i in parts
            ]
        )
    found: NDArray[np.intp] = counts
    return found


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
