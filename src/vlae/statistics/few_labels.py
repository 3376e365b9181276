"""A linear classifier that learns from few labels: how usable a code is as it is."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold

from vlae.statistics._checks import Floats

STRENGTHS = (1e-2, 1e-1, 1.0, 1e1)
"""Values of C, the inverse of the regularisation, that are tried."""
DEFAULT_STRENGTH = 1.0
"""C where some class has a single label, so that none can be held out."""
FOLDS = 3
"""Folds of the cross-validation, at most."""

Labels = NDArray[np.int64]


def balanced_rows(
    labels: Labels, count: int, random: np.random.Generator
) -> NDArray[np.intp]:
    """Draw rows whose classes are as equally frequent as they can be.

    Classes take turns until there are `count` rows; one that has no more rows is passed
    over, and the turn in which not all can have one goes to classes at random.

    Args:
        labels: class of each row, (n,).
        count: number of rows, at most n.
        random: of the draw.

    Returns:
        row numbers (count,), each once.

    Raises:
        ValueError: if there are fewer rows.
    """
    if count > len(labels):
        raise ValueError(f"{count} rows of {len(labels)} cannot be drawn")
    order = random.permutation(len(labels))
    turn = np.empty(len(labels), np.intp)
    for name in np.unique(labels):
        own = order[labels[order] == name]
        turn[own] = np.arange(len(own))
    # A stable sort keeps the random order within a turn.
    found: NDArray[np.intp] = order[np.argsort(turn[order], kind="stable")][:count]
    return found


def few_label_accuracy(
    known: Floats, labels: Labels, asked: Floats, truth: Labels, seed: int = 0
) -> float:
    """Return the accuracy of a logistic regression on rows that it was not taught.

    Features are used as they come. The regularisation is chosen by the log loss of a
    cross-validation among the labelled rows, and is `DEFAULT_STRENGTH` where a class
    has a single one.

    Args:
        known: features of the labelled rows, (n, d).
        labels: their classes, (n,), at least two different ones.
        asked: features of the rows that are classified, (m, d).
        truth: their classes, (m,). A class without a label is always missed.
        seed: of the folds.
    """
    fewest = int(np.unique(labels, return_counts=True)[1].min())
    model: LogisticRegression | LogisticRegressionCV
    if fewest < 2:
        model = LogisticRegression(C=DEFAULT_STRENGTH, max_iter=1000)
    else:
        folds = StratifiedKFold(min(FOLDS, fewest), shuffle=True, random_state=seed)
        model = LogisticRegressionCV(
            Cs=STRENGTHS, cv=folds, scoring="neg_log_loss", max_iter=1000
        )
    with warnings.catch_warnings():
        # Weak regularisation of separable classes converges slowly, and is not chosen.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        model.fit(known, labels)
    return float((model.predict(asked) == truth).mean())
