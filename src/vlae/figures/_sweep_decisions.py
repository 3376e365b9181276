"""What decides which layer holds each property, from the table of a sweep."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vlae.config.report_spec import SweepSpec
from vlae.results.text import ordered
from vlae.statistics.variance_shares import Floats, Shares, chance, variance_shares
from vlae.system.errors import UserError, closest

MAX_SHOWN = 7
"""Properties in the figure and in the sentences; the tables have all."""
SURE = 0.05
"""The p at most of an axis that is said to decide."""


@dataclass(frozen=True)
class Decision:
    """The total effects of all layers on one property, and what decides them."""

    name: str
    """Name of the property."""
    effects: Floats
    """(values of the first axis, ..., of the last, seeds, layers); nan if undefined.

    A layer that a cell does not have changes nothing, so its effect is 0.
    """
    shares: Shares
    """What the effects depend on; nan unless every training has a number."""
    chances: tuple[float, ...]
    """For each axis the p of a permutation test; nan as for `shares`."""
    chance_of_cells: float
    """The p of all cells together: whether they differ by more than seeds do at all."""

    @property
    def trainings(self) -> int:
        """Number of trainings."""
        return int(np.prod(self.effects.shape[:-1]))

    @property
    def variance(self) -> float:
        """Variance of the effects over trainings that have some, summed over layers."""
        defined = self.effects[~np.isnan(self.effects).any(-1)]
        return float(defined.var(0).sum())

    @property
    def undefined(self) -> int:
        """Number of trainings without a number."""
        return int(np.isnan(self.effects).any(-1).sum())

    def leaders_with(self, axis: int, value: int) -> Counter[int]:
        """Return how often each layer leads in the trainings with a value of an axis.

        Args:
            axis: number of the axis.
            value: number of the value.
        """
        return leaders(np.asarray(self.effects.take(value, axis)))


def leaders(effects: Floats) -> Counter[int]:
    """Return how often each layer leads, the bottom layer first.

    Args:
        effects: (..., layers) of trainings; those that have a nan do not count.
    """
    defined = effects[~np.isnan(effects).any(-1)]
    found = (defined.argmax(-1) + 1).tolist()
    return Counter({layer: found.count(layer) for layer in sorted({*found})})


def decisions(spec: SweepSpec, table: pd.DataFrame) -> list[Decision]:
    """Return what decides each property of a sweep's table, in the order of tables."""
    return [
        _decision(spec, table, name) for name in ordered(table["property"].unique())
    ]


def shown(spec: SweepSpec, found: Iterable[Decision]) -> list[Decision]:
    """Return the properties of the figure: those asked for, or that differ most.

    There are none only if no property has a number in any training.

    Raises:
        UserError: if the sweep asks for a property that was not measured.
    """
    by_name = {decision.name: decision for decision in found}
    for name in spec.properties:
        if name not in by_name:
            raise UserError(
                f"sweeps.{spec.name}.properties: '{name}' was not measured; "
                + closest(name, by_name)
            )
    if spec.properties:
        return [by_name[name] for name in spec.properties]
    measured = [d for d in by_name.values() if d.undefined < d.trainings]
    spread = {decision.name: decision.variance for decision in measured}
    most = sorted(spread, key=lambda name: -spread[name])[:MAX_SHOWN]
    return [decision for decision in measured if decision.name in most]


def _decision(spec: SweepSpec, table: pd.DataFrame, name: str) -> Decision:
    axes = [axis.name for axis in spec.axes]
    index = pd.MultiIndex.from_product(
        [*(axis.values for axis in spec.axes), spec.seeds], names=[*axes, "seed"]
    )
    rows = table[table["property"] == name]
    by_layer = rows.set_index([*axes, "seed", "layer"])["total_effect"].unstack(
        "layer", fill_value=0.0
    )
    effects = by_layer.reindex(index).to_numpy(dtype=float)
    effects = effects.reshape(*(len(level) for level in index.levels), -1)
    if np.isnan(effects).any():
        nan = float("nan")
        shares = Shares((nan,) * len(axes), nan, nan)
        return Decision(name, effects, shares, (nan,) * len(axes), nan)
    chances = tuple(chance(effects, axis) for axis in range(len(axes)))
    cells = effects.reshape(-1, *effects.shape[-2:])
    return Decision(name, effects, variance_shares(effects), chances, chance(cells, 0))
