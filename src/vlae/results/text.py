"""Numbers and names as figures and report print them."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from vlae.config.experiment_outputs import WITHIN_CLASS_SUFFIX
from vlae.system import registry

PROPERTIES = [
    *("thickness", "slant", "width", "ink"),
    *("mean_colour", "mean_luminance", "mean_chromaticity", "contrast"),
    *("background_colour", "ink_colour", "polarity"),
    *("face_colour", "face_luminance", "hair_colour", "hair_luminance"),
    *("corner_colour", "corner_chromaticity"),
    *("class", "pixels"),
]
"""Properties in the order of tables; those of other measures stand before "class".

Attributes, which differ from data set to data set, stand before "pixels", the image. A
property within the class stands behind the property itself.
"""


def number(value: float, digits: int = 2) -> str:
    """Return a number with a fixed count of decimals.

    For example '0.71', '-0.05', '10.20' or '0.00'; 'undefined' for nan.
    """
    if np.isnan(value):
        return "undefined"
    return f"{round(value, digits):z.{digits}f}"


def first_of(names: Sequence[str], most: int) -> str:
    """Return at most `most` names, and how many are left: 'a, b and 3 more'."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


def percent(share: float) -> str:
    """Return a share of the whole as '58 %', from '0 %' to '100 %'.

    An estimate may lie a little outside and is then cut; nan becomes 'undefined'.
    """
    return "undefined" if np.isnan(share) else f"{100 * min(max(share, 0), 1):z.0f} %"


def spread(values: pd.Series, digits: int = 2) -> str:
    """Return the mean over seeds, and the range of several: '0.71 (0.68–0.75)'."""
    text = number(values.mean(), digits)
    if values.count() > 1:
        low, high = number(values.min(), digits), number(values.max(), digits)
        text += f" ({interval(low, high)})"
    return text


def interval(low: str, high: str) -> str:
    """Return two numbers as a range: '0.68–0.75', or '-0.02 to 0.10' with a minus."""
    return f"{low} to {high}" if "-" in low + high else f"{low}–{high}"


def seed_names(seeds: Sequence[int]) -> str:
    """Return seeds as '31 to 38' if they follow one another, else as '1, 3, 4'."""
    if len(seeds) > 2 and list(seeds) == [*range(seeds[0], seeds[0] + len(seeds))]:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def ordered(properties: Iterable[str]) -> list[str]:
    """Return properties in the order of `PROPERTIES`, all others by their names."""
    places: dict[str, float] = {name: i for i, name in enumerate(PROPERTIES)}
    other_measure, attribute = places["class"] - 0.5, places["pixels"] - 0.5
    for module in registry.names("measures"):
        for name in registry.constant("measures", module, "MEASURES"):
            places.setdefault(name, other_measure)

    def place(name: str) -> tuple[float, str, bool]:
        whole = name.removesuffix(WITHIN_CLASS_SUFFIX)
        return places.get(whole, attribute), whole, whole != name

    return sorted(properties, key=place)


def in_print(name: str) -> str:
    """Return the name of a property or attribute as words.

    For example 'mean colour', and 'width within the class' for `width_within_class`.
    """
    whole = name.removesuffix(WITHIN_CLASS_SUFFIX)
    words = whole.replace("_", " ")
    return words if whole == name else f"{words} within the class"


def in_words(layers: pd.Series) -> str:
    """Return 'layer 2', or how often each layer occurs if seeds differ.

    For example 'layer 1 (7 of 8 seeds) and layer 2 (1)': the most frequent layer is
    first.
    """
    if layers.nunique() == 1:
        return f"layer {layers.iloc[0]}"
    counts = (
        layers.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    )
    (most, often), *others = counts.items()
    words = [f"layer {layer} ({count})" for layer, count in others]
    return " and ".join([f"layer {most} ({often} of {len(layers)} seeds)", *words])


def digits(value: float) -> str:
    """Return a number with four significant digits: '-98.41' or '0.003410'."""
    return f"{value:z#.4g}".rstrip(".")
