"""What a layer's code knows: how well a property can be predicted from it.

A linear probe (Alain and Bengio 2017) finds linear dependence, a probe of boosted trees
any dependence. All scores are on rows that were held out.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vlae.statistics._checks import Floats, finite, require_count
from vlae.statistics.intervals import UNDEFINED, Interval, bootstrap

HELD_OUT_SHARE = 0.25
"""Share of the rows on which a probe is scored."""
MIN_ROWS = 100
"""Rows below which a probe is not meaningful."""

Kind = Literal["linear", "trees"]
Values = NDArray[np.generic]


@dataclass(frozen=True)
class Held:
    """A trained probe, and the rows that it was not trained on."""

    predict: Callable[[Floats], Values]
    score: Callable[[Values, Values], float]
    """From true and predicted values to 1 (all right) or 0 (no better than chance)."""
    codes: Floats
    """Held-out codes, (n, d)."""
    values: Values
    """Their true values, (n,) or (n, k)."""


def probe(
    codes: ArrayLike,
    values: Values,
    kind: Kind = "trees",
    *,
    level: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> Interval:
    """Return the held-out score of a probe from a code to a property.

    Args:
        codes: (n, d).
        values: (n,) or (n, k) floats, a property; or (n,) integers, a class. Rows with
            an undefined (nan) property do not count.
        kind: `linear` (ridge or logistic regression on standardised codes) or `trees`.
        level: of the two-sided bootstrap interval over the held-out rows.
        resamples: of the bootstrap.
        seed: of the split, the trees and the bootstrap.

    Returns:
        For a property R^2, for a vector weighted by the variance of its
        components; for a class (balanced accuracy - chance) / (1 - chance). 1 is
        perfect, 0 is chance; a useless probe is slightly below 0. Nan if the property
        does not vary.

    Raises:
        UserError: if fewer than `MIN_ROWS` rows are defined.
        ValueError: if the shapes do not fit, or codes are not finite.
    """
    held = train_probe(codes, values, kind, seed)
    if held is None:
        return UNDEFINED
    predicted = held.predict(held.codes)
    return bootstrap(
        held.score,
        held.values,
        predicted,
        level=level,
        resamples=resamples,
        seed=seed,
    )


def train_probe(codes: ArrayLike, values: Values, kind: Kind, seed: int) -> Held | None:
    """Split the rows and train a probe on the larger part.

    Arguments and exceptions are those of `probe`.

    Returns:
        None if the property does not vary in either part.
    """
    x = finite("codes", codes, 2)
    if len(values) != len(x) or values.ndim > 2:
        raise ValueError(f"codes are {x.shape}, values {values.shape}")
    is_class = np.issubdtype(values.dtype, np.integer)
    if is_class and values.ndim != 1:
        raise ValueError(f"classes have one axis, got {values.shape}")
    if not is_class:
        values = values.astype(np.float64)
        defined = ~np.isnan(values.reshape(len(values), -1)).any(1)
        x, values = x[defined], values[defined]
    require_count("probe: rows with a defined property", len(x), MIN_ROWS)
    train, test, known, hidden = train_test_split(
        x, values, test_size=HELD_OUT_SHARE, random_state=seed
    )
    if np.ptp(known, axis=0).max() == 0 or np.ptp(hidden, axis=0).max() == 0:
        return None
    model = _model(kind, is_class, values.ndim == 2, seed).fit(train, known)
    return Held(model.predict, _class_score if is_class else _r2, test, hidden)


def _model(kind: Kind, is_class: bool, is_vector: bool, seed: int) -> Any:
    if kind == "linear":
        head = LogisticRegression(max_iter=1000) if is_class else RidgeCV()
        return make_pipeline(StandardScaler(), head)
    # These trees are shallow and fast: 10,000 rows take well under a second.
    shape = {"learning_rate": 0.2, "max_leaf_nodes": 15, "early_stopping": False}
    if is_class:
        return HistGradientBoostingClassifier(max_iter=30, random_state=seed, **shape)
    model = HistGradientBoostingRegressor(max_iter=60, random_state=seed, **shape)
    return MultiOutputRegressor(model) if is_vector else model


def _r2(truth: Values, predicted: Values) -> float:
    return float(r2_score(truth, predicted, multioutput="variance_weighted"))


def _class_score(truth: Values, predicted: Values) -> float:
    with warnings.catch_warnings():
        # The probe may name a rare class that is not among the held-out rows.
        warnings.filterwarnings("ignore", message="y_pred contains classes")
        return float(balanced_accuracy_score(truth, predicted, adjusted=True))
