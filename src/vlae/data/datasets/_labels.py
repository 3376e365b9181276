"""What several kinds of source share: class labels, and shares held out at random."""

from typing import Any

import numpy as np

from vlae.system.errors import UserError


def whole_numbers(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    """Labels as int64, one for each of `count` images.

    Raises:
        UserError: if they are no whole numbers from 0 on, or not so many.
    """
    if labels.shape not in ((count,), (count, 1)):
        raise UserError(
            f"{where}: labels of shape {labels.shape}, but there are {count} images; "
            "expected one label an image."
        )
    labels = labels.reshape(count)
    if labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
        raise UserError(f"{where}: expected labels that are whole numbers from 0 on.")
    return labels.astype("int64")


def held_out(count: int, definition: dict[str, Any]) -> dict[str, np.ndarray]:
    """Indices of the images of each split, ascending, drawn at random.

    Args:
        definition: `test` is the number of test images, or below 1 their share;
            `seed` is that of the drawing.

    Raises:
        UserError: if a key is missing, or a split would be empty.
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
            "images."
        )
    order = np.random.default_rng(definition["seed"]).permutation(count)
    return {"train": np.sort(order[number:]), "test": np.sort(order[:number])}


def drawn(definition: dict[str, Any]) -> str:
    """How `held_out` drew, for the card."""
    return f"test: {definition['test']} at random, seed {definition['seed']}"
