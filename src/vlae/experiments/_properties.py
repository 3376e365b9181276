"""Properties of images: pixels, the data set's measures, what its classifier sees."""

import numpy as np
import torch
from torch import Tensor

from vlae.config.experiment_outputs import WITHIN_CLASS_SUFFIX
from vlae.data.prepared import targets
from vlae.experiments.base import Context
from vlae.statistics.within_class import class_means, within_class
from vlae.system import registry
from vlae.training.trained_run import classify, decode

MAX_CHECKED_IMAGES = 20_000
"""Held-out images on which the classifier's accuracy is measured, at most."""
MIN_IMAGES_PER_VALUE = 50
"""Images with and without an attribute, below which its accuracy is not trusted."""

Properties = dict[str, np.ndarray]


class PropertiesOfDraws:
    """Properties of what a run makes of noise, those within the class among them.

    The means of the classes are those of the first draws, so that one function of the
    image is measured throughout.

    Args:
        context: the run, which measures to use and which classifier.
        noise: the first draws: noise from the prior, (N, d_l) per layer, bottom to top.
    """

    def __init__(self, context: Context, noise: list[Tensor]) -> None:
        self._context = context
        found = self._of_images(noise)
        self._means = {
            name: class_means(found[name], found["class"])
            for name in (measured_within_class(context) if "class" in found else ())
        }
        self.first = self._with_class_removed(found)
        """Properties of the first draws, as calling the object returns them."""

    def __call__(self, noise: list[Tensor]) -> Properties:
        """Return all properties of the mean images of noise, by name.

        They are those of `properties`, and those within the class if the classifier
        knows classes: `measured_within_class`, with their names by `within`.
        """
        return self._with_class_removed(self._of_images(noise))

    def _of_images(self, noise: list[Tensor]) -> Properties:
        return properties(self._context, decode(self._context.run, noise))

    def _with_class_removed(self, found: Properties) -> Properties:
        return found | {
            within(name): within_class(found[name], found["class"], means)
            for name, means in self._means.items()
        }


def properties(context: Context, images: Tensor) -> Properties:
    """Return the properties of images that need no other images, by name.

    Args:
        context: says which measures and which classifier to use.
        images: (N, C, H, W) in [0, 1].

    Returns:
        `pixels` (N, C, H, W), the measures of the data set, (N,) or (N, d), and what
        its classifier sees: the probabilities of the `class` (N, classes), or of each
        attribute (N,). Its first choice is not taken, since on an image between two
        classes it changes with the least change of the image.
    """
    pixels = images.cpu().numpy()
    found = {"pixels": pixels, **measured(context, pixels)}
    if context.classifier is not None:
        data = context.classifier.spec.data
        probabilities = classify(context.classifier, images)
        if data.classes:
            found["class"] = probabilities
        else:
            found |= zip(data.attributes, probabilities.T, strict=True)
    return found


def measured(context: Context, pixels: np.ndarray) -> Properties:
    """Return only the measures of the data set, for images (N, C, H, W) in [0, 1]."""
    found: Properties = {}
    for name in context.spec.measures:
        found |= registry.load("measures", name).measure(pixels)
    return found


def within(name: str) -> str:
    """Return the name of a property within the class."""
    return name + WITHIN_CLASS_SUFFIX


def measured_within_class(context: Context) -> list[str]:
    """Return the measures of the data set that are also taken within the class."""
    found = [
        registry.constant("measures", name, "WITHIN_CLASS")
        for name in context.spec.measures
    ]
    return [measure for names in found for measure in names]


def parts(context: Context) -> dict[str, str]:
    """Return of which property each one is a part, by the name of the part.

    A property within the class is a part of the property; other parts are declared by
    modules of measures.
    """
    found = {within(name): name for name in measured_within_class(context)}
    for name in context.spec.measures:
        found |= registry.constant("measures", name, "PART_OF")
    return found


def classifier_accuracies(context: Context) -> dict[str, float]:
    """Return the classifier's accuracy on held-out images, by what depends on it.

    If the data have classes, it is that of the property `class` and of every property
    within the class. Otherwise it is each attribute with its balanced accuracy: the
    mean of the accuracies on images with and on images without the attribute, nan if
    there are fewer than `MIN_IMAGES_PER_VALUE` of either. Empty without a classifier.
    Right or wrong is the classifier's first choice, since an image has one label.
    """
    if context.classifier is None:
        return {}
    data = context.classifier.spec.data
    images = torch.tensor(context.data.images("test")[:MAX_CHECKED_IMAGES])
    truth = targets(context.data.table("test")[:MAX_CHECKED_IMAGES], data)
    probabilities = classify(context.classifier, images.float() / 255)
    if data.classes:
        accuracy = float((probabilities.argmax(1) == truth).mean())
        dependent = ["class", *map(within, measured_within_class(context))]
        return dict.fromkeys(dependent, accuracy)
    return {
        name: _balanced_accuracy(values > 0.5, column)
        for name, values, column in zip(
            data.attributes, probabilities.T, truth.T, strict=True
        )
    }


def _balanced_accuracy(named: np.ndarray, truth: np.ndarray) -> float:
    sides = [truth == value for value in (0, 1)]
    if any(side.sum() < MIN_IMAGES_PER_VALUE for side in sides):
        return float("nan")
    return float(np.mean([(named[side] == truth[side]).mean() for side in sides]))
