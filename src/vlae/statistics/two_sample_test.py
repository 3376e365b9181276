"""Can a classifier tell two sets apart? Classifier two-sample test.

Friedman 2003, Lopez-Paz and Oquab 2017, with the area under the ROC curve for the
accuracy: it needs no threshold and no equal sizes. The interval is DeLong's (DeLong,
DeLong and Clarke-Pearson 1988).
"""

import math
from typing import Literal

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vlae.statistics._checks import Floats, enough, finite, pair
from vlae.statistics.intervals import Interval

FOLDS = 3

Classifier = Literal["linear", "trees"]


def separability(
    first: ArrayLike,
    second: ArrayLike,
    *,
    classifier: Classifier = "trees",
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """AUC of a classifier between two sets: .5 if it finds no difference, 1 if all.

    It is the mean over `FOLDS` of the AUC on rows that the classifier did not see, a
    lower bound (but for the sampling error) of what the best classifier reaches. The
    interval is of the rows held out, given the classifiers that were trained.

    Args:
        first, second: (n, d) and (m, d). Rows must be independent of each other,
            between the sets too.
        classifier: `linear` (logistic regression on standardised features: sees means)
            or `trees` (boosted trees: sees any difference, but needs more samples).
        level: of the two-sided interval, in (0, 1).

    Raises:
        UserError: fewer than 20 rows in either.
        ValueError: not (n, d) with one d, or not finite.
    """
    sets = pair(first, second)
    for rows in sets:
        enough("separability: rows", len(rows), 20)
    x, y = np.concatenate(sets), np.repeat([0, 1], [len(rows) for rows in sets])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found = []
    for train, test in folds.split(x, y):
        fitted = _classifier(classifier, seed).fit(x[train], y[train])
        scores, truth = fitted.decision_function(x[test]), y[test]
        found.append(area_under_curve(scores[truth == 0], scores[truth == 1]))
    values, errors = np.array(found).T
    value, error = float(values.mean()), float(np.sqrt((errors**2).sum()) / FOLDS)
    half = error * float(scipy.stats.norm.ppf((1 + level) / 2))
    return Interval(value, max(value - half, 0.0), min(value + half, 1.0))


def area_under_curve(lower: ArrayLike, upper: ArrayLike) -> tuple[float, float]:
    """AUC, P(upper > lower) + P(equal) / 2, and its standard error by DeLong.

    Args:
        lower, upper: scores (n,) and (m,), at least 2 of each.

    Raises:
        UserError: fewer.
        ValueError: not one axis, or not finite.
    """
    low, high = finite("scores", lower, 1), finite("scores", upper, 1)
    for scores in (low, high):
        enough("area_under_curve: scores", len(scores), 2)
    # A score's placement is the share of the other side that it beats: its rank among
    # all less its rank among its own.
    ranks: Floats = scipy.stats.rankdata(np.concatenate([low, high]))
    beaten = (ranks[len(low) :] - scipy.stats.rankdata(high)) / len(low)
    beating = 1 - (ranks[: len(low)] - scipy.stats.rankdata(low)) / len(high)
    variance = beaten.var(ddof=1) / len(high) + beating.var(ddof=1) / len(low)
    return float(beaten.mean()), math.sqrt(variance)


def _classifier(
    name: Classifier, seed: int
) -> HistGradientBoostingClassifier | LogisticRegression:
    if name == "linear":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=15, early_stopping=False, random_state=seed
    )
