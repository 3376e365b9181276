"""Scores of a code against the factors that images were drawn from.

Both are means over single coordinates in the literature; here a unit is a code group,
which is a layer, or a single coordinate as (n, 1).

- SAP (Kumar, Sattigeri and Balakrishnan 2018): by how much one unit predicts a factor
  better than the next best one.
- The FactorVAE score (Kim and Mnih 2018): whether the factor that a set of images has
  in common can be told from the unit that varies least among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlae.statistics._checks import Floats, require_count
from vlae.statistics.factors import Factors, binned, checked
from vlae.statistics.intervals import UNDEFINED, Interval, jackknife
from vlae.statistics.probes import MIN_ROWS, Held, train_probe

MIN_IMAGES = 1000
"""Rows below which the FactorVAE score is not computed."""
VOTE_IMAGES = 40
"""Images with one value in common that vote for a unit."""
VOTES = 800
"""Votes of each half of the images, as many as Kim and Mnih use."""
REPEATS = 10
"""Random halves of the images on which the FactorVAE score is computed."""


@dataclass(frozen=True)
class SAP:
    """SAP, in [0, 1]: how far the best unit is ahead of the second best."""

    scores: Floats
    """What a linear probe of each unit alone knows of each factor, (units, factors)."""
    factors: list[Interval]
    """The gap of each factor; undefined if it does not vary."""
    mean: Interval
    """Mean gap of the factors that vary."""


def sap(groups: Sequence[ArrayLike], factors: Factors, *, seed: int = 0) -> SAP:
    """Return the separated attribute predictability of code groups.

    A unit's score is that of a linear probe on rows that were held out: R^2 of a
    continuous factor, and for a class the balanced accuracy, scaled so that chance is
    0. At one coordinate the first is its squared correlation with the factor, as in the
    paper; for classes the paper has a linear SVM. Scores below 0 count as 0.

    Intervals are those of a jackknife over blocks of held-out rows. They compare the
    two units that are best on all rows, so they leave out that others could be.

    Args:
        groups: codes (n, d_l), at least two.
        factors: each (n,): integers are a class, nothing is undefined.
        seed: of the split into rows for the probes and held-out rows.

    Raises:
        UserError: if there are fewer than `MIN_ROWS` rows.
        ValueError: if there are fewer than two groups, or shapes do not fit.
    """
    codes = checked(groups, factors)
    if len(codes) < 2:
        raise ValueError("SAP compares at least two groups")
    require_count("SAP: rows", len(codes[0]), MIN_ROWS)
    scores = np.full((len(codes), len(factors)), np.nan)
    best: list[tuple[_Guesses, _Guesses] | None] = []
    for column, values in enumerate(factors.values()):
        probes = [train_probe(code, values, "linear", seed) for code in codes]
        units = [_Guesses(p, p.predict(p.codes)) for p in probes if p is not None]
        if not units:  # the factor does not vary
            best.append(None)
            continue
        scores[:, column] = [unit.score(slice(None)) for unit in units]
        second, first = np.argsort(scores[:, column], kind="stable")[-2:]
        best.append((units[first], units[second]))
    rows = next((len(pair[0].predicted) for pair in best if pair), 0)
    if not rows:
        return SAP(scores, [UNDEFINED] * len(best), UNDEFINED)

    def gaps(rows: NDArray[np.intp]) -> Floats:
        found = [p[0].score(rows) - p[1].score(rows) if p else np.nan for p in best]
        return np.array([*found, np.nanmean(found)])

    *each, mean = jackknife(gaps, np.arange(rows))
    return SAP(scores, each, mean)


@dataclass(frozen=True)
class _Guesses:
    """What a probe says of all rows that it was not trained on."""

    probe: Held
    predicted: np.ndarray

    def score(self, rows: Any) -> float:
        """Return the probe's score on some of these rows, at least 0."""
        truth, guess = self.probe.values[rows], self.predicted[rows]
        return max(self.probe.score(truth, guess), 0.0)


@dataclass(frozen=True)
class FactorVAEScore:
    """The accuracy of the majority vote, between its chance and its maximum."""

    accuracy: Interval
    """Mean over random halves of the images, and the range of the middle 95 %."""
    chance: float
    """Accuracy of a vote for one factor, whatever the images: 1 / factors."""
    maximum: float
    """Accuracy if each unit stands for one factor: fewer units than factors cannot
    tell all of them apart."""


def factor_vae_score(
    groups: Sequence[ArrayLike], factors: Factors, *, seed: int = 0
) -> FactorVAEScore:
    """Return the FactorVAE score of code groups.

    A vote takes images that have the value of one factor in common, divides the
    variance of each coordinate among them by that among all images, and names the unit
    whose mean quotient is least. Half of the images teach which factor each unit stands
    for, by the majority of votes; the other half are asked.

    Kim and Mnih draw new images with one factor fixed. Here they are taken from images
    that are there, so that any data set with known factors will do and nothing is
    measured on images that were made for the measurement. It is the same for a class,
    as factors are independent. A continuous factor is never the same in two images; it
    is held within a tenth of its distribution, which leaves about 1 % of a uniform
    factor's variance, and of a normal one's up to 17 % in the outermost tenths.

    Args:
        groups: codes (n, d_l), at least two.
        factors: at least two that vary, each (n,): integers are a class.
        seed: of the halves and the votes.

    Raises:
        UserError: if there are fewer than `MIN_IMAGES` rows, or some factor has no
            value in common to `VOTE_IMAGES` images of a half.
        ValueError: if there are fewer than two groups or factors, or shapes do not fit.
    """
    codes = checked(groups, factors)
    if min(len(codes), len(factors)) < 2:
        raise ValueError("the FactorVAE score needs two groups and two factors")
    count = len(codes[0])
    require_count("FactorVAE score: images", count, MIN_IMAGES)
    units = np.repeat(np.arange(len(codes)), [code.shape[1] for code in codes])
    joined = np.concatenate(codes, 1)
    spread = joined.var(0)
    alive = spread > 0
    joined, units = joined[:, alive] / np.sqrt(spread[alive]), units[alive]
    values = [binned(found) for found in factors.values()]
    random = np.random.default_rng(seed)
    found = []
    for _ in range(REPEATS):
        order = random.permutation(count)
        halves = [order[: count // 2], order[count // 2 :]]
        taught, asked = (
            _votes(joined, units, values, half, len(codes), random) for half in halves
        )
        meaning = taught.argmax(1)
        right = asked[np.arange(len(codes)), meaning].sum()
        found.append(right / asked.sum())
    low, high = np.quantile(found, [0.025, 0.975])
    accuracy = Interval(float(np.mean(found)), float(low), float(high))
    most = min(len(codes), len(factors)) / len(factors)
    return FactorVAEScore(accuracy, 1 / len(factors), most)


def _votes(
    codes: Floats,
    units: NDArray[np.intp],
    values: list[NDArray[np.intp]],
    rows: NDArray[np.intp],
    count: int,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Return how often each of `count` units was named for each factor.

    Args:
        codes: coordinates of unit variance, (n, d).
        units: the unit of each coordinate, (d,).
        values: class numbers of each factor, (n,).
        rows: images that may vote.
        count: number of units.
        random: of the draws.
    """
    found = np.zeros((count, len(values)), np.int64)
    sizes = np.bincount(units, minlength=count)
    for factor, classes in enumerate(values):
        # All factors have as many votes, so that none wins by their number.
        chosen = _alike(classes, rows, VOTES // len(values), random)
        least = np.stack([codes[images].var(0) for images in chosen])
        sums = np.stack([np.bincount(units, v, minlength=count) for v in least])
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf)
        found[:, factor] = np.bincount(means.argmin(1), minlength=count)
    return found


def _alike(
    classes: NDArray[np.intp],
    rows: NDArray[np.intp],
    votes: int,
    random: np.random.Generator,
) -> NDArray[np.intp]:
    """Draw images of one class for each vote, (votes, VOTE_IMAGES), among some rows.

    Classes of at least `VOTE_IMAGES` images are equally likely.
    """
    names, sizes = np.unique(classes[rows], return_counts=True)
    require_count("FactorVAE score: images of one value", sizes.max(), VOTE_IMAGES)
    large = names[sizes >= VOTE_IMAGES]
    parts = []
    for name, count in zip(
        large, random.multinomial(votes, [1 / len(large)] * len(large)), strict=True
    ):
        members = rows[classes[rows] == name]
        order = random.random((count, len(members))).argsort(1)
        parts.append(members[order[:, :VOTE_IMAGES]])
    return np.concatenate(parts)
