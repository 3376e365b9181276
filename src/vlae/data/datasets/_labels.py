"""Class labels and random test splits, for several kinds of source."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vlae.system.errors import UserError

TEST_SHARE, SPLIT_SEED = 0.1, 0
"""Share of the test images, and seed that draws them, if a data set does not say."""
QMNIST_COLUMNS = 8
"""Numbers per image in the labels of QMNIST, of which the first is the class."""


@dataclass(frozen=True)
class StoredLabels:
    """Labels as they lie in a file.

    Args:
        values: numbers or words, (N,), (N, 1), or several per image (N, K).
        place: file and array, for messages.
    """

    values: np.ndarray
    place: str

    def one_per_image(
        self, count: int, images: str, definition: dict[str, Any]
    ) -> tuple[np.ndarray, str]:
        """Return labels (count,), and what was done to get them, or "".

        Args:
            count: number of images.
            images: their place, for messages.
            definition: `classes` is more than 0; `label_column` chooses one of several
                numbers per image.

        Raises:
            UserError: if there is not one label per image, or if it is not certain
                which of several numbers it is.
        """
        values = self.values
        if values.dtype.kind not in "biufUS":
            raise UserError(
                f"{self.place}: is {values.dtype}; expected labels that are numbers or "
                "words."
            )
        if values.ndim not in (1, 2) or len(values) != count:
            raise UserError(
                f"{self.place}: labels of shape {values.shape}, but {images} has "
                f"{count} images; expected one label per image."
            )
        if values.ndim == 1 or values.shape[1] == 1:
            return values.reshape(count), ""
        column = definition.get("label_column")
        if column is None:
            return self._recognised(definition)
        if column >= values.shape[1]:
            raise self._unclear(
                f"label_column: {column} is not one of them", definition
            )
        return values[:, column], f"labels: column {column} of {values.shape[1]}"

    def _recognised(self, definition: dict[str, Any]) -> tuple[np.ndarray, str]:
        """Return one label per image where only one meaning is possible."""
        values, classes = self.values, definition["classes"]
        columns = values.shape[1]
        if values.dtype.kind in "biuf":
            ones = (values == 1).sum(1)
            hot = np.isin(values, (0, 1)).all() and (ones == 1).all()
            if columns == classes and hot:
                return values.argmax(1), "labels: one-hot, the column that is 1"
            if columns == QMNIST_COLUMNS and self._is_qmnist(classes):
                return values[:, 0], f"labels: the first of {columns} columns (QMNIST)"
        raise self._unclear("none is certain to be the class", definition)

    def _is_qmnist(self, classes: int) -> bool:
        """Whether the first column, and no other, has all classes and nothing else."""
        first = self.values[:, 0]
        fits = [np.array_equal(np.unique(c), range(classes)) for c in self.values.T]
        alike = self.values.T[fits]
        return fits[0] and bool((alike == first).all())

    def _unclear(self, why: str, definition: dict[str, Any]) -> UserError:
        columns = self.values.shape[1]
        return UserError(
            f"{self.place}: has {columns} numbers or words per image, and {why}. State "
            f"the column of the class, from 0 to {columns - 1}, as datasets."
            f"{definition.get('name', '')}.label_column (it is 0 for QMNIST)."
        )


def held_out(count: int, definition: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the indices of a random split, by the name of the part.

    Those of the training images ascend; those of the test images come in random order.
    Pictures show the first test images, which then stand for all of them, also where
    the images are sorted by class.

    Args:
        count: number of images.
        definition: `test` is the number of test images, or their share if it is below
            1; `seed` is the seed of the split.

    Raises:
        UserError: if a part would be empty.
    """
    name = definition.get("name", "")
    test, seed = definition.get("test", TEST_SHARE), definition.get("seed", SPLIT_SEED)
    if count < 2:
        raise UserError(
            f"datasets.{name}: {count} image; at least two are needed, one to train on "
            "and one to hold out."
        )
    number = max(round(count * test), 1) if test < 1 else int(test)
    if not 0 < number < count:
        raise UserError(
            f"datasets.{name}.test: {test} of {count} images leaves a split without "
            "images. Choose another number or share."
        )
    order = np.random.default_rng(seed).permutation(count)
    return {"train": np.sort(order[number:]), "test": order[:number]}


def drawn(definition: dict[str, Any]) -> str:
    """Return a description of the split that `held_out` makes, for the card."""
    test, seed = definition.get("test", TEST_SHARE), definition.get("seed", SPLIT_SEED)
    return f"test: {test} at random, seed {seed}"
