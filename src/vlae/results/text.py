"""Numbers and names as figures and report print them."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

PROPERTIES = [
    *("thickness", "slant", "width", "ink"),
    *("mean_colour", "contrast", "background_colour", "ink_colour", "polarity"),
    *("face_colour", "hair_colour", "corner_colour"),
    *("class", "pixels"),
]
"""Of the experiment `effects`, in the order of tables; attributes follow."""


def number(value: float, digits: int = 2) -> str:
    """Decimals without a zero before the point: '.71', '-.05', '10.20', '.00'."""
    if np.isnan(value):
        return "undefined"
    # A zero has no sign, also where it is a rounded number below it.
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return re.sub(r"^(-?)0\.", r"\1.", text)


def spread(values: pd.Series, digits: int = 2) -> str:
    """Mean over seeds and, for several, the range: '.71 (.68-.75)'."""
    text = number(values.mean(), digits)
    if values.count() > 1:
        low, high = number(values.min(), digits), number(values.max(), digits)
        text += f" ({low}–{high})"
    return text


def ordered(properties: Iterable[str]) -> list[str]:
    """Properties in the order of tables: known ones, attributes, pixels."""
    known = {name: place for place, name in enumerate(PROPERTIES[:-1])}
    last = len(known) + 1
    places = {**known, PROPERTIES[-1]: last}
    return sorted(properties, key=lambda name: (places.get(name, last - 1), name))


def in_print(name: str) -> str:
    """A property or attribute as words."""
    return name.replace("_", " ")


def in_words(layers: pd.Series) -> str:
    """'layer 2', or seed by seed where seeds differ: 'layers 1, 2, 2'."""
    if layers.nunique() == 1:
        return f"layer {layers.iloc[0]}"
    return f"layers {', '.join(map(str, layers))} (seed by seed)"


def digits(value: float) -> str:
    """Four digits that count: '-98.41', '0.003410'."""
    return f"{value:#.4g}".rstrip(".")
