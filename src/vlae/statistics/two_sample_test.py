"""Classifier two-sample test: can a classifier tell two sets apart?

After Friedman 2003 and Lopez-Paz and Oquab 2017, but with the area under the ROC curve
in place of the accuracy, since it needs no threshold and no equal sizes. The interval
is that of DeLong, DeLong and Clarke-Pearson 1988.
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

from vlae.statistics._checks import Floats, finite, pair, require_count
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
    """Return the AUC of a classifier between two sets.

    It is the mean over `FOLDS` folds of the AUC on rows that the classifier was not
    trained on, a lower bound (apart from the sampling error) for the best classifier.
    The interval is over the held-out rows, given the trained classifiers.

    Args:
        first: (n, d).
        second: (m, d). All rows must be independent, also between the sets.
        classifier: `linear` (logistic regression on standardised features, which sees
            means) or `trees` (boosted trees, which see any difference but need more
            samples).
        level: of the two-sided interval, in (0, 1).
        seed: of the folds and the trees.

    Returns:
        0.5 if the classifier finds no difference, 1 if it separates the sets.

    Raises:
        UserError: if either set has fewer than 20 rows.
        ValueError: if the sets are not (n, d) with the same d, or not finite.
    """
    sets = pair(first, second)
    for rows in sets:
        require_count("separability: rows", len(rows), 20)
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
    """Return the AUC, P(upper > lower) + P(equal) / 2, and DeLong's standard error.

    Args:
        lower: scores (n,), at least 2.
        upper: scores (m,), at least 2.

    Raises:
        UserError: if there are fewer scores.
        ValueError: if there is more than one axis, or scores are not finite.
    """
    low, high = finite("scores", lower, 1), finite("scores", upper, 1)
    for scores in (low, high):
        require_count("area_under_curve: scores", len(scores), 2)
    # The placement of a score is the share of the other side that it beats: its rank
    # among all minus its rank in its own set.
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
