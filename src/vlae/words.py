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


def number(value: float) -> str:
    """Two decimals, without a zero before the point: '.71', '-.05', '10.20'."""
    if np.isnan(value):
        return "undefined"
    return re.sub(r"^(-?)0\.", r"\1.", f"{value:.2f}")


def spread(values: pd.Series) -> str:
    """Mean over seeds and, for several, the range: '.71 (.68-.75)'."""
    text = number(values.mean())
    if values.count() > 1:
        text += f" ({number(values.min())}–{number(values.max())})"
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
