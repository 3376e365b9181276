"""Properties of images: pixels, the data set's measures, what its classifier names."""

import numpy as np
import torch

from vlae.data.prepared import targets
from vlae.experiments.base import Context
from vlae.models.base import ImageClassifier
from vlae.system import registry
from vlae.training.trained_run import TrainedRun, classify

MAX_CHECKED_IMAGES = 20_000
"""Held-out images on which the classifier's accuracy is measured, at most."""
MIN_IMAGES_PER_VALUE = 50
"""Images with and without an attribute, below which its accuracy is not trusted."""

Properties = dict[str, np.ndarray]


def properties(context: Context, images: torch.Tensor) -> Properties:
    """Return all properties of images by name.

    Args:
        context: says which measures and which classifier to use.
        images: (N, C, H, W) in [0, 1].

    Returns:
        `pixels` (N, C, H, W), the measures of the data set, and what its classifier
        names: a `class` or attributes, integers (N,). Measures are floats, (N,) or
        (N, ...).
    """
    pixels = images.cpu().numpy()
    found = {"pixels": pixels, **measured(context, pixels)}
    if context.classifier is not None:
        found |= _named(context.classifier, images)
    return found


def measured(context: Context, pixels: np.ndarray) -> Properties:
    """Return only the measures of the data set, for images (N, C, H, W) in [0, 1]."""
    found: Properties = {}
    for name in context.spec.measures:
        found |= registry.load("measures", name).measure(pixels)
    return found


def classifier_accuracies(context: Context) -> dict[str, float]:
    """Return the classifier's accuracy on held-out images, by property.

    The only property is `class` if the data have classes. Otherwise it is each
    attribute with its balanced accuracy: the mean of the accuracies on images with and
    on images without the attribute, nan if there are fewer than `MIN_IMAGES_PER_VALUE`
    of either. Empty without a classifier.
    """
    if context.classifier is None:
        return {}
    data = context.classifier.spec.data
    images = torch.tensor(context.data.images("test")[:MAX_CHECKED_IMAGES])
    truth = targets(context.data.table("test")[:MAX_CHECKED_IMAGES], data)
    named = _named(context.classifier, images.float() / 255)
    if data.classes:
        return {"class": float((named["class"] == truth).mean())}
    return {
        name: _balanced_accuracy(named[name], column)
        for name, column in zip(data.attributes, truth.T, strict=True)
    }


def _balanced_accuracy(named: np.ndarray, truth: np.ndarray) -> float:
    sides = [truth == value for value in (0, 1)]
    if any(side.sum() < MIN_IMAGES_PER_VALUE for side in sides):
        return float("nan")
    return float(np.mean([(named[side] == truth[side]).mean() for side in sides]))


def _named(classifier: TrainedRun[ImageClassifier], images: torch.Tensor) -> Properties:
    """Return the `class` or each attribute (0 or 1) that the classifier sees; (N,)."""
    probabilities = classify(classifier, images)
    if classifier.spec.data.classes:
        return {"class": probabilities.argmax(1)}
    names = classifier.spec.data.attributes
    return dict(zip(names, (probabilities > 0.5).astype(int).T, strict=True))
