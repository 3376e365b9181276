"""Class labels and random test splits, for several kinds of source."""

from typing import Any

import numpy as np

from vlae.system.errors import UserError


def whole_numbers(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    """Return labels as int64 (count,).

    Args:
        labels: integers (count,) or (count, 1).
        count: number of images.
        where: file and array, for messages.

    Raises:
        UserError: if there is not one label per image, or if labels are negative or
            are not integers.
    """
    if labels.shape not in ((count,), (count, 1)):
        raise UserError(
            f"{where}: labels of shape {labels.shape}, but there are {count} images; "
            "expected one label per image."
        )
    labels = labels.reshape(count)
    if labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
        raise UserError(f"{where}: expected labels that are whole numbers from 0 on.")
    return labels.astype("int64")


def held_out(count: int, definition: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the indices of a random split, ascending, by the name of the part.

    Args:
        count: number of images.
        definition: `test` is the number of test images, or their share if it is below
            1; `seed` is the seed of the split.

    Raises:
        UserError: if a key is missing, or if a part would be empty.
    """
    name = definition.get("name", "")
    for key in ("test", "seed"):
        if definition.get(key) is None:
            raise UserError(
                f"datasets.{name}.{key}: the data have no split of their own. Give "
                "'test' (a share below 1, or a number of images) and 'seed'."
            )
    test = definition["test"]
    number = round(count * test) if test < 1 else int(test)
    if not 0 < number < count:
        raise UserError(
            f"datasets.{name}.test: {test} of {count} images leaves a split without "
            "images. Choose another number or share."
        )
    order = np.random.default_rng(definition["seed"]).permutation(count)
    return {"train": np.sort(order[number:]), "test": np.sort(order[:number])}


def drawn(definition: dict[str, Any]) -> str:
    """Return a description of the split that `held_out` makes, for the card."""
    return f"test: {definition['test']} at random, seed {definition['seed']}"
