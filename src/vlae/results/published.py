"""What the authors' published pictures show, in numbers, to hold ours against.

The numbers are those of `reference/published/`, which `vlae published` writes. They are
of one seed, possibly a chosen one.
"""

from functools import cache

import pandas as pd

from vlae.config.published_pictures import (
    FIRST_ORDER,
    FOLDER,
    NUMBERS_FILE,
    PICTURES,
    SHARE_OF_LARGEST,
    Quantity,
)
from vlae.statistics.intervals import UNDEFINED, Interval
from vlae.system.checkout import of_repository
from vlae.system.errors import UserError


@cache
def published_numbers() -> pd.DataFrame:
    """Return all numbers; `vlae.experiments.published.measured` explains the columns.

    Raises:
        UserError: if the table is missing or broken, or only the package is installed.
    """
    path = of_repository(*FOLDER, NUMBERS_FILE)
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}). Get it back from git."
        ) from error


def published_number(
    figure: str,
    dataset: str,
    layer: int,
    name: str,
    quantity: Quantity | None = None,
    *,
    lead: bool = False,
) -> Interval:
    """Return what the authors' picture shows of a layer and a property.

    Args:
        figure: as in the configuration, such as "figure5".
        dataset: that of the picture: mnist, svhn or celeba.
        layer: from 1, the bottom layer.
        name: of the property, as in the table `effects`.
        quantity: the first-order effect in Figure 5 and elsewhere the share of the
            largest variance, unless given.
        lead: whether to return by how much the number is above that of any other layer.

    Returns:
        the number with its 95 % interval; undefined (nan) if it was not measured.
    """
    table = published_numbers()
    wanted = {
        "figure": figure,
        "dataset": dataset,
        "layer": layer,
        "property": name,
        "quantity": quantity
        or (FIRST_ORDER if figure == "figure5" else SHARE_OF_LARGEST),
    }
    rows = table[(table[[*wanted]] == pd.Series(wanted)).all(axis=1)]
    if rows.empty:
        return UNDEFINED
    names = ["lead", "lead_low", "lead_high"] if lead else ["value", "low", "high"]
    return Interval(*rows[names].iloc[0].astype(float))


def published_for(figure: str, dataset: str) -> str | None:
    """Return the data set of the picture that a run's panels are held against, or None.

    Args:
        figure: as in the configuration.
        dataset: that of the run: the picture's own, or a built-in one that stands in
            for it.
    """
    for picture in PICTURES.values():
        own = dataset in (picture.dataset, *picture.stand_ins)
        if picture.figure == figure and own:
            return picture.dataset
    return None
