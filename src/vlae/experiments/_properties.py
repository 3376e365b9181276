"""What is measured on images of a run: pixels, measures, what its classifier names."""

from typing import Any

import numpy as np
import torch

from vlae.data.prepared import targets
from vlae.experiments.base import Context
from vlae.system import registry
from vlae.training.trained_run import TrainedRun, classify

CHECKED = 20_000
"""Most held-out images on which the classifier's accuracy is measured."""
FEWEST = 50
"""Images with, and without, an attribute below which its accuracy says nothing."""

Properties = dict[str, np.ndarray]


def properties(context: Context, images: torch.Tensor) -> Properties:
    """`pixels` (N, C, H, W), the measures of the data set, what its classifier names.

    Args:
        images: (N, C, H, W) in [0, 1].

    Returns:
        each (N,) or (N, ...): floats, or integers of a `class` or of an attribute.
    """
    pixels = images.cpu().numpy()
    found = {"pixels": pixels, **measured(context, pixels)}
    if context.classifier is not None:
        found |= _named(context.classifier, images)
    return found


def measured(context: Context, pixels: np.ndarray) -> Properties:
    """The measures of the data set alone, of images (N, C, H, W) in [0, 1]."""
    found: Properties = {}
    for name in context.spec.measures:
        found |= registry.load("measures", name).measure(pixels)
    return found


def classifier_accuracies(context: Context) -> dict[str, float]:
    """Accuracy of the classifier on held-out images: of `class`, or of each attribute.

    For attributes it is balanced: the mean of the accuracies on images that have it
    and on those that have it not; nan if there are fewer than `FEWEST` of either.
    """
    if context.classifier is None:
        return {}
    data = context.classifier.spec.data
    images = torch.tensor(context.data.images("test")[:CHECKED]).float() / 255
    truth = targets(context.data.table("test")[:CHECKED], data)
    named = _named(context.classifier, images)
    if data.classes:
        return {"class": float((named["class"] == truth).mean())}
    return {
        name: _balanced_accuracy(named[name], column)
        for name, column in zip(data.attributes, truth.T, strict=True)
    }


def _balanced_accuracy(named: np.ndarray, truth: np.ndarray) -> float:
    sides = [truth == value for value in (0, 1)]
    if any(side.sum() < FEWEST for side in sides):
        return float("nan")
    return float(np.mean([(named[side] == truth[side]).mean() for side in sides]))


def _named(classifier: TrainedRun, images: torch.Tensor) -> dict[str, Any]:
    """`class` (N,), or each attribute (N,) as 0 or 1, as the classifier sees it."""
    probabilities = classify(classifier, images)
    if classifier.spec.data.classes:
        return {"class": probabilities.argmax(1)}
    names = classifier.spec.data.attributes
    return dict(zip(names, (probabilities > 0.5).astype(int).T, strict=True))
